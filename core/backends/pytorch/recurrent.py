"""GRU and LSTM layers, whole again from ``aten.gru`` and ``aten.lstm``."""

import operator
from typing import Any

import torch
from torch import fx, nn

from core.backends.pytorch.operators import bound, short_name
from core.backends.pytorch.plain import sweep

_KINDS: dict[str, type[nn.GRU] | type[nn.LSTM]] = {"gru": nn.GRU, "lstm": nn.LSTM}
_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def lift_recurrent(module: fx.GraphModule, node: fx.Node) -> bool:
    """Replace one operation by its module, in place; False where it is not the ordinary kind."""
    arguments = bound(node)
    parameters = arguments.get("params")
    if "input" not in arguments or not parameters or not all(_is_attribute(item) for item in parameters):
        return False
    folder = str(parameters[0].target).rpartition(".")[0]
    names = _names(arguments)
    if not folder or [str(item.target) for item in parameters] != [f"{folder}.{name}" for name in names]:
        return False
    if not isinstance(module.get_submodule(folder), _KINDS[short_name(node.target)]):
        _install(module, folder, short_name(node.target), arguments, names)
    start = arguments["hx"]
    inputs = (arguments["input"],) if _starts_at_zero(start) else (arguments["input"], _start(start))
    with module.graph.inserting_before(node):
        call = module.graph.call_module(folder, inputs)
    call.meta = dict(node.meta)
    if short_name(node.target) == "lstm":
        _unpack_state(module, node, call)
    node.replace_all_uses_with(call)
    module.graph.erase_node(node)
    return True


def _is_attribute(value: Any) -> bool:
    return isinstance(value, fx.Node) and value.op == "get_attr"


def _names(arguments: dict[str, Any]) -> list[str]:
    kinds = _NAMES if arguments["has_biases"] else _NAMES[:2]
    directions = ("", "_reverse") if arguments["bidirectional"] else ("",)
    return [f"{kind}_l{layer}{end}" for layer in range(arguments["num_layers"]) for end in directions for kind in kinds]


def _install(module: fx.GraphModule, folder: str, kind: str, arguments: dict[str, Any], names: list[str]) -> None:
    holder = module.get_submodule(folder)
    gates, width = getattr(holder, "weight_ih_l0").shape  # noqa: B009 - the holder is a bare module
    built = _KINDS[kind](
        width,
        gates // (3 if kind == "gru" else 4),
        arguments["num_layers"],
        bias=arguments["has_biases"],
        batch_first=arguments["batch_first"],
        dropout=arguments["dropout"],
        bidirectional=arguments["bidirectional"],
        device="meta",
    )
    for name in names:
        setattr(built, name, getattr(holder, name))
    module.add_submodule(folder, built.eval())


def _starts_at_zero(start: Any) -> bool:
    """Whether the first state is what the layer makes itself when it is given none."""
    if isinstance(start, list | tuple):
        return all(_starts_at_zero(item) for item in start)
    return isinstance(start, fx.Node) and short_name(start.target) in ("zeros", "zeros_like", "new_zeros")


def _start(start: Any) -> Any:
    return tuple(start) if isinstance(start, list | tuple) else start


def _unpack_state(module: fx.GraphModule, node: fx.Node, call: fx.Node) -> None:
    """``aten.lstm`` returns (output, h, c), the module (output, (h, c))."""
    for user in list(node.users):
        index = user.args[1]
        if index in (1, 2):
            with module.graph.inserting_before(user):
                state = module.graph.call_function(operator.getitem, (call, 1))
            user.args = (state, int(str(index)) - 1)


def take_apart(module: fx.GraphModule, path: str) -> None:
    """A stack of recurrent layers made a module each, in place: only then can their hidden sizes differ.

    They are ``path.l0``, ``path.l1`` … with the stack's own tensors; the dropout between them is ``path.dropout0`` ….
    """
    stack = module.get_submodule(path)
    assert isinstance(stack, nn.GRU | nn.LSTM)  # nothing else is a stack
    holder = nn.Module()
    for number in range(stack.num_layers):
        holder.add_module(f"l{number}", _single(stack, number))
        if stack.dropout and number + 1 < stack.num_layers:
            holder.add_module(f"dropout{number}", nn.Dropout(stack.dropout))
    folder, _, leaf = path.rpartition(".")
    setattr(module.get_submodule(folder), leaf, holder.train(stack.training))
    for node in list(module.graph.nodes):
        if node.op == "call_module" and node.target == path:
            _call_each(module, node, stack)
    module.recompile()


def _single(stack: nn.GRU | nn.LSTM, number: int) -> nn.GRU | nn.LSTM:
    width = getattr(stack, f"weight_ih_l{number}").shape[1]
    settings = {"bias": stack.bias, "batch_first": stack.batch_first, "bidirectional": stack.bidirectional}
    made = type(stack)(width, stack.hidden_size, **settings, device="meta")
    for name, _ in list(made.named_parameters()):
        setattr(made, name, getattr(stack, name.replace("_l0", f"_l{number}")))
    return made


def _call_each(module: fx.GraphModule, node: fx.Node, stack: nn.GRU | nn.LSTM) -> None:
    graph, calls, value = module.graph, [], node.all_input_nodes[0]
    with graph.inserting_before(node):
        for number in range(stack.num_layers):
            calls.append(graph.call_module(f"{node.target}.l{number}", (value,)))
            value = graph.call_function(operator.getitem, (calls[-1], 0))
            if stack.dropout and number + 1 < stack.num_layers:
                value = graph.call_module(f"{node.target}.dropout{number}", (value,))
        states = [graph.call_function(operator.getitem, (call, 1)) for call in calls]
    for user in list(node.users):
        if user.args[1] == 0:
            user.replace_all_uses_with(value)
        elif isinstance(stack, nn.GRU):
            user.replace_all_uses_with(_joined(graph, user, states))
        else:
            for part in list(user.users):
                with graph.inserting_before(part):
                    own = [graph.call_function(operator.getitem, (state, part.args[1])) for state in states]
                part.replace_all_uses_with(_joined(graph, part, own))
    sweep(graph)


def _joined(graph: fx.Graph, before: fx.Node, states: list[fx.Node]) -> fx.Node:
    with graph.inserting_before(before):
        return graph.call_function(torch.ops.aten.cat.default, (states, 0))
