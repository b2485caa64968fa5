"""Variables in one safetensors file, written atomically."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import BadModel, Unavailable


def save(path: Path, variables: Mapping[str, Any]) -> None:
    """Write the values of the variables.

    Raises:
        Unavailable: The disk is full or not writable.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({name: np.asarray(v.value.numpy(), order="C") for name, v in variables.items()}, part)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(path)
    except (OSError, SafetensorError) as err:  # a full disk is the latter
        part.unlink(missing_ok=True)
        reason = getattr(err, "strerror", None) or err
        raise Unavailable(f'The checkpoint "{path.name}" could not be written: {reason}.') from err


def load(path: Path, variables: Mapping[str, Any]) -> None:
    """Read the values back; nothing is changed unless all fit.

    Raises:
        BadModel: The file is damaged, or of another network or optimiser.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        found = load_file(path)
    except (SafetensorError, OSError, ValueError) as err:
        raise BadModel(f'The checkpoint "{path.name}" cannot be read; start the run again.') from err
    fits = found.keys() == variables.keys() and all(found[n].shape == tuple(v.shape) for n, v in variables.items())
    if not fits:
        raise BadModel(f'The checkpoint "{path.name}" is of another network or optimiser; start the run again.')
    for name, variable in variables.items():
        variable.assign(found[name])
