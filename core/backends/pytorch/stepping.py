"""A network carried out node by node, in operations that can be differentiated twice and looked into.

PyTorch computes attention and recurrence in fused kernels: these have no second derivative, show nothing of what
happens inside, and the switches that turn them off hold for all threads. Here attention is plain products and a
recurrent layer a loop over its steps; the numbers are the same up to rounding.
"""

from collections.abc import Callable
from functools import partial
from math import sqrt
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

from core.backends.pytorch.arrays import recurrent_ends
from core.backends.pytorch.operators import bound, short_name
from core.backends.pytorch.written_attention import projected


class Stepper(fx.Interpreter):
    """One forward pass. Subclasses look at values as they come by: :meth:`note`.

    Args:
        module: The network.
        end: The name of an operation that gives what it takes: the softmax at the end (:mod:`ending`).
    """

    def __init__(self, module: fx.GraphModule, end: str = "") -> None:
        super().__init__(module)
        self._end = end
        self._written = {attention.call for attention in projected(module)}

    def note(self, node: fx.Node, part: str, value: torch.Tensor) -> torch.Tensor:
        """A value inside of a node came by; what is returned takes its place. Hidden states come one after the other.

        Args:
            node: The framework's node.
            part: What of it: of a recurrent layer ``_l0``, ``_l0:hidden`` (``(samples, hidden)`` at each step),
                ``_l0_both``, ``_l0_last``, ``_l0_state``, ``_states``; of attention ``:context``; of scaled
                dot products ``_key``, ``_products``, ``_weights``.
            value: ``(samples, …)`` but for scaled dot products, whose axes are those of their result.
        """
        return value

    def product(
        self, key: str, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, start: int = 0
    ) -> torch.Tensor:
        """A kernel inside of a layer is multiplied with what comes to it.

        Args:
            key: The kernel's tensor by dotted name; ``weight`` is its rows from ``start`` on.
            x: ``(samples, …, in)``.
            weight: ``(out, in)``.
            bias: ``(out,)``.
        """
        return functional.linear(x, weight, bias)

    def run_node(self, n: fx.Node) -> Any:
        """One node's value."""
        if self._end and n.name == self._end:
            return self.env[n.all_input_nodes[0]]
        if n.name in self._written:
            given = n.args[0]
            assert isinstance(given, fx.Node)  # a linear layer takes a value
            self.env[given] = self.note(n, ":context", self.env[given])
        elif n.op == "call_module":
            layer = self.fetch_attr(str(n.target))
            how = next((how for kind, how in _LAYERS.items() if isinstance(layer, kind)), None)
            if how is not None:
                args, kwargs = self.fetch_args_kwargs_from_env(n)
                return how(self, n, layer, *args, **kwargs)
        elif n.op == "call_function" and short_name(n.target) == "scaled_dot_product_attention":
            return _attend(self, n)
        return super().run_node(n)


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
    """As ``nn.MultiheadAttention``, evaluating: its projections are made steps of their own."""
    if type(layer) is not nn.MultiheadAttention:
        return _heads(stepper, node, layer, *args, **kwargs)
    names = ("query", "key", "value", "key_padding_mask", "need_weights", "attn_mask")
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    turned = layer.batch_first
    samples = [given[name] if turned else given[name].transpose(0, 1) for name in names[:3]]
    projected = [_projected(stepper, node, layer, index, x).transpose(0, 1) for index, x in enumerate(samples)]
    same = torch.eye(layer.embed_dim, dtype=projected[0].dtype, device=projected[0].device)
    attend: Any = functional.multi_head_attention_forward
    context, weights = attend(
        *projected,
        embed_dim_to_check=layer.embed_dim,
        num_heads=layer.num_heads,
        in_proj_weight=None,
        in_proj_bias=None,
        bias_k=layer.bias_k,
        bias_v=layer.bias_v,
        add_zero_attn=layer.add_zero_attn,
        dropout_p=0.0,
        out_proj_weight=same,
        out_proj_bias=None,
        training=False,
        key_padding_mask=given.get("key_padding_mask"),
        need_weights=True,  # the plain products, which can be differentiated twice
        attn_mask=given.get("attn_mask"),
        use_separate_proj_weight=True,
        q_proj_weight=same,
        k_proj_weight=same,
        v_proj_weight=same,
        average_attn_weights=given.get("average_attn_weights", True),
    )
    context = stepper.note(node, ":context", context.transpose(0, 1))
    out = stepper.product(f"{node.target}.out_proj.weight", context, layer.out_proj.weight, layer.out_proj.bias)
    return (out if turned else out.transpose(0, 1)), weights if given.get("need_weights", True) else None


