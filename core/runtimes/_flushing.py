"""The processor's switch that takes denormals for zero: on while a prediction is timed, as it was before and after.

ONNX Runtime turns it on in the thread that opens a process's first session, for good and for nobody else's. Whoever
computes in that thread later would find small numbers gone.
"""

import ctypes
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from core.runtimes._base import Call

#: Bytes that hold any system's floating-point environment.
_SIZE = 64
#: Where in it the word with the switch lies, and its bits: MXCSR's flush-to-zero and denormals-are-zero, FPCR's FZ.
_WORDS = {("linux", "x86_64"): (28, 0x8040), ("linux", "aarch64"): (0, 1 << 24)}


@cache
def _library() -> Any:
    """The mathematics of C; None where it is not to be had under that name."""
    if sys.platform == "win32":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "fesetenv") else ctypes.CDLL("libm.so.6")


@contextmanager
def as_it_was() -> Iterator[None]:
    """Whatever happens to this thread's switch within is undone at the end."""
    library, before = _library(), ctypes.create_string_buffer(_SIZE)
    if library is None:
        yield
        return
    library.fegetenv(before)
    try:
        yield
    finally:
        library.fesetenv(before)


def flushing(call: Call) -> Call:
    """The same call with denormals taken for zero while it lasts; unchanged on systems whose switch is not known."""
    library, place = _library(), _WORDS.get((sys.platform, platform.machine()))
    if library is None or place is None:
        return call
    plain, flushed = ctypes.create_string_buffer(_SIZE), ctypes.create_string_buffer(_SIZE)
    library.fegetenv(plain)
    flushed.raw = plain.raw
    offset, bits = place
    word = ctypes.c_uint32.from_buffer(flushed, offset)
    word.value |= bits
    switch = library.fesetenv

    def timed() -> None:
        switch(flushed)
        try:
            call()
        finally:
            switch(plain)

    return timed
