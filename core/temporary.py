"""Temporary folders that never stay: gone when their block ends, and where its process was killed at the next start."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.locks import only_one

_PREFIX = "topiary-"
#: Locked while somebody works in the folder; the system lets go of it however a process ends.
_HELD = ".held"
#: Seconds that a folder may lie there before it is locked.
_BIRTH = 60.0


@contextmanager
def folder(kind: str) -> Iterator[Path]:
    """An empty folder of the system's temporary ones, called after what is done in it; the first act is to sweep."""
    sweep()
    made = tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{kind}-", ignore_cleanup_errors=True)
    with made as name, only_one(Path(name) / _HELD):
        yield Path(name)


def sweep() -> None:
    """Remove what killed processes of this project and of this person left among the system's temporary folders."""
    for place in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_HELD}"):
        try:
            if _ours(place.parent) and time.time() - place.lstat().st_mtime > _BIRTH:
                with only_one(place) as free:
                    if free:
                        shutil.rmtree(place.parent, ignore_errors=True)
        except OSError:  # somebody else swept it, or may and we may not
            continue


def _ours(folder: Path) -> bool:
    return not folder.is_symlink() and (os.name == "nt" or folder.stat().st_uid == os.getuid())
