"""A network carried out node by node, in operations that can be differentiated twice and looked into.

PyTorch computes attention and recurrence in fused kernels: these have no second derivative, show nothing of what
happens inside, and the switches that turn them off hold for all threads. Here attention is plain products and a
recurrent layer a loop over its steps; the numbers are the same up to rounding.
"""

from collections.abc import Callable
from math import sqrt
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

from core.backends.pytorch.arrays import recurrent_ends
from core.backends.pytorch.operators import bound, short_name


class Stepper(fx.Interpreter):
    """One forward pass. Subclasses look at values as they come by: :meth:`note`."""

    def note(self, node: fx.Node, part: str, value: torch.Tensor) -> torch.Tensor:
        """A value inside of a node came by; what is returned takes its place.

        Args:
            node: The framework's node.
            part: What of it: of a recurrent layer ``_l0``, ``_l0:hidden`` (in the order the steps are taken),
                ``_l0_both``, ``_l0_last``, ``_l0_state``, ``_states``; of attention ``:context``; of scaled dot products ``_key``,
                ``_products``, ``_weights``.
            value: ``(samples, …)`` but for scaled dot products, whose axes are those of their result.
        """
        return value

    def run_node(self, n: fx.Node) -> Any:
        """One node's value."""
        if n.op == "call_module":
            layer = self.fetch_attr(str(n.target))
            how = next((how for kind, how in _LAYERS.items() if isinstance(layer, kind)), None)
            if how is not None:
                args, kwargs = self.fetch_args_kwargs_from_env(n)
                return how(self, n, layer, *args, **kwargs)
        elif n.op == "call_function" and short_name(n.target) == "scaled_dot_product_attention":
            return _attend(self, n)
        return super().run_node(n)


Note = Callable[[str, torch.Tensor], torch.Tensor]


def _heads(stepper: Stepper, node: fx.Node, layer: nn.MultiheadAttention, *args: Any, **kwargs: Any) -> Any:
    """An attention of our own: it calls its projection, which can be listened to."""

    def noted(projection: nn.Module, given: tuple[torch.Tensor, ...]) -> torch.Tensor:
        turned = given[0] if layer.batch_first else given[0].transpose(0, 1)
        value = stepper.note(node, ":context", turned)
        return value if layer.batch_first else value.transpose(0, 1)

    handle = layer.out_proj.register_forward_pre_hook(noted)
    try:
        return layer(*args, **{**kwargs, "need_weights": True})
    finally:
        handle.remove()


def _multi_head(stepper: Stepper, node: fx.Node, layer: nn.MultiheadAttention, *args: Any, **kwargs: Any) -> Any:
    """As ``nn.MultiheadAttention``, evaluating: the projection of what the heads give is made a step of its own."""
    if type(layer) is not nn.MultiheadAttention:
        return _heads(stepper, node, layer, *args, **kwargs)
    names = ("query", "key", "value", "key_padding_mask", "need_weights", "attn_mask")
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    turned = layer.batch_first
    tensors = [given[name].transpose(0, 1) if turned else given[name] for name in names[:3]]
    separate = layer.in_proj_weight is None
    context, weights = functional.multi_head_attention_forward(
        *tensors,
        layer.embed_dim,
        layer.num_heads,
        layer.in_proj_weight,
        layer.in_proj_bias,
        layer.bias_k,
        layer.bias_v,
        layer.add_zero_attn,
        0.0,
        torch.eye(layer.embed_dim, dtype=tensors[0].dtype, device=tensors[0].device),
        None,  # type: ignore[arg-type] - no bias, as for layers without one
        training=False,
        key_padding_mask=given.get("key_padding_mask"),
        need_weights=True,  # the plain products, which can be differentiated twice
        attn_mask=given.get("attn_mask"),
        use_separate_proj_weight=separate,
        q_proj_weight=layer.q_proj_weight if separate else None,
        k_proj_weight=layer.k_proj_weight if separate else None,
        v_proj_weight=layer.v_proj_weight if separate else None,
        average_attn_weights=given.get("average_attn_weights", True),
    )
    context = stepper.note(node, ":context", context.transpose(0, 1))
    out = functional.linear(context, layer.out_proj.weight, layer.out_proj.bias)
    return (out if turned else out.transpose(0, 1)), weights if given.get("need_weights", True) else None


