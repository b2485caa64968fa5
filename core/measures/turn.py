"""Speed is measured by one at a time on a machine: two at once would slow each other down."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from core.locks import only_one


@contextmanager
def turn(wait: Callable[[], None]) -> Iterator[None]:
    """While the block runs nobody else of this machine, in whichever process, is in such a block.

    Args:
        wait: Called again and again until whoever measures has ended; it takes a moment, and may raise.
    """
    while True:
        with only_one(_place()) as mine:
            if mine:
                yield
                return
        wait()


def _place() -> Path:
    """One file a machine and account: what others made cannot be opened for writing."""
    account = "" if sys.platform == "win32" else f"-{os.getuid()}"
    return Path(tempfile.gettempdir()) / f"topiary-measuring{account}.lock"
