"""Small random networks, described in no framework's terms, and how much of each is to go.

A builder of each framework turns a :class:`Specification` into a network; hypothesis shrinks the description.
Shapes are one sample's: a picture is (channels, height, width), a series (steps, features), a vector (features,).
What a step's kind does, with its settings, inputs in brackets:

==================  =========================================================================================
picture
``conv``            [one] channels, window (1 or 3, padded by 1), stride (1 or 2), groups, bias
``depthwise``       [one] multiplier, window 3 padded by 1, bias
``separable``       [one] channels, window 3 padded by 1: a depthwise and a pointwise convolution, bias
``transposed``      [one] channels, window 2, stride 2, no padding, bias
``batch_norm``      [one] by channel (of vectors and series by feature)
``group_norm``      [one] groups, over channels
``pool``            [one] how ("max" or "mean"), window 2, stride 2
``mean``            [one] over all places of a picture, over all steps of a series: a vector
``flatten``         [one] everything in one row
series
``gru``, ``lstm``   [one] hidden, both_ways (outputs of both side by side), layers (a stack); the whole sequence
``attention``       [one] heads, width (of a head): queries, keys and values are all the input; as wide as its input
``last``            [one] the last step, a vector
``embedding``       [one, tokens] words, features
everywhere
``dense``           [one] features, over the last axis
``layer_norm``      [one] over channels or features (of pictures at each place by itself)
``activation``      [one] function: relu, gelu, silu, tanh or sigmoid
``prelu``           [one] a slope per channel or feature (pictures and vectors)
``add, multiply``   [two or more of one shape]
``concat``          [two or more] along channels or features
==================  =========================================================================================
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from hypothesis import strategies as st

#: Every network ends in so many logits.
CLASSES = 5
#: Words of networks that read tokens.
WORDS = 12
FUNCTIONS = ("relu", "gelu", "silu", "tanh", "sigmoid")
STRUCTURES = ("channel", "head", "hidden", "removable")

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Step:
    """One operation: its name (of its layer too), its kind, the steps it reads ("input" first), settings, result."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    settings: Mapping[str, Any]
    shape: Shape


@dataclass(frozen=True)
class Specification:
    """A network: ``sample_kind`` is "picture", "series" or "tokens"; the last step makes :data:`CLASSES` logits.

    ``amounts`` says by structure what share of its units goes; ``seed`` makes weights and samples.
    """

    sample_kind: str
    shape: Shape
    steps: tuple[Step, ...]
    amounts: Mapping[str, float]
    seed: int


class _Draft:
    """A network while it is drawn."""

    def __init__(self, draw: st.DrawFn, shape: Shape) -> None:
        self.draw = draw
        self.steps: list[Step] = []
        self.shapes: dict[str, Shape] = {"input": shape}

    def pick(self, *choices: Any) -> Any:
        """One of the choices; shrinks towards the first."""
        return self.draw(st.sampled_from(choices))

    def add(self, kind: str, inputs: str | tuple[str, ...], shape: Shape, **settings: Any) -> str:
        """A step; its name."""
        name = f"{kind}{sum(step.kind == kind for step in self.steps) + 1}"
        self.steps.append(Step(name, kind, (inputs,) if isinstance(inputs, str) else inputs, settings, shape))
        self.shapes[name] = shape
        return name

    def like(self, kind: str, source: str, **settings: Any) -> str:
        """A step that keeps the shape."""
        return self.add(kind, source, self.shapes[source], **settings)

    def dense(self, source: str, features: int) -> str:
        """A dense layer."""
        return self.add("dense", source, (*self.shapes[source][:-1], features), features=features)

    def dressed(self, source: str, norms: tuple[str, ...]) -> str:
        """Perhaps normalised, perhaps through an activation."""
        norm = self.pick("none", *norms)
        if norm != "none":
            groups = {"groups": self.pick(1, 2, self.shapes[source][0])} if norm == "group_norm" else {}
            source = self.like(norm, source, **groups)
        after = self.pick("activation", "none", "prelu" if len(self.shapes[source]) != 2 else "activation")
        if after == "none":
            return source
        return self.like(after, source, **({"function": self.pick(*FUNCTIONS)} if after == "activation" else {}))


def specifications() -> st.SearchStrategy[Specification]:
    """Any of them."""
    return st.one_of(_pictures(), _series(), _tokens(), _pictures())


@st.composite
def _pictures(draw: st.DrawFn) -> Specification:
    draft = _Draft(draw, (draw(st.integers(1, 3)), 8, 8))
    x = _conv(draft, "input", draft.pick(4, 8))
    for kind in draw(st.lists(st.sampled_from(_BLOCKS), min_size=1, max_size=4)):
        x = _block(draft, x, kind)
    places = prod(draft.shapes[x][1:])
    return _finished(draft, "picture", _vector(draft, x, ("mean", "flatten") if places <= 16 else ("mean",)))


