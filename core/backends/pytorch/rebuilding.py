"""Rebuilds a network from ``architecture.json`` and ``weights.safetensors``. No pickle; PyTorch and safetensors only.

This file is handed out beside the two as ``load.py`` and stands by itself:

    model = load("folder")

``architecture.json`` names layers of ``torch.nn`` with their settings, and the steps of a forward pass: ``layer`` calls
one of them, ``aten`` and ``python`` an operation listed below, ``tensor`` fetches a stored one. Nothing else is called.
Weights stored as bits and values (``NAME:bits``, ``NAME:values``) get their zeros back.
"""

import json
import math
import operator
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import nn

_CONV = "in_channels out_channels kernel_size stride padding dilation groups bias padding_mode"
_NORM = "num_features eps momentum affine track_running_stats"
_RECURRENT = "input_size hidden_size num_layers bias batch_first dropout bidirectional"
#: Layers, with the settings that say everything about each.
LAYERS = {
    "Linear": "in_features out_features bias",
    **{f"Conv{n}d": _CONV for n in (1, 2, 3)},
    **{f"ConvTranspose{n}d": f"{_CONV} output_padding" for n in (1, 2, 3)},
    **{f"BatchNorm{n}d": _NORM for n in (1, 2, 3)},
    "LayerNorm": "normalized_shape eps elementwise_affine bias",
    "RMSNorm": "normalized_shape eps elementwise_affine",
    "GroupNorm": "num_groups num_channels eps affine",
    "Embedding": "num_embeddings embedding_dim padding_idx",
    "GRU": _RECURRENT,
    "LSTM": _RECURRENT,
    "MultiheadAttention": "embed_dim num_heads dropout bias add_bias_kv add_zero_attn kdim vdim batch_first",
    "PReLU": "num_parameters",
    "Dropout": "p",
    "Dropout2d": "p",
    "AlphaDropout": "p",
}
#: Operations of ``torch.ops.aten``.
_OPERATIONS = """
relu relu6 leaky_relu elu selu celu gelu silu mish hardtanh hardswish hardsigmoid hardshrink softshrink
sigmoid log_sigmoid tanh tanhshrink softplus softsign softmax _softmax log_softmax _log_softmax glu threshold prelu
max_pool1d max_pool2d max_pool3d max_pool2d_with_indices avg_pool1d avg_pool2d avg_pool3d
adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d
linear matmul mm bmm addmm baddbmm einsum conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d
scaled_dot_product_attention embedding batch_norm _native_batch_norm_legit_no_training layer_norm native_layer_norm
rms_norm group_norm instance_norm gru lstm dropout feature_dropout alpha_dropout
add sub rsub mul div neg abs pow sqrt rsqrt reciprocal square exp expm1 log log1p log2 erf sin cos atan
sign floor ceil round clamp clamp_min clamp_max minimum maximum fmod remainder lerp addcmul addcdiv
sum mean amax amin max min prod var std var_mean norm linalg_vector_norm logsumexp cumsum cumprod argmax argmin
all any topk sort
view reshape _unsafe_view flatten unflatten squeeze unsqueeze permute transpose t numpy_T mT movedim swapaxes expand
expand_as repeat repeat_interleave tile contiguous clone alias detach lift_fresh_copy to _to_copy type_as
cat concat concatenate stack split split_with_sizes chunk unsafe_chunk unbind select slice narrow index index_select
gather flip roll pad constant_pad_nd reflection_pad1d reflection_pad2d replication_pad1d replication_pad2d
pixel_shuffle pixel_unshuffle upsample_nearest1d upsample_nearest2d upsample_bilinear2d unfold im2col
zeros ones full empty zeros_like ones_like full_like new_zeros new_ones new_full arange scalar_tensor eye linspace
tril triu where masked_fill eq ne lt le gt ge logical_and logical_or logical_not bitwise_and bitwise_or bitwise_not
sym_size sym_numel one_hot isnan isinf nan_to_num
"""
OPERATIONS = frozenset(_OPERATIONS.split())
#: Arithmetic on sizes, and taking one result of several.
_ON_SIZES = "add sub mul floordiv truediv mod neg getitem eq ne lt le gt ge"
ARITHMETIC = {
    **{name: getattr(operator, name) for name in _ON_SIZES.split()},
    **{name: getattr(math, name) for name in ("trunc", "ceil", "floor")},
}


