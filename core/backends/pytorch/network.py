"""One loaded PyTorch network behind the seam."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import fx

from core.backends._base import Batch, Cuts, Extras, Floats, Labels, LoadedModel, Masks, Poll, Tap, no_poll
from core.backends.pytorch.arrays import Place, places, read, tensors
from core.backends.pytorch.device import choose
from core.backends.pytorch.feeding import Inlet, check, labelled
from core.backends.pytorch.graph import graph
from core.backends.pytorch.layout import channels_last, gains
from core.backends.pytorch.masking import Overlay, checked, kept_tensors
from core.backends.pytorch.outputs import checked as checked_output
from core.backends.pytorch.running import Given, Runner, Runners
from core.backends.pytorch.samples import Sizes
from core.backends.pytorch.tracing import FAILURES
from core.errors import BadModel, first_line
from core.graph import Graph
from core.inputs import Inputs, arrays_of
from core.plan import Recovery

if TYPE_CHECKING:
    from core.backends._base import Trainer


@dataclass(frozen=True)
class Facts:
    """What loading found out about a network."""

    inlets: tuple[Inlet, ...]
    sizes: Sizes
    units: int
    output: str
    notes: tuple[str, ...]
    trainable: bool
    only_batch: int | None = None


class Network(LoadedModel):
    """A lifted ``fx.GraphModule`` and what is known about it."""

    framework = "pytorch"

    def __init__(self, module: fx.GraphModule, facts: Facts) -> None:
        self.module = module.eval()
        self.facts = facts
        self.output = facts.output
        self.input_shapes = tuple(inlet.shape for inlet in facts.inlets)
        self.input_names = tuple(inlet.name for inlet in facts.inlets)
        self.input_types = tuple(str(inlet.type).removeprefix("torch.") for inlet in facts.inlets)
        self.classes = 2 if facts.units == 1 else facts.units
        self.notes = facts.notes
        self.trainable = facts.trainable or (facts.only_batch is None and facts.output == "regression")
        self.device = choose()
        self.places: dict[str, Place] = places(module)
        self._arrays = read(module, self.places)
        self._runners = Runners(module, self.device)
        state = {name: tensor.to(self.device) for name, tensor in tensors(module).items()}
        self._state = state
        self._overlay = Overlay(self.places, state)
        self._graph: Graph | None = None
        self._channels_last = self.device.type == "cpu" and gains(module)

    def graph(self) -> Graph:
        if self._graph is None:
            shapes = {name: tuple(array.shape) for name, array in self._arrays.items()}
            self._graph = graph(self.module, self.facts.sizes, shapes)
        return self._graph

    def arrays(self) -> Mapping[str, Floats]:
        return self._arrays

    def predict(self, x: Inputs, masks: Masks | None = None, batch_size: int = 256, poll: Poll = no_poll) -> Floats:
        self.check(x)
        masks = self.checked(masks)
        size = self.facts.only_batch or batch_size
        starts = range(0, len(x), size)
        results: list[Floats] = []
        with self._runners.borrowed() as runner, torch.inference_mode():
            overlaid, kept = self._overlay(masks), self._kept_scales(masks)
            for done, start in enumerate(starts, 1):
                batch = self.laid(self.given(x[start : start + size]))
                rows = len(batch[0])
                if self.facts.only_batch and rows < size:
                    batch = tuple(torch.cat([each, each[-1:].expand(size - rows, *each.shape[1:])]) for each in batch)
                results.append(self._run(runner, batch, overlaid, kept)[:rows])
                poll(done, len(starts))
        return np.concatenate(results) if results else np.zeros((0, self.facts.units), np.float32)

    def _run(
        self, runner: Runner, batch: Given, overlaid: dict[str, torch.Tensor], kept: dict[str, torch.Tensor]
    ) -> Floats:
        try:
            outputs = runner(batch, overlaid, kept)
        except FAILURES as err:
            raise BadModel(f"The network fails on a batch of {len(batch[0])}: {first_line(err)}") from err
        found: Floats = outputs.float().cpu().numpy()
        return found

    def gradients(
        self, batches: Iterable[Batch], masks: Masks | None = None, *, temperature: float = 1.0
    ) -> Iterator[dict[str, Floats]]:
        from core.backends.pytorch.signals import gradients

        return gradients(self, batches, self.checked(masks), temperature)

    def squared_gradients(self, batches: Iterable[Batch], masks: Masks | None = None) -> Iterator[dict[str, Floats]]:
        from core.backends.pytorch.persample import squared_gradients

        return squared_gradients(self, batches, self.checked(masks))

    def hessian_products(
        self,
        batches: Iterable[Batch],
        vectors: Sequence[Mapping[str, Floats]],
        masks: Masks | None = None,
        *,
        temperature: float = 1.0,
    ) -> Iterator[list[dict[str, Floats]]]:
        from core.backends.pytorch.curvature import hessian_products

        return hessian_products(self, batches, vectors, self.checked(masks), temperature)

    def taps(
        self, batches: Iterable[Batch], names: Sequence[str], masks: Masks | None = None, *, gradients: bool = False
    ) -> Iterator[dict[str, Tap]]:
        from core.backends.pytorch.tapping import taps

        return taps(self, batches, names, self.checked(masks), gradients)

    def synaptic_flow(self, masks: Masks | None = None) -> dict[str, Floats]:
        from core.backends.pytorch.flow import synaptic_flow

        return synaptic_flow(self, self.checked(masks))

    def with_arrays(self, arrays: Mapping[str, Floats]) -> "Network":
        from core.backends.pytorch.refilling import refilled

        return Network(refilled(self.module, self.places, arrays), self.facts)

    def recalibrated(self, x: Inputs, masks: Masks | None = None, batch_size: int = 256) -> "Network":
        from core.backends.pytorch.recalibration import recalibrated

        return recalibrated(self, x, self.checked(masks), batch_size)

    def trainer(self, recovery: Recovery, masks: Masks, seed: int, extras: Extras = Extras()) -> "Trainer":  # noqa: B008
        from core.backends.pytorch.training import TorchTrainer

        self._must_train()
        return TorchTrainer(self, recovery, masks, seed, extras)

    def masked(self, masks: Masks) -> "Network":
        from core.backends.pytorch.surgery import masked

        return Network(masked(self, self.checked(masks)), self.facts)

    def cut(self, cuts: Cuts) -> "Network":
        from core.backends.pytorch.surgery import cut

        self._must_take_any_batch()
        return cut(self, cuts)

    def factorised(self, factors: Mapping[str, tuple[Floats, Floats]]) -> "Network":
        from core.backends.pytorch.factorising import factorised

        self._must_take_any_batch()
        return factorised(self, factors)

    def with_output(self, output: str) -> "Network":
        return Network(self.module, replace(self.facts, output=checked_output(output, self.facts.units)))

    def formats(self) -> Mapping[str, str]:
        from core.backends.pytorch.writing import formats

        return formats(self)

    def write(self, kind: str, path: Path) -> Path:
        from core.backends.pytorch.writing import write

        return write(self, kind, path)

    def repeated(self, x: Inputs, threads: int, *, compiled: bool = False) -> Callable[[], None]:
        from core.backends.pytorch.timing import repeated

        return repeated(self, x, threads, compiled)

    def compiles(self) -> str:
        from core.backends.pytorch.compiling import refusal

        return refusal()

    def layer_times(self, x: Inputs, threads: int, rounds: int = 20, poll: Poll = no_poll) -> Mapping[str, Floats]:
        from core.backends.pytorch.timing import layer_times

        return layer_times(self, x, threads, rounds, poll)

    def save(self, path: Path) -> Path:
        from core.backends.pytorch.export import save

        return save(self, path)

    def snippet(self, file_name: str) -> str:
        from core.backends.pytorch.export import snippet

        return snippet(self, file_name)

    def checked(self, masks: Masks | None) -> Masks:
        """The masks that remove anything, found to fit."""
        return checked(masks or {}, {name: array.shape for name, array in self._arrays.items()})

    def overlaid(self, masks: Masks) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """All trained tensors with the masks on, and what the scales of normalisations keep."""
        return self._overlay(masks), self._kept_scales(masks)

    def _kept_scales(self, masks: Masks) -> dict[str, torch.Tensor]:
        scales = {name: mask for name, mask in masks.items() if name.endswith(".scale")}
        return kept_tensors(scales, self.places, self._state) if scales else {}

    @property
    def state(self) -> Mapping[str, torch.Tensor]:
        """All tensors by dotted name, on the device."""
        return self._state

    @property
    def runners(self) -> Runners:
        """Clones to run."""
        return self._runners

    def given(self, x: Inputs) -> Given:
        """A batch as the network takes it, on the device."""
        return tuple(
            inlet.tensor(array, self.device) for inlet, array in zip(self.facts.inlets, arrays_of(x), strict=True)
        )

    def laid(self, batch: Given) -> Given:
        """The batch as the network computes it fastest."""
        return channels_last(batch) if self._channels_last else batch

    def labels(self, y: Labels | Floats, samples: int) -> torch.Tensor:
        """Labels, or targets of a regression, found to fit as many samples, on the device."""
        return labelled(y, samples, self.output, self.facts.units).to(self.device)

    def check(self, x: Inputs) -> None:
        """Raise WrongShape for a batch the network does not take."""
        check(self.facts.inlets, x)

    def example(self, batch: int) -> Given:
        """A batch of zeros for each input."""
        return tuple(inlet.zeros(batch) for inlet in self.facts.inlets)

    def _must_train(self) -> None:
        self._must_take_any_batch()
        if not self.trainable:
            raise BadModel(f"This network cannot be trained here. {' '.join(self.notes)}")

    def _must_take_any_batch(self) -> None:
        if self.facts.only_batch is not None:
            raise BadModel(f"This network can be viewed and masked only. {' '.join(self.notes)}")
