"""A PyTorch network as safetensors, a declarative architecture, and the loader that puts them together."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from core.artefacts import replacing_folder, write_bytes, write_json
from core.backends.pytorch import architecture, rebuilding
from core.backends.pytorch.network import Network
from core.measures.size import sparse_tensors


def refuses(network: Network) -> str:
    """Why it cannot be had; nothing where it can."""
    if network.facts.only_batch is not None:
        return "It was exported for one batch size; its steps cannot be rebuilt for others."
    return architecture.lacking(network.module)


def write(network: Network, path: Path, *, sparse: bool = False) -> Path:
    """Write the folder ``path``: ``weights.safetensors``, ``architecture.json``, ``load.py``.

    Args:
        network: The network.
        path: The folder; what was there before goes.
        sparse: Whether weights are kept as bits and values where that is smaller.

    Raises:
        BadModel: It has a layer or an operation that there is no entry for.
        Unavailable: The disk is full or not writable.
    """
    module = architecture.ordinary(network)
    about = architecture.described(module)
    state = architecture.state(module)
    arrays = {name: np.asarray(tensor.detach().cpu().numpy(), order="C") for name, tensor in state.items()}
    with replacing_folder(path) as draft:
        tensors, metadata = _sparse(arrays) if sparse else (arrays, {})
        write_bytes(draft / "weights.safetensors", save(tensors, {"format": "pt", **metadata}))
        write_json(draft / "architecture.json", about)
        source = Path(rebuilding.__file__).read_text(encoding="utf-8")
        (draft / "load.py").write_text(source, encoding="utf-8")
    return path


def write_sparse(network: Network, path: Path) -> Path:
    """The same with bits and values."""
    return write(network, path, sparse=True)


def _sparse(arrays: dict[str, NDArray[Any]]) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    numbers = {name: array for name, array in arrays.items() if array.dtype == np.float32}
    tensors, metadata = sparse_tensors(numbers)
    return {**tensors, **{name: array for name, array in arrays.items() if name not in numbers}}, metadata
