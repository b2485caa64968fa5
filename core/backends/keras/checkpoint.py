"""Variables and masks in one safetensors file, written atomically."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core.backends._base import Masks
from core.errors import BadModel, Unavailable
from core.masks import Mask

_MASK = "mask."
#: How many masks there are. Files of an older version have no masks in them.
_MASKS = "masks"


def save(path: Path, variables: Mapping[str, Any], masks: Masks) -> None:
    """Write the values of the variables, and the masks they are trained under.

    Raises:
        Unavailable: The disk is full or not writable.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {name: np.asarray(v.numpy(), order="C") for name, v in variables.items()}
        content |= {f"{_MASK}{name}": mask.packed() for name, mask in masks.items()}
        save_file({**content, _MASKS: np.array([len(masks)])}, part)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(path)
    except (OSError, SafetensorError) as err:  # a full disk is the latter
        part.unlink(missing_ok=True)
        reason = getattr(err, "strerror", None) or err
        raise Unavailable(f'The checkpoint "{path.name}" could not be written: {reason}.') from err


def load(path: Path, variables: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> Masks | None:
    """Read the values back; nothing is changed unless all fit.

    Args:
        path: What :func:`save` wrote.
        variables: By name.
        shapes: Canonical shape by array name.

    Returns:
        The masks; None for a file of an older version, which had none in it.

    Raises:
        BadModel: The file is damaged, or of another network or optimiser.
    """
    found = _content(path)
    knows_masks = found.pop(_MASKS, None) is not None
    packed = {name: found.pop(name) for name in list(found) if name.startswith(_MASK)}
    fits = found.keys() == variables.keys() and all(found[n].shape == tuple(v.shape) for n, v in variables.items())
    try:
        names = {name: name.removeprefix(_MASK) for name in packed}
        masks = {plain: Mask.unpacked(packed[name], shapes[plain]) for name, plain in names.items()}
    except (KeyError, ValueError) as err:
        raise _other(path) from err
    if not fits:
        raise _other(path)
    for name, variable in variables.items():
        variable.assign(found[name])
    return masks if knows_masks else None


def _content(path: Path) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return dict(load_file(path))
    except (SafetensorError, OSError, ValueError) as err:
        raise BadModel(f'The checkpoint "{path.name}" cannot be read; start the run again.') from err


def _other(path: Path) -> BadModel:
    return BadModel(f'The checkpoint "{path.name}" is of another network or optimiser; start the run again.')