def _projected(
    stepper: Stepper, node: fx.Node, layer: nn.MultiheadAttention, index: int, x: torch.Tensor
) -> torch.Tensor:
    """Query, key or value."""
    rows = slice(index * layer.embed_dim, (index + 1) * layer.embed_dim)
    bias = None if layer.in_proj_bias is None else layer.in_proj_bias[rows]
    if layer.in_proj_weight is not None:
        return stepper.product(f"{node.target}.in_proj_weight", x, layer.in_proj_weight[rows], bias, rows.start)
    name = f"{'qkv'[index]}_proj_weight"
    return stepper.product(f"{node.target}.{name}", x, getattr(layer, name), bias)


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
    found: torch.Tensor = stepper.note(node, "_weights", products.softmax(-1)) @ value
    return found


def _recurrent(stepper: Stepper, node: fx.Node, layer: nn.RNNBase, x: torch.Tensor, start: Any = None) -> Any:
    """As ``nn.GRU`` and ``nn.LSTM``, evaluating, one pass after the other."""
    x = x if layer.batch_first else x.transpose(0, 1)
    states: list[torch.Tensor] = []
    cells: list[torch.Tensor] = []
    both: list[torch.Tensor] = []
    for number, end in enumerate(recurrent_ends(layer)):
        backwards = end.endswith("_reverse")
        into, across = (_gates(stepper, node, layer, f"{kind}_{end}") for kind in ("ih", "hh"))
        first = _state(layer, x, start, number)
        seen = partial(stepper.note, node, f"_{end}:hidden")
        hidden, cell = _PASSES[layer.mode](x.flip(1) if backwards else x, first, into, across, seen)
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


def _state(layer: nn.RNNBase, x: torch.Tensor, start: Any, number: int) -> "State":
    count = 2 if layer.mode == "LSTM" else 1
    if start is None:
        return tuple(x.new_zeros(len(x), layer.hidden_size) for _ in range(count))
    return tuple(each[number] for each in (start if count == 2 else (start,)))


#: What all gates get from ``(samples, …, in)``.
Gates = Callable[[torch.Tensor], torch.Tensor]
Seen = Callable[[torch.Tensor], torch.Tensor]
State = tuple[torch.Tensor, ...]


def _gates(stepper: Stepper, node: fx.Node, layer: nn.RNNBase, end: str) -> Gates:
    weight, bias = getattr(layer, f"weight_{end}"), getattr(layer, f"bias_{end}", None)
    return lambda x: stepper.product(f"{node.target}.weight_{end}", x, weight, bias)


def _gru(x: torch.Tensor, state: State, into: Gates, across: Gates, seen: Seen) -> tuple[torch.Tensor, State]:
    """Cho et al. 2014 as PyTorch writes it: n = tanh(W x + r (U h + b)), h' = (1 - z) n + z h."""
    (hidden,) = state
    steps = []
    for gates in into(x).unbind(1):
        r, z, n = gates.chunk(3, 1)
        own_r, own_z, own_n = across(hidden).chunk(3, 1)
        r, z = torch.sigmoid(r + own_r), torch.sigmoid(z + own_z)
        n = torch.tanh(n + r * own_n)
        hidden = seen(n + z * (hidden - n))
        steps.append(hidden)
    return torch.stack(steps, 1), ()


def _lstm(x: torch.Tensor, state: State, into: Gates, across: Gates, seen: Seen) -> tuple[torch.Tensor, State]:
    """Hochreiter and Schmidhuber 1997 with forget gates: c' = f c + i g, h' = o tanh(c')."""
    hidden, cell = state
    steps = []
    for gates in into(x).unbind(1):
        i, f, g, o = (gates + across(hidden)).chunk(4, 1)
        cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
        hidden = seen(torch.sigmoid(o) * torch.tanh(cell))
        steps.append(hidden)
    return torch.stack(steps, 1), (cell,)


_PASSES: dict[str, Callable[[torch.Tensor, State, Gates, Gates, Seen], tuple[torch.Tensor, State]]] = {
    "GRU": _gru,
    "LSTM": _lstm,
}
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
    written = any(node.name == attention.call for attention in projected(module))
    if written or isinstance(layer, nn.MultiheadAttention):
        return (":context",)
    if not isinstance(layer, nn.GRU | nn.LSTM):
        return ()
    inside = ("", ":hidden", "_both", "_last", "_state")
    return (*(f"_{end}{of}" for end in recurrent_ends(layer) for of in inside), "_states")
