"""One loaded PyTorch network behind the seam."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import fx

from core.backends._base import Cuts, Floats, Labels, LoadedModel, Masks, Poll, no_poll
from core.backends.pytorch.arrays import Place, places, read, tensors
from core.backends.pytorch.device import choose
from core.backends.pytorch.graph import graph
from core.backends.pytorch.masking import Overlay, checked, kept_tensors
from core.backends.pytorch.outputs import checked as checked_output
from core.backends.pytorch.running import Runner, Runners
from core.backends.pytorch.samples import Sizes
from core.backends.pytorch.tracing import FAILURES
from core.errors import BadModel, WrongShape
from core.graph import Graph
from core.plan import Recovery

if TYPE_CHECKING:
    from core.backends._base import Trainer


@dataclass(frozen=True)
class Facts:
    """What loading found out about a network."""

    input_shape: tuple[int | None, ...]
    trial_shape: tuple[int, ...]
    input_type: torch.dtype
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
        self.input_shapes = (facts.input_shape,)
        self.classes = 2 if facts.units == 1 else facts.units
        self.notes = facts.notes
        self.trainable = facts.trainable
        self.device = choose()
        self.places: dict[str, Place] = places(module)
        self._arrays = read(module, self.places)
        self._runners = Runners(module, self.device)
        state = {name: tensor.to(self.device) for name, tensor in tensors(module).items()}
        self._state = state
        self._overlay = Overlay(self.places, state)
        self._graph: Graph | None = None

    def graph(self) -> Graph:
        if self._graph is None:
            shapes = {name: tuple(array.shape) for name, array in self._arrays.items()}
            self._graph = graph(self.module, self.facts.sizes, shapes)
        return self._graph

    def arrays(self) -> Mapping[str, Floats]:
        return self._arrays

    def predict(self, x: Floats, masks: Masks | None = None, batch_size: int = 256, poll: Poll = no_poll) -> Floats:
        self.check(x)
        masks = self.checked(masks)
        size = self.facts.only_batch or batch_size
        starts = range(0, len(x), size)
        results: list[Floats] = []
        with self._runners.borrowed() as runner, torch.inference_mode():
            overlaid, kept = self._overlay(masks), self._kept_scales(masks)
            for done, start in enumerate(starts, 1):
                batch = self.tensor(x[start : start + size])
                rows = len(batch)
                if self.facts.only_batch and rows < size:
                    batch = torch.cat([batch, batch[-1:].expand(size - rows, *batch.shape[1:])])
                results.append(self._run(runner, batch, overlaid, kept)[:rows])
                poll(done, len(starts))
        return np.concatenate(results) if results else np.zeros((0, self.facts.units), np.float32)

    def _run(
        self, runner: Runner, batch: torch.Tensor, overlaid: dict[str, torch.Tensor], kept: dict[str, torch.Tensor]
    ) -> Floats:
        try:
            outputs = runner(batch, overlaid, kept)
        except FAILURES as err:
            raise BadModel(f"The network fails on a batch of {len(batch)}: {str(err).splitlines()[0][:200]}") from err
        found: Floats = outputs.float().cpu().numpy()
        return found

    def gradients(
        self, batches: Iterator[tuple[Floats, Labels]], masks: Masks | None = None
    ) -> Iterator[dict[str, Floats]]:
        from core.backends.pytorch.signals import gradients

        return gradients(self, batches, self.checked(masks))

    def trainer(self, recovery: Recovery, masks: Masks, seed: int) -> "Trainer":
        from core.backends.pytorch.training import TorchTrainer

        self._must_train()
        return TorchTrainer(self, recovery, masks, seed)

    def masked(self, masks: Masks) -> "Network":
        from core.backends.pytorch.surgery import masked

        return Network(masked(self, self.checked(masks)), self.facts)

    def cut(self, cuts: Cuts) -> "Network":
        from core.backends.pytorch.surgery import cut

        self._must_train()
        return cut(self, cuts)

    def with_output(self, output: str) -> "Network":
        return Network(self.module, replace(self.facts, output=checked_output(output, self.facts.units)))

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

    def tensor(self, x: Floats) -> torch.Tensor:
        """A batch as the network takes it, on the device."""
        given = np.ascontiguousarray(x)
        given = given if given.flags.writeable else given.copy()  # torch warns of arrays it could write to
        return torch.from_numpy(given).to(self.device, self.facts.input_type)

    def check(self, x: Floats) -> None:
        """Raise WrongShape for a batch the network does not take."""
        wanted = self.facts.input_shape
        fits = x.ndim == len(wanted) + 1 and all(
            want is None or want == got for want, got in zip(wanted, x.shape[1:], strict=True)
        )
        if not fits:
            shape = tuple("any" if size is None else size for size in wanted)
            raise WrongShape(f"The network takes samples of the shape {shape}; got {tuple(x.shape[1:])}.")

    def example(self, batch: int) -> torch.Tensor:
        """A batch of zeros."""
        return torch.zeros((batch, *self.facts.trial_shape), dtype=self.facts.input_type)

    def _must_train(self) -> None:
        if not self.trainable:
            raise BadModel(f"This network can be viewed and masked only. {' '.join(self.notes)}")
