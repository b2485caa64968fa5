"""What of every architecture is removed, zeroed or untouched, and why; kept in docs/coverage.json for the README.

    python tests/unit/project/coverage.py [pytorch|keras]

writes the part of one framework anew (without a name both, each in a process of its own), and what is never removed.
"""

import json
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT / "docs" / "coverage.json"
FRAMEWORKS = ("pytorch", "keras")
#: What one unit of a kind of group is called, many of them.
UNITS = {"channel": "channels", "head": "heads", "hidden": "hidden units"}


def covered(model: Any) -> dict[str, dict[str, str]]:
    """By layer ``what`` happens to it, which ``units`` of its own it loses, the ``reason`` where it is not all.

    ``removed``: it makes units that go for good. ``follows``: it loses what belongs to the units of other layers.
    ``zeroed``: its rows become zero and stay. ``untouched``: neither.
    """
    from core.groups import groups, left_out

    graph = model.graph()
    found: dict[str, dict[str, str]] = {}
    for group in groups(graph):
        for member in group.members:
            layer = member.array.rpartition(".")[0]
            entry = found.setdefault(layer, {"what": "follows", "units": "", "reason": ""})
            if not group.cuttable:
                found[layer] = {"what": "zeroed", "units": UNITS[group.kind], "reason": group.reason}
            elif member.produces and entry["what"] != "zeroed":
                names = dict.fromkeys([*filter(None, entry["units"].split(", ")), UNITS[group.kind]])
                found[layer] = {"what": "removed", "units": ", ".join(names), "reason": group.estimated}
    reasons = left_out(graph)
    for layer in dict.fromkeys(name.rpartition(".")[0] for name in graph.arrays):
        entry = found.setdefault(layer, {"what": "untouched", "units": "", "reason": "no channels reach it"})
        if entry["what"] == "untouched" or f"{layer}.depthwise" not in graph.arrays:
            entry["reason"] = reasons.get(layer, entry["reason"])
    return {layer: found[layer] for layer in sorted(found)}


def coverage(framework: str) -> dict[str, dict[str, dict[str, str]]]:
    """By architecture and layer."""
    from sample_models.architectures import ARCHITECTURES

    builders = import_module(f"sample_models.architectures.{framework}")
    opened = _opened_keras if framework == "keras" else _opened_pytorch
    return {name: covered(opened(getattr(builders, name)(), one)) for name, one in ARCHITECTURES.items()}


def _opened_keras(network: Any, one: Any) -> Any:
    from core.backends.keras.loading import loaded

    return loaded(network)


def _opened_pytorch(network: Any, one: Any) -> Any:
    import torch

    from core.backends.pytorch import BACKEND

    kind = torch.int64 if one.sample_kind == "tokens" else torch.float32
    example, batch = torch.zeros((2, *one.shape), dtype=kind), ({0: torch.export.Dim("batch")},)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "network.pt2"
        torch.export.save(torch.export.export(network.eval(), (example,), dynamic_shapes=batch), path)
        return BACKEND.load(path)


def kept() -> dict[str, str]:
    """What is never removed -> what is said of it: one small graph for each."""
    from core.graph import Graph, Node, Op
    from core.groups import groups, left_out

    found = {}
    for title, nodes in _never():
        arrays = {"layer.kernel": (4, 3), "layer.bias": (4,), "last.kernel": (2, nodes[-1].shape[-1])}
        start = (Node("x", Op.INPUT, (), (3,)), Node("a", Op.LINEAR, ("x",), (4,), "layer"))
        end = Node("last", Op.LINEAR, (nodes[-1].name,), (2,), "last")
        last = () if title == "the network's output" else (end,)
        result = Node("out", Op.OUTPUT, ((last or nodes)[-1].name,), (last or nodes)[-1].shape)
        graph = Graph((*start, *nodes, *last, result), arrays, {"layer": "Linear", "last": "Linear"})
        reasons = {group.name: group.reason for group in groups(graph)} | left_out(graph)
        found[title] = reasons["layer"]
    return found


def _never() -> Iterator[tuple[str, tuple[Any, ...]]]:
    from core.graph import Node, Op

    constant = Node("constant", Op.OPAQUE, (), (4,), label="constant")
    piece = {"axis": 0, "start": 0, "stop": 2, "step": 1}
    yield "the network's output", (Node("tanh", Op.ELEMENTWISE, ("a",), (4,), label="tanh"),)
    yield "softmax over channels", (Node("softmax1", Op.SOFTMAX, ("a",), (4,), None, {"axis": 0}, "softmax"),)
    yield "products between activations", (Node("matmul1", Op.MATMUL, ("a", "a"), (4,), label="matmul"),)
    unequal = "channels chosen by position, in unequal pieces"
    yield unequal, (Node("slice1", Op.SLICE, ("a",), (2,), None, piece, "slice"),)
    yield "channels split over several axes and left so", (Node("view1", Op.RESHAPE, ("a",), (2, 2), label="view"),)
    yield (
        "the mean over channels",
        (Node("mean1", Op.REDUCE, ("a",), (1,), None, {"axes": (0,), "keepdims": True}, "mean"),),
    )
    yield (
        "sums with the input or with constants",
        (constant, Node("add1", Op.ADD, ("a", "constant"), (4,), label="add")),
    )
    yield "operations that are not understood", (Node("sort1", Op.OPAQUE, ("a",), (4,), label="sort"),)


def text(stored: dict[str, Any]) -> str:
    """The file's content."""
    return json.dumps(stored, indent=1, sort_keys=True) + "\n"


def stored() -> dict[str, Any]:
    """What the file holds; empty before it was ever written."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}


def main(names: list[str]) -> None:
    """Write the parts of these frameworks anew."""
    if len(names) != 1:
        for name in names or FRAMEWORKS:
            subprocess.run([sys.executable, __file__, name], check=True)
        return
    FILE.write_text(text({**stored(), names[0]: coverage(names[0]), "kept": kept()}), encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main(sys.argv[1:])