def _conv(draft: _Draft, source: str, channels: int, stride: int = 1, groups: int = 1) -> str:
    _, height, width = draft.shapes[source]
    shape = (channels, -(-height // stride), -(-width // stride))
    settings = {"window": draft.pick(3, 1), "stride": stride, "groups": groups, "bias": draft.pick(True, False)}
    made = draft.add("conv", source, shape, channels=channels, **settings)
    return draft.dressed(made, ("batch_norm", "group_norm", "layer_norm"))


def _block(draft: _Draft, x: str, kind: str) -> str:
    channels, height, width = draft.shapes[x]
    wide, bias = draft.pick(4, 8), draft.pick(True, False)
    if kind in ("conv", "grouped"):
        return _conv(draft, x, wide, draft.pick(1, 2) if height > 2 else 1, 2 if kind == "grouped" else 1)
    if kind == "pool" and height > 2:
        return draft.add(kind, x, (channels, height // 2, width // 2), how=draft.pick("max", "mean"))
    if kind == "transposed" and height < 16:
        made = draft.add(kind, x, (wide, 2 * height, 2 * width), channels=wide, bias=bias)
    elif kind == "depthwise" and channels <= 8:
        more = draft.pick(1, 2)
        made = draft.add(kind, x, (channels * more, height, width), multiplier=more, bias=bias)
    elif kind in _JOINING:
        return _JOINING[kind](draft, x)
    else:
        made = draft.add("separable", x, (wide, height, width), channels=wide, bias=bias)
    return draft.dressed(made, ("batch_norm",))


def _residual(draft: _Draft, x: str) -> str:
    inner = x
    for _ in range(draft.draw(st.integers(1, 2))):
        inner = _conv(draft, inner, draft.shapes[x][0], 1, draft.pick(1, 2))
    return draft.add("add", (x, inner), draft.shapes[x])


def _branches(draft: _Draft, x: str) -> str:
    parts = [_conv(draft, x, draft.pick(4, 8)) for _ in range(draft.draw(st.integers(1, 2)))]
    parts.append(x if draft.shapes[x][0] <= 8 and draft.pick(True, False) else _conv(draft, x, 4))
    channels = sum(draft.shapes[part][0] for part in parts)
    return draft.add("concat", tuple(parts), (channels, *draft.shapes[x][1:]))


def _gated(draft: _Draft, x: str) -> str:
    return draft.add("multiply", (x, _conv(draft, x, draft.shapes[x][0])), draft.shapes[x])


_JOINING = {"residual": _residual, "branches": _branches, "gated": _gated}
_BLOCKS = ("conv", "residual", "grouped", "depthwise", "branches", "separable", "transposed", "pool", "gated")


@st.composite
def _series(draw: st.DrawFn) -> Specification:
    draft = _Draft(draw, (6, draw(st.integers(2, 4))))
    x = draft.pick(
        lambda: _recurrent(draft, "input"), lambda: draft.dressed(draft.dense("input", 6), ("layer_norm",))
    )()
    return _sequence(draft, "series", x)


@st.composite
def _tokens(draw: st.DrawFn) -> Specification:
    draft = _Draft(draw, (6,))
    width = draft.pick(6, 4)
    return _sequence(draft, "tokens", draft.add("embedding", "input", (6, width), words=WORDS, features=width))


def _sequence(draft: _Draft, sample_kind: str, x: str) -> Specification:
    for _ in range(draft.draw(st.integers(1, 3))):
        x = draft.pick(_recurrent, _attended, _mixed, _side_by_side)(draft, x)
    return _finished(draft, sample_kind, _vector(draft, x, ("mean", "last", "flatten")))


def _recurrent(draft: _Draft, x: str) -> str:
    hidden, both = draft.pick(4, 6), draft.pick(False, True)
    shape = (draft.shapes[x][0], hidden * (2 if both else 1))
    settings = {"hidden": hidden, "both_ways": both, "layers": draft.pick(1, 2)}
    return draft.dressed(draft.add(draft.pick("gru", "lstm"), x, shape, **settings), ("layer_norm",))


def _attended(draft: _Draft, x: str) -> str:
    """Normalised first, normalised last, or bare; torn from an even width."""
    if draft.shapes[x][1] % 2:
        x = draft.dense(x, 4)
    first = draft.pick("last", "first", "bare")
    source = draft.like("layer_norm", x) if first == "first" else x
    made = draft.like("attention", source, heads=2, width=draft.shapes[x][1] // 2)
    if first == "bare":
        return made
    total = draft.add("add", (x, made), draft.shapes[x])
    return draft.like("layer_norm", total) if first == "last" else total


def _mixed(draft: _Draft, x: str) -> str:
    inner = draft.dressed(draft.dense(x, 8), ("layer_norm",))
    return draft.add("add", (x, draft.dense(inner, draft.shapes[x][1])), draft.shapes[x])


def _side_by_side(draft: _Draft, x: str) -> str:
    parts = (draft.dense(x, 4), x if draft.pick(True, False) else draft.dense(x, 6))
    return draft.add("concat", parts, (draft.shapes[x][0], sum(draft.shapes[part][1] for part in parts)))


def _vector(draft: _Draft, x: str, ways: tuple[str, ...]) -> str:
    shape, way = draft.shapes[x], draft.pick(*ways)
    if way == "flatten":
        return draft.add(way, x, (prod(shape),))
    return draft.add(way, x, (shape[0] if len(shape) == 3 else shape[1],))


def _finished(draft: _Draft, sample_kind: str, x: str) -> Specification:
    for _ in range(draft.draw(st.integers(0, 2))):
        x = draft.dressed(draft.dense(x, draft.pick(6, 8)), ("batch_norm", "layer_norm"))
    draft.dense(x, CLASSES)
    amounts = {structure: draft.draw(st.sampled_from((0.5, 0.25, 0.75, 0.9))) for structure in STRUCTURES}
    seed = draft.draw(st.integers(0, 99))
    return Specification(sample_kind, draft.shapes["input"], tuple(draft.steps), amounts, seed)