class Network(nn.Module):
    """The layers, and the steps between them."""

    def __init__(self, architecture: dict[str, Any]) -> None:
        super().__init__()
        self.steps: list[dict[str, Any]] = architecture["steps"]
        for path, layer in architecture["layers"].items():
            if layer["kind"] not in LAYERS:
                raise ValueError(f'"{layer["kind"]}" is not a layer that is rebuilt here.')
            settings = {name: _settled(value) for name, value in layer["settings"].items()}
            self._place(path, getattr(nn, layer["kind"])(**settings))
        for path, entry in architecture["tensors"].items():
            tensor = torch.zeros(entry["shape"], dtype=_constant("dtype", entry["dtype"]))
            trained = entry["trained"]
            self._place(path, nn.Parameter(tensor, tensor.is_floating_point()) if trained else tensor)

    def forward(self, *inputs: torch.Tensor) -> Any:
        """The outputs: one tensor, or a tuple."""
        values: dict[str, Any] = {}
        given = iter(inputs)
        for step in self.steps:
            arguments = [_filled(argument, values) for argument in step.get("arguments", ())]
            named = {name: _filled(argument, values) for name, argument in step.get("named", {}).items()}
            kind, target = step["kind"], step.get("target", "")
            if kind == "output":
                return arguments[0]
            if kind == "input":
                values[step["name"]] = next(given)
            elif kind == "layer":
                values[step["name"]] = self.get_submodule(target)(*arguments, **named)
            elif kind == "tensor":
                folder, _, leaf = target.rpartition(".")
                values[step["name"]] = getattr(self.get_submodule(folder), leaf)
            else:
                values[step["name"]] = _operation(kind, target)(*arguments, **named)
        raise ValueError("The steps have no output.")

    def _place(self, path: str, what: nn.Module | nn.Parameter | torch.Tensor) -> None:
        *folders, leaf = path.split(".")
        holder: nn.Module = self
        for folder in folders:
            if folder not in holder._modules:
                holder.add_module(folder, nn.Module())
            holder = holder.get_submodule(folder)
        if isinstance(what, nn.Module):
            holder.add_module(leaf, what)
        elif isinstance(what, nn.Parameter):
            holder.register_parameter(leaf, what)
        else:
            holder.register_buffer(leaf, what)


def _operation(kind: str, target: str) -> Any:
    name, _, overload = target.partition(".")
    if kind == "python" and name in ARITHMETIC:
        return ARITHMETIC[name]
    if kind == "aten" and name in OPERATIONS:
        return getattr(getattr(torch.ops.aten, name), overload)
    raise ValueError(f'"{target}" is not an operation that is carried out here.')


def _filled(argument: Any, values: dict[str, Any]) -> Any:
    """An argument with the values it names: ``{"value": …}``, ``{"tuple": […]}``, ``{"dtype": "float32"}`` …"""
    if isinstance(argument, list):
        return [_filled(item, values) for item in argument]
    if not isinstance(argument, dict):
        return argument
    ((kind, content),) = argument.items()
    if kind == "value":
        return values[content]
    if kind == "tuple":
        return tuple(_filled(item, values) for item in content)
    return _constant(kind, content)


def _settled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _constant(kind: str, name: str) -> Any:
    found = float(name) if kind == "float" else torch.device(name) if kind == "device" else getattr(torch, name)
    kinds = {"dtype": torch.dtype, "memory_format": torch.memory_format, "layout": torch.layout}
    if not isinstance(found, kinds.get(kind, object)):
        raise ValueError(f'"{name}" is no {kind}.')
    return found


def weights(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of the file, those stored as bits and values whole again."""
    with safe_open(path, framework="pt") as file:
        stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dictionary
        shapes = json.loads((file.metadata() or {}).get("shapes", "{}"))
    found = {name: tensor for name, tensor in stored.items() if ":" not in name}
    for name, shape in shapes.items():
        places = 1 << torch.arange(7, -1, -1)
        bits = (stored[f"{name}:bits"].unsqueeze(1) & places).flatten()[: math.prod(shape)].bool()
        found[name] = torch.zeros(math.prod(shape)).masked_scatter(bits, stored[f"{name}:values"]).reshape(shape)
    return found


def load(folder: str | Path) -> Network:
    """The network in the folder, evaluating; ``.train()`` it to go on."""
    where = Path(folder)
    model = Network(json.loads((where / "architecture.json").read_text(encoding="utf-8")))
    model.load_state_dict(weights(where / "weights.safetensors"))
    return model.eval()
