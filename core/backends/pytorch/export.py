"""A network written so that plain PyTorch opens it."""

import os
import tempfile
from pathlib import Path

from torch.export import Dim

from core.backends.pytorch.network import Network
from core.backends.pytorch.outputs import several
from core.backends.pytorch.running import clone
from core.backends.pytorch.weights import Axes, write_program
from core.errors import BadModel, Unavailable, first_line

#: Two samples: with one, PyTorch takes the batch for a constant.
_EXAMPLE = 2


def save(network: Network, path: Path) -> Path:
    """Write ``path`` with the suffix .pt2, whole or not at all.

    The batch, and other axes of any size, are free where the network allows it.

    Raises:
        BadModel: PyTorch cannot export it.
        Unavailable: The folder cannot be written to.
    """
    target = path.with_suffix(".pt2")
    example = network.example(network.facts.only_batch or _EXAMPLE)
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".saving-") as folder:
            written = Path(folder) / target.name
            write_program(clone(network.module), example, written, _free(network))
            os.replace(written, target)  # noqa: PTH105 - atomic, also over an existing file
    except OSError as err:
        raise Unavailable(f'"{target.name}" cannot be written: {err.strerror or err}.') from err
    except (RuntimeError, ValueError, TypeError, AssertionError) as err:
        raise BadModel(f"PyTorch cannot export the network: {first_line(err)}") from err
    return target


def _free(network: Network) -> tuple[Axes, ...]:
    """Axes of any size beside the batch, if there are any."""
    if network.facts.only_batch is not None or all(
        size is not None for shape in network.input_shapes for size in shape
    ):
        return ()
    dynamic = Dim.DYNAMIC
    return (
        tuple(
            {0: dynamic, **{axis: dynamic for axis, size in enumerate(shape, 1) if size is None}}
            for shape in network.input_shapes
        ),
    )


def snippet(network: Network, file_name: str) -> str:
    """Python that opens the file in plain PyTorch; ``x`` is a numpy batch (for several inputs a tuple of them), ``y``
    the outputs, of several the first."""
    kinds = [str(inlet.type) for inlet in network.facts.inlets]
    one = len(kinds) == 1
    given = "".join(f"torch.tensor(x{'' if one else f'[{index}]'}, dtype={kind}), " for index, kind in enumerate(kinds))
    result = "[0]" if several(network.module.graph) else ""
    return (
        "import torch\n"
        "\n"
        f'model = torch.export.load("{file_name}").module()\n'
        "with torch.no_grad():\n"
        f"    y = model({given[:-2]}){result}.numpy()\n"
    )
