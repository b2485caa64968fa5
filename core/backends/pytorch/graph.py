"""The neutral operation graph of a lifted network."""

from collections.abc import Mapping
from typing import Any

from torch import fx, nn

from core.backends.pytorch.arrays import places
from core.backends.pytorch.neutral import Builder
from core.backends.pytorch.samples import Sizes
from core.backends.pytorch.written_attention import projected
from core.graph import Graph, Node, Op


def graph(module: fx.GraphModule, sizes: Sizes, shapes: Mapping[str, tuple[int, ...]]) -> Graph:
    """Operations in order, their shapes for one sample; ``shapes`` are those of the arrays."""
    builder = Builder(module, sizes)
    for node in module.graph.nodes:
        builder.add(node)
    return Graph(_used(builder.nodes), dict(shapes), _classes(module))


def opaque_labels(built: Graph) -> list[str]:
    """What the operations that were not understood are called, each once; constants are none."""
    return list(dict.fromkeys(node.label for node in built.nodes if node.op is Op.OPAQUE and node.inputs))


def _used(nodes: list[Node]) -> tuple[Node, ...]:
    """Without the nodes nobody reads, such as the weights attention also returns."""
    wanted = {node.name for node in nodes if node.op in (Op.OUTPUT, Op.INPUT)}
    for node in reversed(nodes):
        if node.name in wanted:
            wanted.update(node.inputs)
    return tuple(node for node in nodes if node.name in wanted)


def _classes(module: nn.Module) -> dict[str, str]:
    classes: dict[str, Any] = {}
    modules = dict(module.named_modules())
    written = {attention.name for attention in projected(module)}
    for name in places(module):
        layer = owner = name.rpartition(".")[0]
        if layer in written:
            classes[layer] = "Attention"
            continue
        while owner and owner not in modules:
            owner = owner.rpartition(".")[0]
        classes[layer] = "Parameter" if name.endswith(".parameter") else plain_name(type(modules[owner]))
    return classes


def plain_name(kind: type[nn.Module]) -> str:
    """The class's name in plain PyTorch."""
    return next(base.__name__ for base in kind.__mro__ if base.__module__.startswith("torch."))
