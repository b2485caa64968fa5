"""What a network can be written as. Registered here, in the order *Export* shows them."""

from core.formats._base import Format
from core.formats.litert import LiteRt
from core.formats.litert_int8 import LiteRtInt8
from core.formats.native import Native
from core.formats.onnx import Onnx
from core.formats.onnx_int8 import OnnxInt8
from core.formats.safetensors import Safetensors
from core.formats.saved_model import SavedModel
from core.formats.sparse import Sparse
from core.registry import Registry

FORMATS: Registry[Format] = Registry(
    "format",
    (Native(), Safetensors(), Sparse(), Onnx(), OnnxInt8(), LiteRt(), LiteRtInt8(), SavedModel()),
)

__all__ = ["FORMATS", "Format"]
