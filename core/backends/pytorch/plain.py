"""A program as an ``fx.GraphModule`` that does what the file says, operation by operation."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import fx, nn
from torch._ops import OpOverload

from core.backends.pytorch.operators import bound, constant, find, short_name
from core.backends.pytorch.program import Call, Program, Ref, Tagged
from core.backends.pytorch.reading import Exported
from core.errors import BadModel, RefusedFile

#: Names a graph module keeps for itself; a layer of that name gets an underscore.
_TAKEN = frozenset(dir(fx.GraphModule)) | {"graph", "_code", "meta", "training"}
#: Arguments that say whether an operation trains; a loaded network always evaluates.
_TRAINING = {"batch_norm": "training", "dropout": "train", "feature_dropout": "train", "alpha_dropout": "train",
             "gru": "train", "lstm": "train", "rnn_tanh": "train", "rnn_relu": "train"}  # fmt: skip


def safe_path(path: str) -> str:
    """A dotted path under which a module may be kept."""
    head, *rest = path.split(".")
    return ".".join([head + "_" if head in _TAKEN else head, *rest])


def plain(exported: Exported) -> fx.GraphModule:
    """The program, its tensors at their dotted paths, evaluating.

    Every node's ``meta["modules"]`` is the stack of modules it was traced in: (key, path, class), outermost first.

    Raises:
        BadModel, RefusedFile: It uses an operation that is not carried out; it refers to what is not there.
    """
    root = nn.Module()
    for path, tensor in exported.tensors.items():
        _keep(root, safe_path(path), tensor)
    graph = _graph(exported.program, exported.tensors)
    try:
        module = fx.GraphModule(root, graph, "Network")
    except (SyntaxError, RuntimeError, AttributeError, ValueError) as err:
        raise RefusedFile("The exported program's graph is damaged. Export the network again.") from err
    return module.eval()


def _keep(root: nn.Module, path: str, tensor: torch.Tensor) -> None:
    *folders, leaf = path.split(".")
    try:
        for folder in folders:
            if folder not in root._modules:
                root.add_module(folder, nn.Module())
            root = root.get_submodule(folder)
        if isinstance(tensor, nn.Parameter):
            root.register_parameter(leaf, tensor)
        else:
            root.register_buffer(leaf, tensor)
    except (KeyError, AttributeError, TypeError) as err:
        raise BadModel(f'The network has weights called "{path}", which is not a name they can have.') from err


def _graph(program: Program, tensors: Mapping[str, torch.Tensor]) -> fx.Graph:
    graph = fx.Graph()
    values: dict[str, fx.Node] = {}
    for name, _ in program.inputs:
        values[name] = graph.placeholder(name)
    for name, path in program.stored.items():
        if path not in tensors:
            raise RefusedFile(f'The exported program lacks its weights "{path}".')
        values[name] = graph.get_attr(safe_path(path))
    for call in program.calls:
        _add(graph, call, values)
    results = tuple(_value(Ref(name), values) for name in program.outputs)
    graph.output(results if len(results) > 1 else results[0])
    sweep(graph)
    return graph


def sweep(graph: fx.Graph) -> None:
    """Drop operations nobody uses; random ones too, which ``fx`` would keep."""
    graph.eliminate_dead_code(is_impure_node=_changes_something)


def _changes_something(node: fx.Node) -> bool:
    if node.op in ("placeholder", "output"):
        return True
    return isinstance(node.target, OpOverload) and node.target._schema.is_mutable


def _add(graph: fx.Graph, call: Call, values: dict[str, fx.Node]) -> None:
    target = find(call.target)
    if target is None or _counts_batches(call, values):
        return
    args = tuple(_value(argument, values) for argument in call.args)
    kwargs = {name: _value(argument, values) for name, argument in call.kwargs.items()}
    node = graph.create_node("call_function", target, args, kwargs, name=call.name)
    node.meta["modules"] = call.modules
    _evaluate(node)
    if call.several:
        for index, name in enumerate(call.outputs):
            values[name] = graph.call_function(find("_operator.getitem"), (node, index))  # type: ignore[arg-type]
            values[name].meta["modules"] = call.modules
    elif call.outputs:
        values[call.outputs[0]] = node


def _counts_batches(call: Call, values: Mapping[str, fx.Node]) -> bool:
    """Whether the call is ``num_batches_tracked += 1``, left by an export in training mode."""
    first = call.args[0] if call.args else None
    node = values.get(first.name) if isinstance(first, Ref) else None
    return node is not None and node.op == "get_attr" and str(node.target).endswith("num_batches_tracked")


def _evaluate(node: fx.Node) -> None:
    name = _TRAINING.get(short_name(node.target))
    arguments = bound(node) if name else {}
    if name and arguments.get(name) is True:
        node.args = tuple(False if key == name else value for key, value in arguments.items())
        node.kwargs = {}


def _value(argument: Any, values: Mapping[str, fx.Node]) -> Any:
    if isinstance(argument, Ref):
        if argument.name not in values:
            raise RefusedFile(f'The exported program uses "{argument.name}" before it is there.')
        return values[argument.name]
    if isinstance(argument, Tagged):
        return constant(argument)
    return [_value(item, values) for item in argument] if isinstance(argument, list) else argument
