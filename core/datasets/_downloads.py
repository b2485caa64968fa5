"""Files too large to carry: taken from Keras's own cache folder, or downloaded there and checked."""

import hashlib
import os
import tarfile
import tempfile
import urllib.request
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from core.errors import Unavailable

#: Seconds without a byte before a download is given up.
PATIENCE = 15
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Remote:
    """A file on the net: where it is kept under the cache folder, where it comes from, what it must be."""

    file: str
    url: str
    sha256: str
    size: int


def folder() -> Path:
    """Where Keras keeps data sets: ``$KERAS_HOME/datasets`` or ``~/.keras/datasets``."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "datasets"


def fetched(remote: Remote) -> Path:
    """The file on this machine: the one in the cache folder, else downloaded there and checked before it counts.

    Raises:
        Unavailable: It is not here and cannot be downloaded now.
    """
    path = folder() / remote.file
    if path.is_file():
        return path
    try:
        _download(remote, path)
    except (OSError, HTTPException) as err:
        raise Unavailable(
            f'"{remote.file}" is not in {folder()} and could not be downloaded ({err}). '
            f"Connect to the internet, or put the file from {remote.url} there."
        ) from err
    return path


@contextmanager
def reading(remote: Remote) -> Iterator[Path]:
    """The file for a ``with`` block that reads it; whatever goes wrong there says that the file is damaged.

    Raises:
        Unavailable: As :func:`fetched`, or the file in the cache folder is not what it should be.
    """
    path = fetched(remote)
    try:
        yield path
    except (OSError, EOFError, ValueError, KeyError, tarfile.TarError, zlib.error) as err:
        raise Unavailable(f'"{path}" is damaged or of another kind. Delete it; it is then downloaded again.') from err


def _right(path: Path, remote: Remote) -> bool:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == remote.sha256


def _download(remote: Remote, path: Path) -> None:
    """Write beside the target and move it there only when it is whole and right."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file, urllib.request.urlopen(remote.url, timeout=PATIENCE) as answer:
            left = remote.size + 1
            while left > 0 and (chunk := answer.read(min(_CHUNK, left))):
                file.write(chunk)
                left -= len(chunk)
        if not _right(Path(name), remote):
            raise OSError("what came is not the expected file")
        Path(name).replace(path)
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()
