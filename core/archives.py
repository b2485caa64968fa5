"""Zip archives from strangers, looked over before anything is read out of them. Knows no framework."""

import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from core.errors import RefusedFile

#: More members than any model has; a directory of millions is an attack on memory.
MOST_MEMBERS = 100_000
_GIB = 1 << 30
#: Members this small may compress as well as they like (a page of zeros does).
_ALWAYS_SMALL = 1 << 20
#: Stored or deflated: what every framework writes, and all that is read here.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
#: What Python's zip reader raises on damaged members.
DAMAGE = (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError, RuntimeError, zlib.error)


def open_zip(path: Path, *, largest: int = 4 * _GIB, ratio: int = 200) -> zipfile.ZipFile:
    """The archive, open for reading, its directory found harmless.

    Args:
        path: The file.
        largest: Most bytes all members may hold together once unpacked.
        ratio: Most times a member may grow when unpacked (members under 1 MiB are let through).

    Raises:
        RefusedFile: It is no zip, or its directory has unsafe or double names, links, encrypted members, too many
            members, or promises more than the limits.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as err:
        raise RefusedFile(
            f'"{path.name}" is no readable archive: it is damaged, cut short or of another kind. Save it again.'
        ) from err
    try:
        _look_over(archive, path.name, largest, ratio)
    except RefusedFile:
        archive.close()
        raise
    return archive


def read_member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """One member's bytes, their checksum verified.

    Raises:
        RefusedFile: It is missing, damaged, or longer than ``most`` bytes.
    """
    try:
        size = archive.getinfo(name).file_size
    except KeyError as err:
        raise RefusedFile(f'The archive lacks its member "{name}"; it is damaged or was made by hand.') from err
    if size > most:
        raise RefusedFile(f'The archive\'s member "{name}" is larger than the {most} bytes it may have.')
    try:
        return archive.read(name)
    except DAMAGE as err:
        raise RefusedFile(f'The archive\'s member "{name}" is damaged. Save the model again.') from err


def _look_over(archive: zipfile.ZipFile, file_name: str, largest: int, ratio: int) -> None:
    members = archive.infolist()
    if len(members) > MOST_MEMBERS:
        raise RefusedFile(f'"{file_name}" has {len(members)} members; at most {MOST_MEMBERS} are opened.')
    seen: set[str] = set()
    for member in members:
        reason = _unsafe(member, seen, ratio)
        if reason:
            raise RefusedFile(f'"{file_name}" was refused: its member {member.orig_filename[:80]!r} {reason}.')
        seen.add(member.filename)
    total = sum(member.file_size for member in members)
    if total > largest:
        raise RefusedFile(f'"{file_name}" would unpack to {total} bytes; at most {largest} are opened.')


def _unsafe(member: zipfile.ZipInfo, seen: set[str], ratio: int) -> str:
    name = member.orig_filename
    if not name or "\0" in name or "\\" in name:
        return "has a name no safe archive has"
    if name.startswith("/") or (len(name) > 1 and name[1] == ":") or ".." in PurePosixPath(name).parts:
        return "points outside the archive"
    if member.filename in seen:
        return "is there twice"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a link"
    if member.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if member.compress_type not in _METHODS:
        return "is packed in a way that is not opened here"
    if member.file_size > _ALWAYS_SMALL and member.file_size > ratio * max(1, member.compress_size):
        return f"unpacks to more than {ratio} times its size"
    return ""
