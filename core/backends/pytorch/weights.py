"""Bare weights put into the network they belong to, and that network exported."""

import importlib
import importlib.util
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from core.architectures import meant
from core.backends.pytorch.reading import Exported, read
from core.backends.pytorch.running import Given
from core.errors import BadModel, NeedsArchitecture, RefusedFile, first_line

#: Axes of one batch, input by input: which are free.
Axes = tuple[dict[int, Any], ...]
#: Under these keys training scripts keep the weights beside other things.
_INSIDE = ("state_dict", "model_state_dict", "model", "weights", "net")
_SIDES = (28, 32, 8, 64, 224, 16)
_LENGTHS = (40, 28, 128, 16, 64)


def exported_from_weights(path: Path, architecture: str) -> Exported:
    """The architecture with the file's weights, exported with a free batch and read back.

    Raises:
        NeedsArchitecture: It cannot be found or built, or the weights are not its own.
        RefusedFile: The file is damaged.
        BadModel: It cannot be exported.
    """
    network, module = build(architecture)
    state = _state(path)
    try:
        network.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as err:
        lines = [line.strip() for line in str(err).splitlines()[1:3]]
        raise NeedsArchitecture(f'The weights do not fit "{architecture}": {" ".join(lines)[:300]}') from err
    return exported(network.eval(), module)


def exported(network: nn.Module, module: ModuleType | None) -> Exported:
    """The network, exported on the first example it takes."""
    reason = "no example input fits"
    for example in _examples(network, module):
        try:
            with torch.no_grad():
                network(*example)
        except Exception as err:  # somebody's code on a guessed input
            reason = str(err).strip().split("\n")[0][:200]
            continue
        return exported_on(network, example)
    raise BadModel(
        f"No input was found that the network takes ({reason}). "
        "Put `example_input = torch.zeros(2, …)` (a tuple for several inputs) beside its callable."
    )


def exported_on(network: nn.Module, example: Given, free: Sequence[Axes] = ()) -> Exported:
    """The network, exported on an example and read back.

    Args:
        network: Evaluating.
        example: One batch, of two samples or more.
        free: As :func:`write_program` takes it.

    Raises:
        BadModel: It cannot be exported.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.pt2"
        try:
            write_program(network, example, path, free)
        except Exception as err:  # torch.export raises whatever somebody's code leads to
            raise BadModel(f"torch.export cannot export the network: {first_line(err)}") from err
        return read(path)


def write_program(network: nn.Module, example: Given, path: Path, free: Sequence[Axes] = ()) -> None:
    """Export with a free batch where the network allows it, else for the example's, and write the file.

    Args:
        network: Evaluating.
        example: One batch, of two samples or more.
        path: Where to.
        free: What is to be free where that is possible, most first: per input its free axes.
    """
    batch = torch.export.Dim("batch")
    tried: list[Axes | None] = [*free, tuple({0: batch} for _ in example), None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # notes to the network's author, not to ours
        program = _program(network, example, tried)
        for node in program.graph.nodes:
            node.meta.pop("stack_trace", None)  # lines of files on this machine
        torch.export.save(program, path)


def _program(network: nn.Module, example: Given, tried: Sequence[Axes | None]) -> torch.export.ExportedProgram:
    """The first that works; of a batch written into the code the file tells, and it is mended when it is opened."""
    for axes in tried[:-1]:
        with suppress(Exception):  # torch.export raises whatever a network's code leads to
            return torch.export.export(network, example, dynamic_shapes=axes)
    return torch.export.export(network, example, dynamic_shapes=tried[-1])


def build(architecture: str) -> tuple[nn.Module, ModuleType]:
    """The network that a name or a place of code stands for, and its module.

    A sample's or the operator's name (:mod:`core.architectures`), ``FILE.py:CALLABLE`` or ``package.module:callable``.
    """
    place, _, name = meant(architecture).rpartition(":")
    if not place:
        place, name = "sample_models.pytorch_networks", architecture.split("@")[0].replace("-", "_")
    module = _module(place, architecture)
    maker = getattr(module, name, None)
    if not callable(maker):
        raise NeedsArchitecture(f'"{architecture}" names no callable "{name}" in "{place}".')
    try:
        network = maker()
    except Exception as err:  # somebody's code
        raise NeedsArchitecture(f'"{architecture}" could not be built: {type(err).__name__}: {err}') from err
    if not isinstance(network, nn.Module):
        raise NeedsArchitecture(f'"{architecture}" gives a {type(network).__name__}; it must give an nn.Module.')
    return network, module


def _module(place: str, architecture: str) -> ModuleType:
    try:
        if not place.endswith(".py"):
            return importlib.import_module(place)
        path = Path(place)
        spec = importlib.util.spec_from_file_location(f"architecture_{path.stem}", path)
        if spec is None or spec.loader is None or not path.is_file():
            raise NeedsArchitecture(f'There is no file "{place}" for the architecture "{architecture}".')
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module
    except NeedsArchitecture:
        raise
    except Exception as err:  # somebody's code, or no such module
        raise NeedsArchitecture(f'The architecture "{architecture}" cannot be imported: {err}') from err


def _state(path: Path) -> Mapping[str, Any]:
    try:
        if path.suffix.lower() == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as err:  # both readers raise many kinds on damaged files
        raise RefusedFile(f'"{path.name}" is damaged or holds more than tensors. Save the weights again.') from err
    for key in _INSIDE:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
    if not isinstance(found, Mapping) or not all(isinstance(value, torch.Tensor) for value in found.values()):
        raise RefusedFile(f'"{path.name}" holds no state dict (names to tensors).')
    return found


def _examples(network: nn.Module, module: ModuleType | None) -> Iterator[Given]:
    """Inputs to try: what the author says (a tensor, or a tuple of them), then what the first layer asks for."""
    given = getattr(module, "example_input", None)
    given = given() if callable(given) else given
    given = given if isinstance(given, tuple | list) else (given,)
    if given and all(isinstance(tensor, torch.Tensor) for tensor in given):
        yield tuple(given)
    yield from ((tensor,) for tensor in _guesses(network, module))


def _guesses(network: nn.Module, module: ModuleType | None) -> Iterator[torch.Tensor]:
    shape = getattr(network, "input_shape", None) or getattr(module, "input_shape", None)
    if shape is not None:
        yield torch.zeros(2, *shape)
    first = next(
        (layer for layer in network.modules() if not list(layer.children()) and list(layer.parameters())), None
    )
    yield from (torch.zeros(2, *shape) for shape in _shapes(first))
    if isinstance(first, nn.Embedding):
        yield from (torch.zeros(2, length, dtype=torch.int64) for length in _LENGTHS)


def _shapes(first: nn.Module | None) -> Iterator[tuple[int, ...]]:
    if isinstance(first, nn.Linear):
        yield (first.in_features,)
        side = round(first.in_features**0.5)
        if side * side == first.in_features:
            yield (1, side, side)
        yield from ((length, first.in_features) for length in _LENGTHS)
    elif isinstance(first, nn.Conv2d):
        yield from ((first.in_channels, side, side) for side in _SIDES)
    elif isinstance(first, nn.Conv1d):
        yield from ((first.in_channels, length) for length in _LENGTHS)
    elif isinstance(first, nn.GRU | nn.LSTM):
        yield from ((length, first.input_size) for length in _LENGTHS)
        yield from ((first.input_size, length) for length in _LENGTHS)
