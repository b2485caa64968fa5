"""What must go together, and cutting it: ours beside Torch-Pruning's, on the architectures and a ResNet-50.

    python benchmarks/groups_against_torch_pruning.py [--repeats 5] [NAME ...]

Both get the same half of every group's channels, by index. "analysis" is from the network to all groups (ours: neutral
graph and groups, given every value's shape, which "tracing" finds by a forward pass for each of two batch sizes;
theirs: ``DependencyGraph.build_dependency``, one forward pass among it). "cut" is from the indices to a smaller network
(ours: a copy that was run for two batch sizes and mended; theirs: in place, on a copy made before). Milliseconds of
processor time on one thread, median of the repeats: whatever else the machine does counts for nobody. Parameters left
must be equal.
"""

import argparse
import copy
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
#: What Torch-Pruning 1.6 finds the groups of; it leaves recurrent layers out and fails on exported attention.
NAMES = ("vgg", "resnet_basic", "resnet_bottleneck", "densenet", "mobilenet", "inception", "unet", "resnet50")


def timed(job: Callable[[], Any], repeats: int, before: Callable[[], Any] = lambda: None) -> tuple[float, Any]:
    """Median milliseconds and the last result; ``before`` is not timed, its result goes to nobody."""
    taken, result = [], None
    for _ in range(repeats):
        before()
        started = process_time()
        result = job()
        taken.append(1000 * (process_time() - started))
    return median(taken), result


def network_of(name: str) -> tuple[Any, tuple[int, ...]]:
    """The network and the shape of one sample."""
    if name == "resnet50":
        from benchmarks.resnet50 import SHAPE, resnet50

        return resnet50(), SHAPE
    from importlib import import_module

    from sample_models.architectures import ARCHITECTURES

    return getattr(import_module("sample_models.architectures.pytorch"), name)().eval(), ARCHITECTURES[name].shape


def opened(network: Any, shape: tuple[int, ...]) -> Any:
    """Behind the seam, through a file."""
    import torch

    from core.backends.pytorch import BACKEND

    example, batch = torch.zeros(2, *shape), ({0: torch.export.Dim("batch")},)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.pt2"
        torch.export.save(torch.export.export(network, (example,), dynamic_shapes=batch), path)
        return BACKEND.load(path)


def traced(model: Any) -> Any:
    """Every value's shape, by two forward passes; done once, when a network is opened."""
    from core.backends.pytorch.surgery import traced_sizes

    return traced_sizes(model.module, model)


def analysed(model: Any, sizes: Any) -> Any:
    """All groups, from the lifted network and its shapes on."""
    from core.backends.pytorch.graph import graph
    from core.groups import groups

    return groups(graph(model.module, sizes, {name: array.shape for name, array in model.arrays().items()}))


def halves(found: Any, seed: int = 0) -> dict[str, np.ndarray]:
    """By cuttable group of channels the half that goes."""
    rng = np.random.default_rng(seed)
    chosen = {}
    for group in found:
        if group.cuttable and group.kind == "channel":
            chosen[group.name] = np.sort(rng.permutation(group.channels)[: group.channels // 2])
    return chosen


def cuts_of(found: Any, gone: dict[str, np.ndarray]) -> dict[tuple[str, int], np.ndarray]:
    """The kept indices by array and axis."""
    kept: dict[tuple[str, int], np.ndarray] = {}
    for group in (group for group in found if group.name in gone):
        for member in group.members:
            stays = kept.setdefault((member.array, member.axis), np.ones(member.channel.size, bool))
            stays &= ~np.isin(member.channel, gone[group.name])
    return {place: np.flatnonzero(stays) for place, stays in kept.items()}


def rows_of(found: Any, gone: dict[str, np.ndarray]) -> list[tuple[str, list[int]]]:
    """By first producing layer of each group the rows that go, as Torch-Pruning takes them."""
    rows = []
    for group in (group for group in found if group.name in gone):
        member = next(member for member in group.members if member.produces)
        rows.append(
            (member.array.rpartition(".")[0], np.flatnonzero(np.isin(member.channel, gone[group.name])).tolist())
        )
    return rows


def theirs(network: Any, shape: tuple[int, ...]) -> Any:
    """Torch-Pruning's analysis."""
    import torch
    import torch_pruning as tp

    return tp.DependencyGraph().build_dependency(network, torch.zeros(2, *shape))


def theirs_cut(graph: Any, network: Any, rows: list[tuple[str, list[int]]]) -> None:
    """Torch-Pruning's cut, in place."""
    import torch
    import torch_pruning as tp

    for layer, indices in rows:
        module = network.get_submodule(layer)
        if isinstance(module, torch.nn.ConvTranspose2d):
            function = tp.prune_conv_out_channels
        else:
            function = (
                tp.prune_linear_out_channels if isinstance(module, torch.nn.Linear) else tp.prune_conv_out_channels
            )
        graph.get_pruning_group(module, function, idxs=indices).prune()


def compared(name: str, repeats: int) -> str:
    """One line of the table."""
    network, shape = network_of(name)
    model = opened(network, shape)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    ours_tracing, sizes = timed(lambda: traced(model), repeats)
    ours_analysis, found = timed(lambda: analysed(model, sizes), repeats)
    gone = halves(found)
    ours_cut, smaller = timed(lambda: model.cut(cuts_of(found, gone)), repeats)
    left = sum(parameter.numel() for parameter in smaller.module.parameters())
    theirs_analysis, _ = timed(lambda: theirs(network, shape), repeats)
    state: dict[str, Any] = {}

    def prepare() -> None:
        state["network"] = copy.deepcopy(network)
        state["graph"] = theirs(state["network"], shape)

    rows = rows_of(found, gone)
    theirs_cutting, _ = timed(lambda: theirs_cut(state["graph"], state["network"], rows), repeats, prepare)
    theirs_left = sum(parameter.numel() for parameter in state["network"].parameters())
    same = "equal" if left == theirs_left else f"{theirs_left:,}"
    figures = (ours_tracing, ours_analysis, theirs_analysis, ours_cut, theirs_cutting)
    return f"{name:<18} {parameters:>11,} {' '.join(f'{one:>9.1f}' for one in figures)} {left:>11,}  {same}"


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    _one_thread()
    print(f"{'':<30} {'tracing':>9} {'analysis, ms':>19} {'cut, ms':>19} {'parameters left':>18}")
    whose = " ".join(f"{one:>9}" for one in ("ours", "ours", "theirs", "ours", "theirs"))
    print(f"{'network':<18} {'parameters':>11} {whose} {'ours':>11}  theirs")
    for name in arguments.names:
        print(compared(name, arguments.repeats), flush=True)


if __name__ == "__main__":
    main()
