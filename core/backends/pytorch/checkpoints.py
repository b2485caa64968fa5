"""Weights, optimiser state and masks in one safetensors file, written whole or not at all."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from core.backends._base import Masks
from core.backends.pytorch.arrays import tensors
from core.errors import RefusedFile, Unavailable
from core.masks import Mask

_MORE = "extra."


def save(
    path: Path,
    module: nn.Module,
    optimiser: torch.optim.Optimizer,
    masks: Masks,
    more: Mapping[str, torch.Tensor],
) -> None:
    """Write everything training needs to go on; ``more`` is what its extras leave (``dense.…``, ``movement.…``).

    Raises:
        Unavailable: The folder cannot be written to.
    """
    content = {f"model.{name}": tensor.contiguous().clone() for name, tensor in tensors(module).items()}
    for number, state in optimiser.state_dict()["state"].items():
        for name, value in state.items():
            if isinstance(value, torch.Tensor):
                content[f"optimiser.{number}.{name}"] = value.contiguous().clone()
    content |= {f"mask.{name}": torch.from_numpy(mask.packed()) for name, mask in masks.items()}
    content |= {f"{_MORE}{name}": tensor.contiguous().clone() for name, tensor in more.items()}
    content = {name: tensor.cpu() for name, tensor in content.items()}
    try:
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        os.close(handle)
        try:
            save_file(content, part, metadata={"masks": json.dumps(sorted(masks))})
            with Path(part).open("rb+") as file:
                os.fsync(file.fileno())  # before anything points to it
            os.replace(part, path)  # noqa: PTH105 - atomic, also over an existing file
        finally:
            Path(part).unlink(missing_ok=True)
    except (OSError, SafetensorError) as err:
        raise Unavailable(f'The checkpoint "{path.name}" cannot be written: {err}.') from err


def load(
    path: Path, module: nn.Module, optimiser: torch.optim.Optimizer, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[Masks, dict[str, torch.Tensor]]:
    """Put weights and optimiser state back; give the masks, and what extras had left.

    Raises:
        RefusedFile: It is damaged, or of another network.
    """
    try:
        with safe_open(path, framework="pt") as file:
            content = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (OSError, SafetensorError) as err:
        raise RefusedFile(f'The checkpoint "{path.name}" is damaged: {err}.') from err
    try:
        for name, tensor in tensors(module).items():
            tensor.copy_(content[f"model.{name}"])
        _restore(optimiser, content)
        names = [name.removeprefix("mask.") for name in content if name.startswith("mask.")]
        masks = {name: Mask.unpacked(content[f"mask.{name}"].numpy(), shapes[name]) for name in names}
        return masks, {name.removeprefix(_MORE): tensor for name, tensor in content.items() if name.startswith(_MORE)}
    except (KeyError, RuntimeError, ValueError) as err:
        raise RefusedFile(f'The checkpoint "{path.name}" is of another network.') from err


def _restore(optimiser: torch.optim.Optimizer, content: Mapping[str, torch.Tensor]) -> None:
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in content.items():
        if name.startswith("optimiser."):
            _, number, part = name.split(".", 2)
            state.setdefault(int(number), {})[part] = tensor
    whole = optimiser.state_dict()
    optimiser.load_state_dict({"state": state, "param_groups": whole["param_groups"]})
