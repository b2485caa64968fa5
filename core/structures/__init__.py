"""What is removed together? One small file each; add yours to the tuple."""

from core.registry import Registry
from core.structures._base import Gone, Structure, Units
from core.structures.channel import Channel
from core.structures.unstructured import Unstructured

STRUCTURES: Registry[Structure] = Registry("structure", (Unstructured(), Channel()))

__all__ = ["STRUCTURES", "Gone", "Structure", "Units"]
