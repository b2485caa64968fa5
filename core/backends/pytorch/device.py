"""Where PyTorch computes: ``TOPIARY_DEVICE`` (auto, cpu, cuda, mps; default auto)."""

import os
from collections.abc import Mapping

import torch

from core.errors import Unavailable


def choose() -> torch.device:
    """The device asked for; with ``auto`` CUDA, then MPS, then the CPU.

    Raises:
        Unavailable: The device asked for is not there.
    """
    wanted = os.environ.get("TOPIARY_DEVICE", "auto").lower()
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return torch.device(next(name for name, is_there in there.items() if is_there))
    if not there.get(wanted.split(":")[0], False):
        raise Unavailable(f'The device "{wanted}" (TOPIARY_DEVICE) is not there. Choose auto, cpu, cuda or mps.')
    return torch.device(wanted)


def environment() -> Mapping[str, str]:
    """Versions, device and threads, for recipes and reports."""
    return {
        "pytorch": str(torch.__version__),
        "device": str(choose()),
        "threads": str(torch.get_num_threads()),
    }
