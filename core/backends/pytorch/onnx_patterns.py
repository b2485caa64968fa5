"""What exporters write out in several operations, made one again before it is read."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import torch

from core.backends.pytorch.onnx_reading import Plan, Step

#: The steps that a pattern replaces, and what takes the place of the last of them.
_Found = tuple[list[Step], list[Step]]


class Chart:
    """A plan's steps by what they give and take."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.known = dict(plan.known)
        self.makers: Mapping[str, Step] = {}
        self.takers: dict[str, list[Step]] = {}
        self.refresh()

    def refresh(self) -> None:
        """Look again after steps have changed."""
        self.makers = {name: step for step in self.plan.steps for name in step.outputs if name}
        self.takers = {}
        for step in self.plan.steps:
            if step.op == "Constant" and isinstance(step.get("value"), torch.Tensor):
                self.known[step.outputs[0]] = step.get("value")
            for name in (*step.inputs, *inside(step)):
                self.takers.setdefault(name, []).append(step)

    def only_taker(self, name: str) -> Step | None:
        """The one step that takes a value, None where several do or it leaves the network."""
        takers = self.takers.get(name, [])
        return takers[0] if len(takers) == 1 and name not in self.plan.outputs else None

    def number(self, name: str) -> float | None:
        """A stored tensor of one entry."""
        tensor = self.known.get(name)
        return float(tensor.reshape(())) if tensor is not None and tensor.numel() == 1 else None

    def axes(self, step: Step) -> list[int] | None:
        """The axes a step names, as a setting or as a stored input."""
        if len(step.inputs) > 1 and step.inputs[1]:
            tensor = self.known.get(step.inputs[1])
            return None if tensor is None else [int(axis) for axis in tensor.reshape(-1)]
        found: list[int] | None = step.get("axes")
        return found

    def store(self, name: str, tensor: torch.Tensor) -> str:
        """Keep another tensor under a name."""
        self.plan.known[name] = self.known[name] = tensor
        return name


def inside(step: Step) -> Iterator[str]:
    """What the graphs within a step take."""
    for value in step.settings.values():
        if isinstance(value, Plan):
            yield from value.outputs
            for inner in value.steps:
                yield from inner.inputs
                yield from inside(inner)


def simplified(plan: Plan) -> Plan:
    """The plan with every known pattern made one operation; what is not recognised stays."""
    chart = Chart(Plan([replace(step) for step in plan.steps], dict(plan.known), plan.inputs, plan.outputs))
    for find in _PATTERNS:
        for step in list(chart.plan.steps):
            made = find(chart, step)
            if made is not None:
                _put(chart, *made)
    return chart.plan


def _put(chart: Chart, gone: list[Step], made: list[Step]) -> None:
    last = max(index for index, step in enumerate(chart.plan.steps) if any(step is each for each in gone))
    steps = [*chart.plan.steps]
    steps[last : last + 1] = made
    chart.plan.steps = [step for step in steps if not any(step is each for each in gone)]
    chart.refresh()


def _other(step: Step, name: str) -> str:
    """Of a step's two inputs the one that is not ``name``."""
    return step.inputs[1] if step.inputs[0] == name else step.inputs[0]


def biased(chart: Chart, step: Step) -> _Found | None:
    """Conv, Gemm or MatMul, then a stored bias added: one operation. tf2onnx puts a Squeeze between the two."""
    if step.op not in ("Conv", "ConvTranspose", "Gemm", "MatMul") or len([name for name in step.inputs if name]) != 2:
        return None
    kernel, taker = chart.known.get(step.inputs[1]), chart.only_taker(step.outputs[0])
    if kernel is None or kernel.dim() < 2 or taker is None:
        return None
    squeeze = taker if taker.op == "Squeeze" and step.op == "Conv" and kernel.dim() == 4 else None
    adding = taker if squeeze is None else chart.only_taker(squeeze.outputs[0])
    if adding is None or adding.op != "Add" or (squeeze and chart.axes(squeeze) not in ([2], [3], [-1], [-2])):
        return None
    name = _other(adding, step.outputs[0] if squeeze is None else squeeze.outputs[0])
    bias, units = chart.known.get(name), _units(step, kernel)
    behind = (kernel.dim() - 2 if step.op.startswith("Conv") else 0) - (squeeze is not None)
    if bias is None or bias.numel() != units or [*bias.shape][bias.dim() - 1 - behind :] != [units] + [1] * behind:
        return None
    flat = name if bias.dim() == 1 else chart.store(f"{name}/flat", bias.reshape(-1))
    made = replace(step, inputs=[*step.inputs[:2], flat])
    if squeeze is None:
        return [step, adding], [replace(made, outputs=adding.outputs)]
    return [step, squeeze, adding], [made, replace(squeeze, outputs=adding.outputs)]


def _units(step: Step, kernel: torch.Tensor) -> int:
    if step.op == "Conv" or (step.op == "Gemm" and step.get("transB", 0)):
        return int(kernel.shape[0])
    return int(kernel.shape[1]) * int(step.get("group", 1))


_PATTERNS: tuple[Callable[[Chart, Step], _Found | None], ...] = (biased,)
