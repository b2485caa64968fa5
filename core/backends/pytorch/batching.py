"""A network exported for one batch size made to take any.

The batch size hides in literals: ``view([1, -1])``, ``reshape([1, 128])``, ``expand([1, -1, -1])``. Three batches are
run one by one, then together, operation by operation. Where a literal stands in the way, each of its entries is tried
as the batch; the one is taken whose result is the three results side by side. The outcome is thereby proved.
"""

import operator
from collections.abc import Iterator
from typing import Any

import torch
from torch import fx

from core.backends.pytorch.operators import short_name
from core.backends.pytorch.running import Given
from core.backends.pytorch.tracing import FAILURES, Trace, close

_TOGETHER = 3
#: Operations with a list of sizes, by that list's position; a -1 in it means "whatever is left".
_VIEWS = {"view": 1, "reshape": 1, "_unsafe_view": 1, "unflatten": 2}
#: The same, but every size must be said.
_MAKERS = {"expand": 1, "zeros": 0, "ones": 0, "full": 0, "new_zeros": 1, "new_ones": 1, "new_full": 1, "empty": 0}


def free_batch(module: fx.GraphModule, batches: list[Given]) -> bool:
    """Rewrite the literals in place; False (and nothing changed) where the network keeps its batch size.

    Args:
        module: A lifted network that takes ``batches[0]``.
        batches: Three different batches of the size it was exported for.
    """
    saved = {node: (node.args, dict(node.kwargs)) for node in module.graph.nodes}
    try:
        with torch.no_grad():
            done = _Freer(module, batches).run()
    except FAILURES:
        done = False
    if not done:
        for node, (args, kwargs) in saved.items():
            node.args, node.kwargs = args, kwargs
    module.graph.eliminate_dead_code()
    module.recompile()
    return done


class _Freer:
    def __init__(self, module: fx.GraphModule, batches: list[Given]) -> None:
        self.module = module
        self.batch = len(batches[0][0])
        self.parts: list[dict[fx.Node, Any]] = []
        for x in batches[:_TOGETHER]:
            self.parts.append(Trace(module, x, keep=lambda node: True).values)
        self.step = fx.Interpreter(module)
        self.env: dict[fx.Node, Any] = {}
        self.inputs = [torch.cat(parts) for parts in zip(*batches[:_TOGETHER], strict=True)]
        self.size: fx.Node | None = None

    def run(self) -> bool:
        inputs = iter(self.inputs)
        for node in list(self.module.graph.nodes):
            if node.op == "placeholder":
                self.env[node] = next(inputs)
            elif node.op == "output":
                results = node.args[0] if isinstance(node.args[0], tuple) else (node.args[0],)
                return all(self._joined(result, self.env[result], axes=(0,)) for result in results)
            elif not self._settle(node):
                return False
        return False

    def _settle(self, node: fx.Node) -> bool:
        """Find a value for the node that is its three values side by side."""
        if self._works(node):
            return True
        for _ in self._rewrites(node):
            if self._works(node):
                return True
        for source in node.all_input_nodes:  # a class token: expanded alone, too short only here
            for _ in self._rewrites(source):
                if self._evaluated(source) and self._works(node):
                    return True
        return False

    def _works(self, node: fx.Node) -> bool:
        return self._evaluated(node) and self._joined(node, self.env[node])

    def _evaluated(self, node: fx.Node) -> bool:
        args, kwargs = fx.node.map_arg((node.args, node.kwargs), lambda source: self.env[source])
        try:
            self.env[node] = getattr(self.step, node.op)(node.target, args, kwargs)
        except FAILURES:
            return False
        return True

    def _joined(self, node: fx.Node, value: Any, axes: tuple[int, ...] | None = None) -> bool:
        return _side_by_side(value, [part[node] for part in self.parts], axes)

    def _rewrites(self, node: fx.Node) -> Iterator[None]:
        """Put the batch in each place of the node's literal in turn; the node is as it was when none is left."""
        name = short_name(node.target)
        position = _VIEWS.get(name, _MAKERS.get(name))
        if node.op != "call_function" or position is None or position >= len(node.args):
            return
        args, literal = node.args, node.args[position]
        if not isinstance(literal, list | tuple):
            return
        for index, entry in enumerate(literal):
            if isinstance(entry, int) and entry > 0 and entry % self.batch == 0:
                sizes = [-1 if size == -1 else size for size in literal]
                sizes[index] = -1 if name in _VIEWS and -1 not in literal else self._times(node, entry)
                node.args = (*args[:position], sizes, *args[position + 1 :])
                yield
        node.args = args

    def _times(self, node: fx.Node, entry: int) -> fx.Node:
        """``entry / batch`` times the size of the batch that comes, as a node before ``node``."""
        if self.size is None:
            x = next(found for found in self.module.graph.nodes if found.op == "placeholder")
            with self.module.graph.inserting_after(x):
                self.size = self.module.graph.call_function(torch.ops.aten.sym_size.int, (x, 0))
            self.env[self.size] = len(self.inputs[0])
        times = entry // self.batch
        if times == 1:
            return self.size
        with self.module.graph.inserting_before(node):
            product = self.module.graph.call_function(operator.mul, (self.size, times))
        self.env[product] = self.env[self.size] * times
        return product


def _side_by_side(value: Any, parts: list[Any], axes: tuple[int, ...] | None = None) -> bool:
    if isinstance(value, tuple | list):
        return all(_side_by_side(item, [part[i] for part in parts]) for i, item in enumerate(value))
    if not isinstance(value, torch.Tensor):
        return True
    if axes is None and value.shape == parts[0].shape:
        return all(close(value, part) for part in parts)
    tried = range(value.dim()) if axes is None else axes
    return any(
        value.shape[axis] == sum(part.shape[axis] for part in parts) and close(value, torch.cat(parts, axis))
        for axis in tried
    )
