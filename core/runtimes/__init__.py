"""What can carry a network out on this machine, by name: one small file each.

Add one: write the file, name its class here.
"""

from core.registry import Registry
from core.runtimes._base import Call, Ready, Runtime
from core.runtimes.compiled import Compiled
from core.runtimes.litert import LiteRT
from core.runtimes.native import Native
from core.runtimes.onnxruntime import OnnxRuntime

RUNTIMES: Registry[Runtime] = Registry("runtime", (Native(), Compiled(), OnnxRuntime(), LiteRT()))

__all__ = ["RUNTIMES", "Call", "Ready", "Runtime"]
