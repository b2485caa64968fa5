"""Fine-tuning under masks, with Keras' own optimisers in one compiled step.

Gradients of masked entries are zeroed before the optimiser sees them. As the entries and their momentum are zero to
begin with, they stay zero: one multiplication a variable and step is the whole price of a mask.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core.backends._base import EpochResult, Floats, Labels, Masks, Poll, Trainer, no_poll
from core.backends.keras import checkpoint
from core.backends.keras.framework import imported
from core.backends.keras.kept_norm import normalisations, run
from core.backends.keras.model import KerasModel
from core.backends.keras.signals import correct, losses
from core.backends.keras.surgery import copied
from core.backends.keras.walk import walked
from core.errors import EmptyData
from core.plan import Recovery

#: Momentum of ``sgd`` and weight decay of ``adamw``, as in the PyTorch backend.
MOMENTUM = 0.9
WEIGHT_DECAY = 1e-2


class KerasTrainer(Trainer):
    """Trains its own copy of a model.

    Args:
        model: Where training starts from.
        recovery: Optimiser and batch size.
        masks: By array name.
        seed: Decides order and dropout, together with the epoch's number.
    """

    def __init__(self, model: KerasModel, recovery: Recovery, masks: Masks, seed: int) -> None:
        _, self._tf = imported()
        self._origin = model
        self._network = model.network
        self._keras = copied(model.network, model.values)
        self._variables = list(self._keras.variables)
        self._batch_size = recovery.batch_size
        self._seed = seed
        self._optimizer = optimiser(recovery)
        self._optimizer.build(self._keras.trainable_variables)
        self._masks: dict[int, Any] = {}
        self._norms: dict[int, Any] = {}
        self._given: Masks = {}
        self._steps: dict[tuple[int, ...], Any] = {}
        self.set_masks(masks)

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
            for state in self._states(variable):
                state.assign(self._tf.math.multiply_no_nan(state.value, mask))

    def _states(self, variable: Any) -> list[Any]:
        optimizer = self._optimizer
        found = []
        for name in ("_momentums", "_velocities", "momentums"):
            states = getattr(optimizer, name, None) or []
            for trained, state in zip(optimizer._trainable_variables, states, strict=False):
                if trained is variable:
                    found.append(state)
        return found

    def epoch(self, x: Floats, y: Labels, number: int, learning_rate: float, poll: Poll = no_poll) -> EpochResult:
        if len(x) == 0:
            raise EmptyData("There are no training samples.")
        started = time.perf_counter()
        self._optimizer.learning_rate.assign(learning_rate)
        self._seed_dropout(number)
        order = np.random.default_rng([self._seed, number]).permutation(len(x))
        total = -(-len(x) // self._batch_size)
        step = self._step()
        summed = np.zeros(2)
        for i in range(total):
            batch = order[i * self._batch_size : (i + 1) * self._batch_size]
            summed += step(np.asarray(x[batch], np.float32), np.asarray(y[batch], np.int64)).numpy()
            poll(i + 1, total)
        loss, correct = (summed / len(x)).tolist()
        return EpochResult(loss, correct, len(x), time.perf_counter() - started)

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
        tf, model, output = self._tf, self._keras, self._origin.output
        masks = {id(self._variables[i]): mask for i, mask in self._masks.items()}
        trained = model.trainable_variables
        others = [(v, masks[id(v)]) for v in model.non_trainable_variables if id(v) in masks]
        entry = self._network.entry

        def step(x: Any, y: Any) -> Any:
            with tf.GradientTape() as tape:
                model._clear_losses()
                raw = run(model, tf.cast(x, entry.dtype), self._norms, training=True)
                each = losses(output, raw, y)
                loss = tf.reduce_mean(each) + sum(model.losses)
            gradients = tape.gradient(loss, [v.value for v in trained], unconnected_gradients="zero")
            kept = [
                tf.math.multiply_no_nan(tf.convert_to_tensor(g), masks[id(v)]) if id(v) in masks else g
                for g, v in zip(gradients, trained, strict=True)
            ]
            self._optimizer.apply(kept, trained)
            for variable, mask in others:
                variable.assign(variable.value * mask)
            return tf.stack([tf.reduce_sum(each), tf.reduce_sum(correct(output, raw, y))])

        shapes = (tf.TensorSpec(tuple(entry.shape), tf.float32), tf.TensorSpec(entry.shape[:1], tf.int64))
        return tf.function(step, autograph=False, jit_compile=False).get_concrete_function(*shapes)

    def model(self) -> KerasModel:
        return self._origin.holding(tuple(v.value.read_value() for v in self._variables), self._given)

    def save(self, path: Path) -> None:
        checkpoint.save(path, self._state())

    def load(self, path: Path) -> None:
        checkpoint.load(path, self._state())
        self._zero()

    def _state(self) -> Mapping[str, Any]:
        weights = {f"weights.{i}": v for i, v in enumerate(self._variables)}
        return {**weights, **{f"optimiser.{i}": v for i, v in enumerate(self._optimizer.variables)}}


def optimiser(recovery: Recovery) -> Any:
    """Keras' optimiser with the settings that both backends share."""
    from keras import optimizers

    rate = recovery.learning_rate
    if recovery.optimiser == "sgd":
        return optimizers.SGD(rate, momentum=MOMENTUM)
    if recovery.optimiser == "adamw":
        return optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY, epsilon=1e-8)
    return optimizers.Adam(rate, epsilon=1e-8)
