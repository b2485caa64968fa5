"""Fine-tuning under masks, with Keras' own optimisers in one compiled step.

Gradients of masked entries are zeroed before the optimiser sees them. As the entries and their momentum are zero to
begin with, they stay zero: one multiplication a variable and step is the whole price of a mask.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

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
from core.backends.keras import checkpoint
from core.backends.keras.framework import imported
from core.backends.keras.kept_norm import normalisations
from core.backends.keras.model import KerasModel
from core.backends.keras.network import Values
from core.backends.keras.objectives import objective, teaching
from core.backends.keras.optimisers import forget, memory, optimiser
from core.backends.keras.penalising import pulls
from core.backends.keras.sharing import sums
from core.backends.keras.signals import share
from core.backends.keras.steps import Step
from core.backends.keras.surgery import copied
from core.backends.keras.walk import walked
from core.errors import BadModel, BadSetting, EmptyData
from core.inputs import Inputs
from core.measures.size import trained
from core.plan import Recovery


class KerasTrainer(Trainer):
    """Trains its own copy of a model.

    Args:
        model: Where training starts from.
        recovery: Optimiser and batch size.
        masks: By array name.
        seed: Decides order and dropout, together with the epoch's number.
    """

    def __init__(
        self,
        model: KerasModel,
        recovery: Recovery,
        masks: Masks,
        seed: int,
        extras: Extras = Extras(),  # noqa: B008
    ) -> None:
        _, self._tf = imported()
        self._origin = model
        self._network = model.network
        self._keras = copied(model.network, model.values)
        self._variables = list(self._keras.variables)
        self._batch_size = recovery.batch_size
        self._seed = seed
        self._extras = extras
        self._objective = objective(extras, model.output, model.classes)
        self._pulls = {id(self._variables[i]): pull for i, pull in pulls(extras, model.network).items()}
        self._shared = {id(self._variables[i]): summed for i, summed in sums(extras, model.network).items()}
        self._moved = self._sums() if extras.movement else {}
        self._optimizer = optimiser(recovery)
        self._optimizer.build(self._keras.trainable_variables)
        self._masks: dict[int, Any] = {}
        self._norms: dict[int, Any] = {}
        self._given: Masks = {}
        self._steps: dict[tuple[int, ...], Any] = {}
        self.set_masks(masks)

    def _sums(self) -> dict[int, Any]:
        """By ``id`` of a trained kernel where its movement is summed up."""
        kernels = (self._variables[self._network.place(kernel)] for kernel in self._network.kernels())
        trained = {id(variable) for variable in self._keras.trainable_variables}
        return {id(v): self._tf.Variable(self._tf.zeros(v.shape), trainable=False) for v in kernels if id(v) in trained}

    def set_masks(self, masks: Masks) -> None:
        self._given = self._origin.checked(masks)
        kept = self._network.kept(self._given)
        for i in self._masks.keys() - kept.keys():
            kept[i] = np.ones(self._variables[i].shape, np.bool_)
        for i, mask in kept.items():
            if i not in self._masks:
                self._masks[i] = self._tf.Variable(mask.astype(np.float32), trainable=False)
            else:
                self._masks[i].assign(mask.astype(np.float32))
        self._keep(self._network.kept_norms(self._given))
        if not self._extras.dense_updates:
            self._zero()

    def _keep(self, norms: list[Floats]) -> None:
        """Tell layer normalisations which channels are left."""
        if norms and not self._norms:
            layers = normalisations(walked(self._keras)).values()
            self._norms = {
                id(layer): self._tf.Variable(n, trainable=False) for layer, n in zip(layers, norms, strict=True)
            }
            self._steps.clear()
        for i, variable in enumerate(self._norms.values()):
            variable.assign(norms[i] if norms else np.ones(variable.shape, np.float32))

    def _zero(self) -> None:
        """Weights and the optimiser's memory of them, zero where masked."""
        for i, mask in self._masks.items():
            variable = self._variables[i]
            variable.assign(self._tf.math.multiply_no_nan(variable.value, mask))
            for state in memory(self._optimizer, variable):
                state.assign(self._tf.math.multiply_no_nan(state.value, mask))

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
            raise EmptyData("There are no training samples.")
        started = time.perf_counter()
        data = self._data(x, y)
        self._optimizer.learning_rate.assign(learning_rate)
        self._seed_dropout(number)
        order = np.random.default_rng([self._seed, number]).permutation(len(x))
        total = -(-len(x) // self._batch_size)
        summed = np.zeros(2)
        for i in range(total):
            rows = order[i * self._batch_size : (i + 1) * self._batch_size]
            summed += self._step()(*[array[rows] for array in data]).numpy()
            between(i + 1)
            poll(i + 1, total)
        loss, hits = summed.tolist()
        accuracy = share(self._origin.output, hits, data[len(self._network.entries)])
        return EpochResult(loss / len(x), accuracy, len(x), time.perf_counter() - started)

    def _data(self, x: Inputs, y: Labels | Floats) -> list[Any]:
        """What a step takes of every sample: inputs, target, the teacher's output if there is a teacher."""
        origin, samples = self._origin, len(x)
        fixed = origin.feed.batch
        if fixed is not None and (self._batch_size != fixed or samples % fixed):
            raise BadModel(f"The network takes exactly {fixed} samples at a time: choose that batch size, and as data.")
        targets = origin.feed.targets(y, origin.output, origin.classes, samples)
        taught = teaching(self._extras, samples, tuple(self._network.walk.outputs[0].shape[1:]))
        return [*origin.feed.inputs(x), targets, *taught]

    def _seed_dropout(self, number: int) -> None:
        state = np.random.SeedSequence([self._seed, number])
        for generator, child in zip(self._generators(), state.spawn(len(self._generators())), strict=True):
            generator.state.assign(child.generate_state(2).astype(np.uint32))

    def _generators(self) -> list[Any]:
        layers = self._keras._flatten_layers()
        return [g for layer in layers for g in getattr(layer, "_seed_generators", ())]

    def _step(self) -> Any:
        key = tuple(sorted(self._masks))
        if key not in self._steps:
            self._steps[key] = self._traced()
        return self._steps[key]

    def _traced(self) -> Any:
        masks = {id(self._variables[i]): mask for i, mask in self._masks.items()}
        parts = Step(self._origin, self._keras, self._optimizer, self._objective, masks, self._norms, self._extras)
        return parts.compiled(self._pulls, self._moved, self._shared)

    def model(self) -> KerasModel:
        values = self._values()
        if self._extras.dense_updates:
            values = self._network.masked(values, self._given)
        return self._origin.holding(values, self._given)

    def _values(self) -> Values:
        return tuple(v.value.read_value() for v in self._variables)

    def dense_arrays(self) -> Mapping[str, Floats]:
        return {name: array.copy() for name, array in self._network.arrays(self._values()).items()}

    def movement(self) -> Mapping[str, Floats]:
        if not self._extras.movement:
            raise BadSetting("Movement is summed up only where training is told to (Extras.movement).")
        kernels = self._network.kernels()
        own = [self._variables[self._network.place(kernel)] for kernel in kernels]
        return self._network.canonical(kernels, [self._moved.get(id(v), self._tf.zeros(v.shape)) for v in own])

    def set_arrays(self, arrays: Mapping[str, Floats]) -> None:
        before = self._values()
        after = self._network.replaced(before, arrays)
        for variable, old, new in zip(self._variables, before, after, strict=True):
            if new is not old:
                variable.assign(new)
        if trained(arrays):
            forget(self._optimizer)
        if not self._extras.dense_updates:
            self._zero()

    def save(self, path: Path) -> None:
        checkpoint.save(path, self._state(), self._given)

    def load(self, path: Path) -> None:
        masks = checkpoint.load(path, self._state(), self._network.shapes)
        self.set_masks(self._given if masks is None else masks)

    def _state(self) -> Mapping[str, Any]:
        weights = {f"weights.{i}": v for i, v in enumerate(self._variables)}
        moved = {f"movement.{i}": v for i, v in enumerate(self._moved.values())}
        return {**weights, **{f"optimiser.{i}": v for i, v in enumerate(self._optimizer.variables)}, **moved}
