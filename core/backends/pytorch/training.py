"""Fine-tuning a network under masks."""

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn

from core.backends._base import (
    Between,
    EpochResult,
    Extras,
    Floats,
    Labels,
    Masks,
    Poll,
    Trainer,
    no_change,
    no_poll,
)
from core.backends.pytorch import checkpoints
from core.backends.pytorch.arrays import canonical, tensors
from core.backends.pytorch.masking import kept_tensors
from core.backends.pytorch.network import Network
from core.backends.pytorch.norms import bake, baked
from core.backends.pytorch.objectives import Objective, objective
from core.backends.pytorch.outputs import right, share
from core.backends.pytorch.refilling import fill
from core.backends.pytorch.running import Given, first
from core.backends.pytorch.sharing import sharing
from core.backends.pytorch.surgery import own_copy
from core.backends.pytorch.updating import Hidden, Movement, as_bits, blank, pull
from core.errors import BadSetting, EmptyData, RefusedFile
from core.inputs import Inputs
from core.measures.size import trained
from core.plan import Recovery

_MOMENTUM = 0.9


class TorchTrainer(Trainer):
    """See :class:`core.backends._base.Trainer`. Adam, AdamW (decay 0.01) or SGD with momentum 0.9."""

    def __init__(
        self,
        network: Network,
        recovery: Recovery,
        masks: Masks,
        seed: int,
        extras: Extras = Extras(),  # noqa: B008
    ) -> None:
        self._network = network
        self._batch_size = recovery.batch_size
        self._seed = seed
        self._extras = extras
        self._module = own_copy(network.module).to(network.device)
        self._baked = baked(self._module)
        self._parameters = [p for p in self._module.parameters() if p.requires_grad]
        self._optimiser = _optimiser(recovery.optimiser, self._parameters, recovery.learning_rate)
        self._named = dict(self._module.named_parameters(remove_duplicate=False))
        self._movement = Movement(network, self._named) if extras.movement else None
        self._pull = pull(extras, network, self._named)
        self._shared = sharing(extras, network.places, self._named)
        self._hidden = Hidden(self._named) if extras.dense_updates else None
        self._masks: Masks = {}
        self._kept: list[tuple[nn.Parameter, torch.Tensor]] = []
        self.set_masks(masks)

    def epoch(
        self,
        x: Inputs,
        y: Labels | Floats,
        number: int,
        learning_rate: float,
        poll: Poll = no_poll,
        between: Between = no_change,
    ) -> EpochResult:
        if len(x) == 0:
            raise EmptyData("There are no samples to train on.")
        self._network.check(x)
        started = time.perf_counter()
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate
        inputs, labels = self._network.given(x), self._network.labels(y, len(x))
        of = objective(self._extras, self._network, len(x))
        total, correct = torch.zeros((), device=labels.device), torch.zeros((), device=labels.device)
        self._module.train()
        with torch.random.fork_rng(devices=[]):
            order = _seeded_order(self._seed, number, len(x)).to(labels.device)
            batches = _batches(order, self._batch_size)
            for done, rows in enumerate(batches, 1):
                batch = self._network.laid(tuple(each[rows] for each in inputs))
                batch_loss, hits = self._step(batch, labels[rows], rows, of)
                total += batch_loss * len(rows)
                correct += hits
                between(done)
                if not self._module.training:  # somebody looked at the model as it is
                    self._module.train()
                poll(done, len(batches))
        self._module.eval()
        seconds = time.perf_counter() - started
        accuracy = share(float(correct), labels, self._network.output)
        return EpochResult(float(total) / len(x), accuracy, len(x), seconds)

    def _step(self, x: Given, y: torch.Tensor, rows: torch.Tensor, of: Objective) -> tuple[torch.Tensor, torch.Tensor]:
        self._optimiser.zero_grad(set_to_none=True)
        try:
            outputs = first(self._module(*x))
        except ValueError as err:
            if len(y) > 1:
                raise
            raise BadSetting(
                "A network with batch normalisation cannot be trained on a single sample at a time. "
                "Choose a batch size of at least 2, and data with several training samples."
            ) from err
        value = of(outputs, y, rows)
        value.backward()  # type: ignore[no-untyped-call]
        self._update()
        return value.detach(), right(outputs, y, self._network.output)

    def _update(self) -> None:
        """One step of the optimiser on the gradients that are there."""
        if self._hidden is None:
            for parameter, bits in self._kept:
                blank(parameter.grad, bits)
        else:
            self._hidden.reveal()
        if self._movement is not None:
            self._movement.add()
        if self._pull is not None:
            self._pull.add()
        for values in self._shared:
            values.add()
        self._optimiser.step()
        if self._hidden is not None:
            self._hidden.hide(self._kept)

    def set_masks(self, masks: Masks) -> None:
        self._masks = self._network.checked(masks)
        if self._hidden is not None:
            self._hidden.reveal()
        state = tensors(self._module)
        kept = kept_tensors(self._masks, self._network.places, state)
        self._kept = [(self._named[key], as_bits(mask, self._named[key])) for key, mask in kept.items()
                      if key in self._named]  # fmt: skip
        if self._hidden is not None:
            self._hidden.hide(self._kept)
        for key, mask in kept.items():
            state[key].masked_fill_(~mask, 0.0)
        scales = {key: mask for key, mask in kept.items() if f"{key.rpartition('.')[0]}.scale" in self._masks}
        bake(self._module, {**self._baked, **scales})
        if self._hidden is None:
            self._blank_state()

    def _blank_state(self) -> None:
        """No momentum and no step for what is masked: a zero gradient then never moves it."""
        for parameter, bits in self._kept:
            for value in self._optimiser.state.get(parameter, {}).values():
                if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
                    blank(value, bits)

    def model(self) -> Network:
        self._module.eval()
        return Network(self._module, self._network.facts)

    def dense_arrays(self) -> Mapping[str, Floats]:
        state = tensors(self._module)
        if self._hidden is not None:
            state |= self._hidden.tensors()
        return {name: array.copy() for name, array in canonical(state, self._network.places).items()}

    def movement(self) -> Mapping[str, Floats]:
        if self._movement is None:
            raise BadSetting("Movement is summed up only where training is told to (Extras.movement).")
        return self._movement.arrays()

    def set_arrays(self, arrays: Mapping[str, Floats]) -> None:
        if self._hidden is not None:
            self._hidden.reveal()
        try:
            fill(tensors(self._module), self._network.places, arrays)
        finally:
            self.set_masks(self._masks)
        if trained(arrays):
            self._optimiser.state.clear()

    def save(self, path: Path) -> None:
        more: dict[str, torch.Tensor] = {}
        if self._hidden is not None:
            more |= {f"dense.{key}": dense for key, dense in self._hidden.tensors().items()}
        if self._movement is not None:
            more |= {f"movement.{key}": total for key, total in self._movement.sums.items()}
        checkpoints.save(path, self._module, self._optimiser, self._masks, more)

    def load(self, path: Path) -> None:
        shapes = {name: array.shape for name, array in self._network.arrays().items()}
        masks, more = checkpoints.load(path, self._module, self._optimiser, shapes)
        if self._hidden is not None:
            self._hidden.forget()
        try:
            with torch.no_grad():
                for name, values in more.items():
                    self._restore(name, values)
        except (KeyError, RuntimeError) as err:
            raise RefusedFile(f'The checkpoint "{path.name}" is of another network.') from err
        self.set_masks(masks)

    def _restore(self, name: str, values: torch.Tensor) -> None:
        """Put back what an extra had left in the checkpoint; what nobody asks for is left out."""
        kind, _, key = name.partition(".")
        if kind == "dense" and self._hidden is not None:
            self._named[key].copy_(values)
        elif kind == "movement" and self._movement is not None:
            self._movement.sums[key].copy_(values)


def _optimiser(name: str, parameters: list[nn.Parameter], rate: float) -> torch.optim.Optimizer:
    """Fused: one pass over each tensor. With a zero gradient and no momentum each leaves a zero weight at zero."""
    if name == "sgd":
        return torch.optim.SGD(parameters, lr=rate, momentum=_MOMENTUM, fused=True)
    kind = torch.optim.AdamW if name == "adamw" else torch.optim.Adam
    return kind(parameters, lr=rate, fused=True)


def _seeded_order(seed: int, epoch: int, samples: int) -> torch.Tensor:
    """The order of one epoch's samples; PyTorch's generator is left seeded for its dropout."""
    state = np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)
    torch.manual_seed(int(state[0] >> np.uint64(1)))
    return torch.randperm(samples)


def _batches(order: torch.Tensor, size: int) -> list[torch.Tensor]:
    """Consecutive pieces; a last one of a single sample joins the one before (its variance would be undefined)."""
    pieces = list(torch.split(order, size))
    if len(pieces) > 1 and len(pieces[-1]) == 1:
        pieces[-2:] = [torch.cat(pieces[-2:])]
    return pieces
