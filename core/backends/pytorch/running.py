"""Running a shared network under masks, from many threads, without ever changing it.

``torch.func.functional_call`` puts other tensors into a module while it runs and takes them out afterwards, so two
threads must not do it to the same module. Each call therefore borrows a clone: modules of its own, tensors shared.
"""

import copy
import queue
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import fx, nn
from torch.func import functional_call

from core.backends.pytorch.norms import Kept, preview, with_kept_norms


def clone(module: fx.GraphModule) -> fx.GraphModule:
    """A copy whose modules are its own and whose tensors are the original's, evaluating."""
    memo = {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())}
    copied = copy.deepcopy(module, memo)
    assert isinstance(copied, fx.GraphModule)  # a copy is of its original's class
    return copied.eval()


#: What a network takes, one tensor for each input.
Given = tuple[torch.Tensor, ...]
#: By dotted name.
Tensors = Mapping[str, torch.Tensor]
#: What carries a graph out node by node.
Walk = Callable[[fx.GraphModule], fx.Interpreter]


def first(result: Any) -> torch.Tensor:
    """The output that is measured: of several the first."""
    found = result[0] if isinstance(result, tuple | list) else result
    assert isinstance(found, torch.Tensor)  # loading made sure of tensors
    return found


class Runner:
    """A clone in somebody's hands."""

    def __init__(self, module: fx.GraphModule, device: torch.device) -> None:
        self.module = clone(module) if device.type == "cpu" else copy.deepcopy(module).eval().to(device)
        self.device = device
        with_kept_norms(self.module)
        self._walked = _Walked(self.module)
        layers = list(self.module.modules())
        self._normalised = any(isinstance(layer, Kept) for layer in layers)
        self._recurrent = any(isinstance(layer, nn.RNNBase) for layer in layers)
        if device.type != "cpu":
            _move_literals(self.module, device)

    def __call__(
        self, inputs: Given, tensors: Mapping[str, torch.Tensor], kept_scales: Mapping[str, torch.Tensor]
    ) -> torch.Tensor:
        """The first output with ``tensors`` in place of the network's own of the same name."""
        if self._normalised:
            preview(self.module, kept_scales)
        given = dict(tensors)
        if not given:
            return first(self.module(*inputs))
        if self._recurrent:
            return first(self._with_recurrent(inputs, given))
        return first(functional_call(self.module, given, inputs))

    def walk(
        self,
        inputs: Given,
        tensors: Mapping[str, torch.Tensor],
        kept_scales: Mapping[str, torch.Tensor],
        walk: Walk,
    ) -> torch.Tensor:
        """The same, carried out by what ``walk`` makes."""
        if self._normalised:
            preview(self.module, kept_scales)
        given = {f"module.{name}": tensor for name, tensor in tensors.items()}
        return first(functional_call(self._walked, given, (walk, *inputs)))

    def _with_recurrent(self, inputs: Given, tensors: dict[str, torch.Tensor]) -> Any:
        """Recurrent layers read a list of their weights, which ``functional_call`` does not renew."""
        saved = []
        try:
            for path, layer in self.module.named_modules():
                if isinstance(layer, nn.RNNBase):
                    saved.append((layer, layer._flat_weights))
                    names = [f"{path}.{name}" for name in layer._flat_weights_names]
                    layer._flat_weights = [
                        tensors.get(name, old) for name, old in zip(names, layer._flat_weights, strict=True)
                    ]
            return functional_call(self.module, tensors, inputs)
        finally:
            for layer, weights in saved:
                layer._flat_weights = weights


class _Walked(nn.Module):
    """A network whose forward pass is an interpreter's."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__()
        self.module = module

    def forward(self, walk: Walk, *inputs: torch.Tensor) -> Any:
        """What the interpreter gives."""
        return walk(self.module).run(*inputs)


class Runners:
    """As many clones as threads ever asked at once."""

    def __init__(self, module: fx.GraphModule, device: torch.device) -> None:
        self._module = module
        self._device = device
        self._free: queue.SimpleQueue[Runner] = queue.SimpleQueue()

    @contextmanager
    def borrowed(self) -> Iterator[Runner]:
        """A runner nobody else has until it is given back."""
        try:
            runner = self._free.get_nowait()
        except queue.Empty:
            runner = Runner(self._module, self._device)
        try:
            yield runner
        finally:
            self._free.put(runner)


def _move_literals(module: fx.GraphModule, device: torch.device) -> None:
    for node in module.graph.nodes:
        if "device" in node.kwargs:
            node.kwargs = {**node.kwargs, "device": device}
    module.recompile()
