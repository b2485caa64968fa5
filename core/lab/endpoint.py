"""Where a lab listens and how one proves to be allowed in: a small file that only its owner can read.

The lab writes it once it listens; whoever can read the file can connect. A file left by a dead lab is harmless: nothing
answers there, and the next lab writes it anew.
"""

import hashlib
import json
import os
import secrets
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from core.errors import Unavailable
from core.paths import made

#: A Unix socket's path must fit into 108 bytes; some systems allow 104.
_LONGEST_SOCKET = 100


@dataclass(frozen=True)
class Endpoint:
    """An address for ``multiprocessing.connection``, the key that opens it, and the process behind it."""

    address: str
    key: bytes
    pid: int

    @property
    def family(self) -> str:
        """``AF_UNIX``, on Windows ``AF_PIPE``."""
        return "AF_PIPE" if sys.platform == "win32" else "AF_UNIX"


def folder(home: Path) -> Path:
    """Everything labs keep on disk."""
    return home / "lab"


def endpoint_file(home: Path, framework: str) -> Path:
    """Address and key of the running lab."""
    return folder(home) / f"{framework}.json"


def lock_file(home: Path, framework: str) -> Path:
    """Held locked by the one lab there is."""
    return folder(home) / f"{framework}.lock"


def log_file(home: Path, framework: str) -> Path:
    """What the lab printed."""
    return folder(home) / f"{framework}.log"


def checked_file(home: Path, framework: str, sha256: str) -> Path:
    """Marks a model file that was opened in a throw-away process and found good."""
    return folder(home) / "checked" / f"{framework}-{sha256}"


def fresh(home: Path, framework: str) -> Endpoint:
    """A new address and key for this process."""
    name = secrets.token_hex(8)
    if sys.platform == "win32":
        address = rf"\\.\pipe\topiary-{name}"
    else:
        address = str(folder(home) / f"{framework}.socket")
        if len(os.fsencode(address)) > _LONGEST_SOCKET:
            address = str(_short_folder(home) / f"{framework}.socket")
    return Endpoint(address, secrets.token_bytes(32), os.getpid())


def write(home: Path, framework: str, endpoint: Endpoint) -> None:
    """Publish the endpoint, readable by its owner only, whole or not at all."""
    text = json.dumps({"address": endpoint.address, "key": endpoint.key.hex(), "pid": endpoint.pid})
    part = endpoint_file(home, framework).with_suffix(f".{os.getpid()}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    part.replace(endpoint_file(home, framework))


def read(home: Path, framework: str) -> Endpoint | None:
    """The endpoint that was published last, None if there is none."""
    try:
        values = json.loads(endpoint_file(home, framework).read_text())
        return Endpoint(str(values["address"]), bytes.fromhex(values["key"]), int(values["pid"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _short_folder(home: Path) -> Path:
    """A folder with a short path, ours alone, for a socket whose home lies too deep."""
    name = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:12]
    short = made(Path(tempfile.gettempdir()) / f"topiary-{name}")
    state = short.lstat()
    if sys.platform != "win32" and (state.st_uid != os.getuid() or not short.is_dir() or short.is_symlink()):
        raise Unavailable(f'The folder "{short}" belongs to somebody else; set TOPIARY_HOME to a shorter path.')
    short.chmod(0o700)
    return short