def _attend(stepper: Stepper, node: fx.Node) -> torch.Tensor:
    """As ``aten.scaled_dot_product_attention``, evaluating."""
    args = fx.node.map_arg(bound(node), lambda source: stepper.env[source])
    query, key, value, mask = args["query"], args["key"], args["value"], args["attn_mask"]
    if args.get("enable_gqa"):
        key, value = (each.repeat_interleave(query.shape[-3] // each.shape[-3], -3) for each in (key, value))
    if args["is_causal"]:
        mask = torch.ones(query.shape[-2], key.shape[-2], dtype=torch.bool, device=query.device).tril()
    if mask is not None and mask.dtype == torch.bool:
        mask = torch.zeros(mask.shape, dtype=query.dtype, device=mask.device).masked_fill(~mask, float("-inf"))
    scale = 1 / sqrt(query.shape[-1]) if args["scale"] is None else args["scale"]
    turned = stepper.note(node, "_key", key.transpose(-2, -1))
    products = stepper.note(node, "_products", query @ turned) * scale
    products = products if mask is None else products + mask
    return stepper.note(node, "_weights", products.softmax(-1)) @ value


def _recurrent(stepper: Stepper, node: fx.Node, layer: nn.RNNBase, x: torch.Tensor, start: Any = None) -> Any:
    """As ``nn.GRU`` and ``nn.LSTM``, evaluating, one pass after the other."""
    x = x if layer.batch_first else x.transpose(0, 1)
    states: list[torch.Tensor] = []
    cells: list[torch.Tensor] = []
    both: list[torch.Tensor] = []
    for number, end in enumerate(recurrent_ends(layer)):
        backwards = end.endswith("_reverse")
        weights = [getattr(layer, f"{name}_{end}", None) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        first = _state(layer, x, start, number)
        hidden, (_, *cell) = _PASSES[layer.mode](x.flip(1) if backwards else x, first, *weights)
        hidden = stepper.note(node, f"_{end}:hidden", hidden)
        values = stepper.note(node, f"_{end}", hidden.flip(1) if backwards else hidden)
        last = stepper.note(node, f"_{end}_last", values[:, 0 if backwards else -1])
        states.append(stepper.note(node, f"_{end}_state", last.unsqueeze(1)))
        cells += cell
        if not layer.bidirectional:
            x = values
            continue
        both.append(values)
        if len(both) == 2:
            x, both = stepper.note(node, f"_{end}_both", torch.cat(both, 2)), []
    ends = torch.cat(states, 1) if len(states) == 1 else stepper.note(node, "_states", torch.cat(states, 1))
    return (x if layer.batch_first else x.transpose(0, 1)), _ends(ends.transpose(0, 1), cells)


def _ends(hidden: torch.Tensor, cells: list[torch.Tensor]) -> Any:
    """``h_n``, of an LSTM ``(h_n, c_n)``."""
    return (hidden, torch.stack(cells)) if cells else hidden


def _state(layer: nn.RNNBase, x: torch.Tensor, start: Any, number: int) -> tuple[torch.Tensor, ...]:
    count = 2 if layer.mode == "LSTM" else 1
    if start is None:
        return tuple(x.new_zeros(len(x), layer.hidden_size) for _ in range(count))
    return tuple(each[number] for each in (start if count == 2 else (start,)))


def _gru(x: torch.Tensor, state: tuple[torch.Tensor, ...], *weights: Any) -> tuple[torch.Tensor, tuple[Any, ...]]:
    """Cho et al. 2014 as PyTorch writes it: n = tanh(W x + r (U h + b)), h' = (1 - z) n + z h."""
    into, across, bias, recurrent_bias = weights
    (hidden,) = state
    steps = []
    for gates in functional.linear(x, into, bias).unbind(1):
        r, z, n = gates.chunk(3, 1)
        own_r, own_z, own_n = functional.linear(hidden, across, recurrent_bias).chunk(3, 1)
        r, z = torch.sigmoid(r + own_r), torch.sigmoid(z + own_z)
        n = torch.tanh(n + r * own_n)
        hidden = n + z * (hidden - n)
        steps.append(hidden)
    return torch.stack(steps, 1), (hidden,)


def _lstm(x: torch.Tensor, state: tuple[torch.Tensor, ...], *weights: Any) -> tuple[torch.Tensor, tuple[Any, ...]]:
    """Hochreiter and Schmidhuber 1997 with forget gates: c' = f c + i g, h' = o tanh(c')."""
    into, across, bias, recurrent_bias = weights
    hidden, cell = state
    steps = []
    for gates in functional.linear(x, into, bias).unbind(1):
        i, f, g, o = (gates + functional.linear(hidden, across, recurrent_bias)).chunk(4, 1)
        cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
        hidden = torch.sigmoid(o) * torch.tanh(cell)
        steps.append(hidden)
    return torch.stack(steps, 1), (hidden, cell)


_PASSES: dict[str, Callable[..., tuple[torch.Tensor, tuple[Any, ...]]]] = {"GRU": _gru, "LSTM": _lstm}
_LAYERS: dict[type[nn.Module], Callable[..., Any]] = {
    nn.MultiheadAttention: _multi_head,
    nn.GRU: _recurrent,
    nn.LSTM: _recurrent,
}


def parts_of(module: fx.GraphModule, node: fx.Node) -> tuple[str, ...]:
    """What :meth:`Stepper.note` is told of inside the node."""
    if node.op == "call_function":
        return ("_key", "_products", "_weights") if short_name(node.target) == "scaled_dot_product_attention" else ()
    layer = module.get_submodule(str(node.target)) if node.op == "call_module" else None
    if isinstance(layer, nn.MultiheadAttention):
        return (":context",)
    if not isinstance(layer, nn.GRU | nn.LSTM):
        return ()
    inside = ("", ":hidden", "_both", "_last", "_state")
    return (*(f"_{end}{of}" for end in recurrent_ends(layer) for of in inside), "_states")
