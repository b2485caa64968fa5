"""The tensors and the graph of a vetted ``.pt2`` archive."""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from core.archives import DAMAGE, read_member
from core.backends.pytorch.operators import dtype
from core.backends.pytorch.program import Program, Stored, parse, parse_tensors
from core.backends.pytorch.vetting import LARGEST_TEXT, open_pt2, pt2_root
from core.errors import BadModel, RefusedFile

_CHUNK = 16 << 20


@dataclass(frozen=True)
class Exported:
    """A program with its parameters, buffers and constants by dotted path; ``notes`` are sentences for the person."""

    program: Program
    tensors: Mapping[str, torch.Tensor]
    notes: tuple[str, ...] = ()


def read(path: Path) -> Exported:
    """What the file holds, read without unpickling anything.

    Raises:
        RefusedFile: It is unsafe or damaged.
        BadModel: It holds several programs, or one that cannot be worked with.
    """
    with open_pt2(path) as archive:
        root = pt2_root(archive, path.name)
        start = f"{root}models/"
        models = [name for name in archive.namelist() if name.startswith(start) and name.endswith(".json")]
        if len(models) != 1:
            raise BadModel(f'"{path.name}" holds {len(models)} programs; it must hold exactly one.')
        name = models[0][len(start) : -len(".json")]
        program = parse(read_member(archive, models[0], LARGEST_TEXT))
        tensors: dict[str, torch.Tensor] = {}
        for folder, kind in (("weights", "weights"), ("constants", "constants")):
            tensors |= _tensors(archive, f"{root}data/{folder}/", f"{name}_{kind}_config.json")
        return Exported(program, tensors)


def _tensors(archive: zipfile.ZipFile, folder: str, config: str) -> dict[str, torch.Tensor]:
    if folder + config not in archive.namelist():
        raise RefusedFile(f'The exported program lacks "{config}". Export it again with PyTorch 2.9 or newer.')
    stored = parse_tensors(read_member(archive, folder + config, LARGEST_TEXT), folder)
    buffers: dict[str, torch.Tensor] = {}
    made: dict[Stored, torch.Tensor] = {}
    for entry in stored.values():
        if entry.member not in buffers:
            buffers[entry.member] = _bytes(archive, entry.member)
        if entry not in made:
            made[entry] = _tensor(entry, buffers[entry.member])
    return {path: made[entry] for path, entry in stored.items()}


def _bytes(archive: zipfile.ZipFile, name: str) -> torch.Tensor:
    """A member's bytes in memory of their own, read piece by piece so that they are there only once."""
    try:
        info = archive.getinfo(name)
        raw = torch.empty(info.file_size, dtype=torch.uint8)
        view: NDArray[np.uint8] = raw.numpy()
        with archive.open(info) as member:
            done = 0
            while piece := member.read(_CHUNK):
                view[done : done + len(piece)] = np.frombuffer(piece, np.uint8)
                done += len(piece)
    except KeyError as err:
        raise RefusedFile(f'The exported program lacks its weights "{name}".') from err
    except DAMAGE as err:
        raise RefusedFile(f'The weights "{name}" are damaged. Export the network again.') from err
    if done != info.file_size:
        raise RefusedFile(f'The weights "{name}" are cut short. Export the network again.')
    return raw


def _tensor(entry: Stored, raw: torch.Tensor) -> torch.Tensor:
    sizes = [size if size is not None else -1 for size in entry.spec.sizes]
    strides = [stride if stride is not None else -1 for stride in entry.spec.strides]
    kind = dtype(entry.spec.dtype)
    if min([0, *sizes, *strides, entry.spec.offset]) < 0 or prod(sizes) * kind.itemsize > raw.numel():
        raise RefusedFile(f'The weights "{entry.member}" are cut short. Export the network again.')
    try:
        flat = raw.view(kind) if raw.numel() else torch.empty(0, dtype=kind)
        tensor = torch.as_strided(flat, sizes, strides, entry.spec.offset)
    except (RuntimeError, TypeError, OverflowError) as err:
        raise RefusedFile(f'The weights "{entry.member}" do not fit their description.') from err
    if entry.parameter and kind.is_floating_point:
        return torch.nn.Parameter(tensor, requires_grad=entry.trained)
    return tensor
