"""A lifted network written down as plain values: its layers with their settings, its tensors, the steps between them.

``rebuilding.py`` reads it, and holds the lists of what there is: a network with anything else is refused by name.
"""

import dataclasses
import math
from typing import Any

import torch
from torch import fx, nn
from torch._ops import OpOverload

from core import temporary
from core.backends.pytorch import export
from core.backends.pytorch.heads import HeadAttention
from core.backends.pytorch.network import Network
from core.backends.pytorch.norms import Kept
from core.backends.pytorch.opening import opened
from core.backends.pytorch.operators import short_name
from core.backends.pytorch.reading import read
from core.backends.pytorch.rebuilding import ARITHMETIC, LAYERS, OPERATIONS
from core.errors import BadModel

_HEADS = f"{HeadAttention.__module__}.{HeadAttention.__name__}"
_CONSTANTS = {torch.dtype: "dtype", torch.memory_format: "memory_format", torch.layout: "layout"}


def ordinary(network: Network) -> fx.GraphModule:
    """The network's module made of PyTorch's own layers only.

    Attention with heads of uneven width, and normalisations that leave channels out, become the operations they are
    made of, by way of an exported program.
    """
    if not any(isinstance(layer, HeadAttention) or _leaves_out(layer) for layer in network.module.modules()):
        return network.module
    with temporary.folder("architecture") as folder:
        exported = read(export.save(network, folder / "network.pt2"))
    calls = tuple(
        dataclasses.replace(call, modules=tuple(entry for entry in call.modules if entry[2] != _HEADS))
        for call in exported.program.calls
    )
    again = dataclasses.replace(exported, program=dataclasses.replace(exported.program, calls=calls))
    return opened(again).module


def _leaves_out(layer: nn.Module) -> bool:
    return isinstance(layer, Kept) and layer.baked is not None and not bool(layer.baked.all())


def lacking(module: fx.GraphModule) -> str:
    """Nothing, or the sentence on the first layer or operation that there is no entry for."""
    try:
        for node in module.graph.nodes:
            layer = module.get_submodule(str(node.target)) if node.op == "call_module" else None
            if layer is None:
                _target(node)
            else:
                _kind(str(node.target), layer)
    except BadModel as err:
        return str(err)
    return ""


def described(module: fx.GraphModule) -> dict[str, Any]:
    """The architecture of an :func:`ordinary` module: ``layers``, ``tensors``, ``steps``.

    Raises:
        BadModel: It has a layer or an operation that there is no entry for.
    """
    nodes = list(module.graph.nodes)
    paths = dict.fromkeys(str(node.target) for node in nodes if node.op == "call_module")
    layers = {path: _layer(path, module.get_submodule(path)) for path in paths}
    owned = {f"{path}.{name}" for path in paths for name in module.get_submodule(path).state_dict()}
    tensors = {
        name: {"shape": list(t.shape), "dtype": _name(t.dtype), "trained": isinstance(t, nn.Parameter)}
        for name, t in state(module).items()
        if name not in owned
    }
    return {"format": 1, "layers": layers, "tensors": tensors, "steps": [_step(node) for node in nodes]}


def state(module: fx.GraphModule) -> dict[str, torch.Tensor]:
    """Every tensor that the steps use, by dotted name."""
    used = {str(node.target) for node in module.graph.nodes if node.op in ("get_attr", "call_module")}
    everything = {**dict(module.named_buffers(remove_duplicate=False)), **module.state_dict(keep_vars=True)}
    return {
        name: tensor
        for name, tensor in everything.items()
        if name in used or any(name.startswith(f"{path}.") for path in used)
    }


def _kind(path: str, layer: nn.Module) -> str:
    """What PyTorch calls the layer, or the one it was made from."""
    kind = next((base.__name__ for base in type(layer).__mro__ if base.__module__.startswith("torch.nn")), "")
    if kind not in LAYERS:
        raise BadModel(f'"{path}" is a {type(layer).__name__}, which the loader without pickle does not rebuild.')
    return kind


def _layer(path: str, layer: nn.Module) -> dict[str, Any]:
    kind = _kind(path, layer)
    return {"kind": kind, "settings": {name: _setting(layer, name) for name in LAYERS[kind].split()}}


def _setting(layer: nn.Module, name: str) -> Any:
    if isinstance(layer, nn.MultiheadAttention) and name in ("bias", "add_bias_kv"):
        return (layer.in_proj_bias if name == "bias" else layer.bias_k) is not None
    value = getattr(layer, name)
    if name == "bias" and not isinstance(value, bool):
        return value is not None
    return list(value) if isinstance(value, tuple) else value


def _step(node: fx.Node) -> dict[str, Any]:
    step: dict[str, Any] = {"name": node.name, **_target(node)}
    if node.op == "placeholder":
        return step
    if node.args:
        step["arguments"] = [_argument(argument) for argument in node.args]
    if node.kwargs:
        step["named"] = {name: _argument(argument) for name, argument in node.kwargs.items()}
    return step


def _target(node: fx.Node) -> dict[str, str]:
    kinds = {"placeholder": "input", "output": "output", "call_module": "layer", "get_attr": "tensor"}
    if node.op in ("placeholder", "output"):
        return {"kind": kinds[node.op]}
    if node.op in kinds:
        return {"kind": kinds[node.op], "target": str(node.target)}
    if isinstance(node.target, OpOverload):
        packet, overload = node.target.overloadpacket.__name__, node.target._overloadname
        if node.target.namespace == "aten" and packet in OPERATIONS:
            return {"kind": "aten", "target": f"{packet}.{overload}"}
    name = short_name(node.target)
    if ARITHMETIC.get(name) is node.target:
        return {"kind": "python", "target": name}
    raise BadModel(f'The operation "{name}" has no entry in the loader without pickle; take the native file or ONNX.')


def _argument(value: Any) -> Any:
    if isinstance(value, fx.Node):
        return {"value": value.name}
    if isinstance(value, list):
        return [_argument(item) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [_argument(item) for item in value]}
    if isinstance(value, torch.device):
        return {"device": value.type}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    kind = next((name for type_, name in _CONSTANTS.items() if isinstance(value, type_)), None)
    if kind is None:
        raise BadModel(f"An argument of the kind {type(value).__name__} has no entry in the loader without pickle.")
    return {kind: _name(value)}


def _name(constant: Any) -> str:
    return str(constant).removeprefix("torch.")
