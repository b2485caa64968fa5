"""What a network can be written as. Registered here, in the order *Export* shows them."""

from core.formats._base import Format
from core.formats.litert import LiteRt
from core.formats.native import Native
from core.formats.onnx import Onnx
from core.formats.saved_model import SavedModel
from core.registry import Registry

FORMATS: Registry[Format] = Registry("format", (Native(), Onnx(), LiteRt(), SavedModel()))

__all__ = ["FORMATS", "Format"]
