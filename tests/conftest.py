"""What every test leaves as it found it."""

import ctypes
import sys

import pytest


@pytest.fixture(autouse=True)
def numbers_as_small_as_there_are():
    """ONNX Runtime's first session takes denormals for zero in the thread that opens it, for good; we put it back."""
    yield
    if "onnxruntime" in sys.modules and sys.platform == "linux":
        ctypes.CDLL(None).fesetenv(ctypes.c_void_p(-1))  # FE_DFL_ENV
