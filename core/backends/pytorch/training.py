"""Fine-tuning a network under masks."""

import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from core.backends._base import EpochResult, Floats, Labels, Masks, Poll, Trainer, no_poll
from core.backends.pytorch import checkpoints
from core.backends.pytorch.arrays import tensors
from core.backends.pytorch.masking import kept_tensors
from core.backends.pytorch.network import Network
from core.backends.pytorch.norms import bake, baked
from core.backends.pytorch.outputs import loss, right
from core.backends.pytorch.surgery import own_copy
from core.errors import BadSetting, EmptyData
from core.plan import Recovery

#: Integers as wide as the number type: ``and`` with -1 keeps a number, with 0 makes it zero, even if it was NaN.
_INTEGERS = {torch.float32: torch.int32, torch.float64: torch.int64}
_MOMENTUM = 0.9


class TorchTrainer(Trainer):
    """See :class:`core.backends._base.Trainer`. Adam, AdamW (decay 0.01) or SGD with momentum 0.9."""

    def __init__(self, network: Network, recovery: Recovery, masks: Masks, seed: int) -> None:
        self._network = network
        self._batch_size = recovery.batch_size
        self._seed = seed
        self._module = own_copy(network.module).to(network.device)
        self._baked = baked(self._module)
        self._parameters = [p for p in self._module.parameters() if p.requires_grad]
        self._optimiser = _optimiser(recovery.optimiser, self._parameters, recovery.learning_rate)
        self._masks: Masks = {}
        self._kept: list[tuple[nn.Parameter, torch.Tensor]] = []
        self.set_masks(masks)

    def epoch(self, x: Floats, y: Labels, number: int, learning_rate: float, poll: Poll = no_poll) -> EpochResult:
        if len(x) == 0:
            raise EmptyData("There are no samples to train on.")
        self._network.check(x)
        started = time.perf_counter()
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate
        (inputs,) = self._network.given(x)
        labels = torch.from_numpy(np.array(y)).to(inputs.device)
        total, correct = torch.zeros((), device=inputs.device), torch.zeros((), device=inputs.device)
        self._module.train()
        with torch.random.fork_rng(devices=[]):
            order = _seeded_order(self._seed, number, len(x)).to(inputs.device)
            batches = _batches(order, self._batch_size)
            for done, rows in enumerate(batches, 1):
                batch_loss, hits = self._step(inputs[rows], labels[rows])
                total += batch_loss * len(rows)
                correct += hits
                poll(done, len(batches))
        self._module.eval()
        seconds = time.perf_counter() - started
        return EpochResult(float(total) / len(x), float(correct) / len(x), len(x), seconds)

    def _step(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self._optimiser.zero_grad(set_to_none=True)
        try:
            outputs = self._module(x)
        except ValueError as err:
            if len(x) > 1:
                raise
            raise BadSetting(
                "A network with batch normalisation cannot be trained on a single sample at a time. "
                "Choose a batch size of at least 2, and data with several training samples."
            ) from err
        value = loss(outputs, y, self._network.output)
        value.backward()  # type: ignore[no-untyped-call]
        for parameter, bits in self._kept:
            _blank(parameter.grad, bits)
        self._optimiser.step()
        return value.detach(), right(outputs, y, self._network.output)

    def set_masks(self, masks: Masks) -> None:
        self._masks = self._network.checked(masks)
        state = tensors(self._module)
        kept = kept_tensors(self._masks, self._network.places, state)
        named = dict(self._module.named_parameters())
        self._kept = [(named[key], _bits(mask, named[key])) for key, mask in kept.items() if key in named]
        for key, mask in kept.items():
            state[key].masked_fill_(~mask, 0.0)
        scales = {key: mask for key, mask in kept.items() if f"{key.rpartition('.')[0]}.scale" in self._masks}
        bake(self._module, {**self._baked, **scales})
        self._blank_state()

    def _blank_state(self) -> None:
        """No momentum and no step for what is masked: a zero gradient then never moves it."""
        for parameter, bits in self._kept:
            for value in self._optimiser.state.get(parameter, {}).values():
                if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
                    _blank(value, bits)

    def model(self) -> Network:
        self._module.eval()
        return Network(self._module, self._network.facts)

    def save(self, path: Path) -> None:
        checkpoints.save(path, self._module, self._optimiser, self._masks)

    def load(self, path: Path) -> None:
        shapes = {name: array.shape for name, array in self._network.arrays().items()}
        self.set_masks(checkpoints.load(path, self._module, self._optimiser, shapes))


def _optimiser(name: str, parameters: list[nn.Parameter], rate: float) -> torch.optim.Optimizer:
    """Fused: one pass over each tensor. With a zero gradient and no momentum each leaves a zero weight at zero."""
    if name == "sgd":
        return torch.optim.SGD(parameters, lr=rate, momentum=_MOMENTUM, fused=True)
    kind = torch.optim.AdamW if name == "adamw" else torch.optim.Adam
    return kind(parameters, lr=rate, fused=True)


def _bits(kept: torch.Tensor, parameter: nn.Parameter) -> torch.Tensor:
    return kept.to(_INTEGERS[parameter.dtype]).neg_()


def _blank(values: torch.Tensor | None, bits: torch.Tensor) -> None:
    """Zero what is masked, in place, whatever it was."""
    if values is None:
        return
    if values.is_contiguous():
        values.view(bits.dtype).bitwise_and_(bits)
    else:
        values.masked_fill_(bits == 0, 0.0)


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
