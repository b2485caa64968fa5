"""From a program's operations back to layers that train.

Every ``aten.conv2d``, ``linear``, ``batch_norm`` … whose tensors are stored parameters becomes the ``nn`` module it
came from, at the path its parameters have; recurrent layers and multi-head attention come back whole. One set of
parameters used twice is one module used twice. What is not recognised stays as it is.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import fx, nn

from core.backends.pytorch.attention import lift_attention
from core.backends.pytorch.layers import DROPOUTS, LAYERS, Layered, put, settings
from core.backends.pytorch.operators import bound, short_name
from core.backends.pytorch.plain import safe_path, sweep
from core.backends.pytorch.recurrent import lift_recurrent
from core.backends.pytorch.tracing import Trace


def lift(module: fx.GraphModule, trace: Trace) -> list[str]:
    """Turn operations of ``module`` into layers, in place.

    Args:
        module: What :func:`plain` gave.
        trace: Its values on a trial batch (their ranks, and the proof that attention came back right).

    Returns:
        Notes for the person.
    """
    notes = lift_attention(module, trace)
    lifter = _Lifter(module, trace)
    for node in list(module.graph.nodes):
        if node.op != "call_function":
            continue
        name = short_name(node.target)
        if name in DROPOUTS:
            lifter.dropout(node, name)
        elif name in LAYERS:
            lifter.layer(node, LAYERS[name])
        elif name in ("gru", "lstm"):
            lift_recurrent(module, node)
    calm(module)
    sweep(module.graph)
    module.graph.lint()
    module.recompile()
    module.eval()
    return notes + lifter.notes


class _Lifter:
    def __init__(self, module: fx.GraphModule, trace: Trace) -> None:
        self.module = module
        self.trace = trace
        self.notes: list[str] = []
        self.lifted: dict[str, str] = {}
        self.owner: dict[int, str] = {}
        self.dropouts = 0

    def dropout(self, node: fx.Node, name: str) -> None:
        probability = float(bound(node)["p"])
        stack = node.meta.get("modules") or (("", "", ""),)
        _, path, kind = stack[-1]
        if not path or "Dropout" not in kind.rsplit(".", 1)[-1]:
            self.dropouts += 1
            path = f"dropout_{self.dropouts}"
        path = safe_path(path)
        built = DROPOUTS[name](probability)
        if self.lifted.get(path, settings(built)) != settings(built) or not _free(self.module, path, self.lifted):
            return
        if path not in self.lifted:
            self.module.add_submodule(path, built)
            self.lifted[path] = settings(built)
        _replace(self.module, node, path, (bound(node)["input"],))

    def layer(self, node: fx.Node, how: Layered) -> None:
        arguments = bound(node)
        tensors = {name: arguments.get(argument) for name, argument in how.tensors.items()}
        if not all(_is_stored(value, name) for name, value in tensors.items()):
            return
        looked_up = {name: _stored(self.module, value) for name, value in tensors.items()}
        known = {argument: looked_up[name] for name, argument in how.tensors.items()}
        rank = self.trace.rank(arguments[how.calls[0]])
        built = how.build({**arguments, **known}, rank)
        path = _path_of(tensors.values())
        if built is None or path is None or not self._place(path, built, looked_up):
            return
        _replace(self.module, node, path, tuple(arguments[name] for name in how.calls))

    def _place(self, path: str, built: nn.Module, tensors: dict[str, torch.Tensor | None]) -> bool:
        given = {name: tensor for name, tensor in tensors.items() if tensor is not None}
        if path in self.lifted:
            return self.lifted[path] == settings(built) and all(
                getattr(self.module.get_submodule(path), name, None) is tensor for name, tensor in given.items()
            )
        if any(self.owner.get(id(tensor), path) != path for tensor in given.values()):
            first = next(self.owner[id(tensor)] for tensor in given.values() if id(tensor) in self.owner)
            self.notes.append(f'"{path}" shares its weights with "{first}": it is computed as it is, not pruned.')
            return False
        if not _owned(built, given) or not _free(self.module, path, {}):
            return False
        _install(self.module, path, built, given)
        self.lifted[path] = settings(built)
        self.owner.update({id(tensor): path for tensor in given.values()})
        return True


def _owned(built: nn.Module, tensors: dict[str, torch.Tensor]) -> bool:
    """Whether what must be a parameter is one, and nothing the module needs is missing."""
    names = {name for name, value in built.named_parameters(recurse=False) if value is not None}
    return all(name in tensors and isinstance(tensors[name], nn.Parameter) for name in names)


def _install(root: fx.GraphModule, path: str, built: nn.Module, tensors: dict[str, torch.Tensor]) -> None:
    old = _existing(root, path)
    for name, tensor in tensors.items():
        put(built, name, tensor)
    if isinstance(built, nn.modules.batchnorm._BatchNorm):
        count = getattr(old, "num_batches_tracked", None)
        built.num_batches_tracked = torch.zeros((), dtype=torch.int64) if count is None else count
    for name, child in old.named_children() if old is not None else ():
        built.add_module(name, child)
    for name, value in old.named_parameters(recurse=False) if old is not None else ():
        if name not in built._parameters:
            built.register_parameter(name, value)
    root.add_submodule(path, built.eval())


def _existing(root: nn.Module, path: str) -> nn.Module | None:
    try:
        return root.get_submodule(path)
    except AttributeError:
        return None


def _free(root: nn.Module, path: str, lifted: dict[str, str]) -> bool:
    """Whether a module may stand at the path: nothing but a bare holder of parameters is there."""
    *folders, leaf = path.split(".")
    parent = _existing(root, ".".join(folders)) if folders else root
    if parent is None:
        return True
    if leaf in parent._parameters or leaf in parent._buffers:
        return False
    old = parent._modules.get(leaf)
    return old is None or type(old) is nn.Module or path in lifted


def _path_of(tensors: Iterable[Any]) -> str | None:
    """The module all of the tensors belong to (``block.conv.weight`` is of ``block.conv``), None for several."""
    folders = {str(value.target).rpartition(".")[0] for value in tensors if isinstance(value, fx.Node)}
    return folders.pop() or None if len(folders) == 1 else None


def _is_stored(value: Any, name: str) -> bool:
    """Whether the value is a stored tensor that already has the name the layer gives it, or is absent."""
    return value is None or (
        isinstance(value, fx.Node) and value.op == "get_attr" and str(value.target).rpartition(".")[2] == name
    )


def _stored(module: nn.Module, value: fx.Node | None) -> torch.Tensor | None:
    if value is None:
        return None
    folder, _, leaf = str(value.target).rpartition(".")
    tensor = getattr(module.get_submodule(folder), leaf)
    assert isinstance(tensor, torch.Tensor)  # get_attr nodes are made for tensors only
    return tensor


def _replace(module: fx.GraphModule, node: fx.Node, path: str, inputs: tuple[Any, ...]) -> None:
    with module.graph.inserting_before(node):
        call = module.graph.call_module(path, inputs)
    call.meta = dict(node.meta)
    node.replace_all_uses_with(call)
    module.graph.erase_node(node)


def calm(module: fx.GraphModule) -> None:
    """Replace ``relu_`` and its like, which change their input, by the operation that returns a new value."""
    order = {node: index for index, node in enumerate(module.graph.nodes)}
    for node in list(module.graph.nodes):
        name = short_name(node.target)
        if node.op != "call_function" or not name.endswith("_") or name.endswith("__"):
            continue
        twin = getattr(getattr(torch.ops.aten, name[:-1], None), getattr(node.target, "_overloadname", ""), None)
        changed = node.args[0] if node.args else None
        if twin is None or not isinstance(changed, fx.Node) or short_name(changed.target) in _VIEWS:
            continue
        later = [user for user in changed.users if order.get(user, 0) > order[node]]
        for user in later:
            user.replace_input_with(changed, node)
        node.target = twin


#: Operations whose result shares memory with their input: changing it changes the input too.
_VIEWS = ("view", "reshape", "select", "slice", "transpose", "permute", "flatten", "unsqueeze", "squeeze", "expand",
          "getitem", "chunk", "split", "detach", "alias", "unflatten", "t", "narrow", "unbind")  # fmt: skip
