"""One step of training as a compiled function; what nobody asks for is not in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.backends._base import Extras
from core.backends.keras.framework import imported
from core.backends.keras.kept_norm import run
from core.backends.keras.model import KerasModel
from core.backends.keras.objectives import Objective
from core.backends.keras.penalising import Pull
from core.backends.keras.sharing import Sum
from core.backends.keras.signals import hits


@dataclass(frozen=True)
class Step:
    """What a step is made of.

    Attributes:
        origin: Says what goes in and what the output is.
        model: The Keras model that is trained.
        optimizer: Built for its trained variables.
        objective: Each sample's loss.
        masks: By ``id`` of a variable of the model, ones and zeros.
        norms: By ``id`` of a normalisation, which channels it keeps.
        extras: Whether there is a teacher, and whether updates are dense.
    """

    origin: KerasModel
    model: Any
    optimizer: Any
    objective: Objective
    masks: Mapping[int, Any]
    norms: Mapping[int, Any]
    extras: Extras

    def compiled(self, pulls: Mapping[int, Pull], moved: Mapping[int, Any], shared: Mapping[int, Sum]) -> Any:
        """From a batch (inputs, targets, the teacher's outputs if there is a teacher) to the sums of losses and hits.

        Args:
            pulls: By ``id`` of a variable, a penalty's sub-gradient.
            moved: By ``id`` of a variable, where its movement is summed up.
            shared: By ``id`` of a variable, the sums of gradients of entries that share a value.
        """
        _, tf = imported()
        trained, dense = self.model.trainable_variables, self.extras.dense_updates
        kept = {} if dense else self.masks
        others = [(v, kept[id(v)]) for v in self.model.non_trainable_variables if id(v) in kept]
        count = len(self.origin.network.entries)

        def step(*data: Any) -> Any:
            inputs, (y, *teacher) = data[:count], data[count:]
            hidden = self._hidden() if dense else []
            with tf.GradientTape() as tape:
                self.model._clear_losses()
                raw = self._raw(inputs)
                each = self.objective(raw, y, *teacher)
                loss = tf.reduce_mean(each) + sum(self.model.losses)
            found = tape.gradient(loss, [v.value for v in trained], unconnected_gradients="zero")
            for variable, value in hidden:
                variable.assign(value)
            updates = [
                _shared(_masked(_pulled(gradient, variable, pulls, moved), kept.get(id(variable))), variable, shared)
                for gradient, variable in zip(found, trained, strict=True)
            ]
            self.optimizer.apply(updates, trained)
            for variable, mask in others:
                variable.assign(variable.value * mask)
            return tf.stack([tf.reduce_sum(each), tf.reduce_sum(hits(self.origin.output, raw, y))])

        return tf.function(step, autograph=False, jit_compile=False).get_concrete_function(*self._specs())

    def _specs(self) -> list[Any]:
        _, tf = imported()
        network, origin = self.origin.network, self.origin
        taught = tf.TensorSpec((origin.feed.batch, *network.walk.outputs[0].shape[1:]), tf.float32)
        return [*network.input_specs, origin.target_spec, *([] if self.extras.teacher is None else [taught])]

    def _raw(self, inputs: Any) -> Any:
        keras, tf = imported()
        given = [tf.cast(x, entry.dtype) for x, entry in zip(inputs, self.origin.network.entries, strict=True)]
        return keras.tree.flatten(run(self.model, given, self.norms, training=True))[0]

    def _hidden(self) -> list[tuple[Any, Any]]:
        """Zero what is masked for the forward pass; the variables with the values to be put back after it."""
        _, tf = imported()
        variables = [variable for variable in self.model.variables if id(variable) in self.masks]
        kept = [(variable, variable.value.read_value()) for variable in variables]
        for variable, value in kept:
            variable.assign(tf.math.multiply_no_nan(value, self.masks[id(variable)]))
        return kept


def _pulled(gradient: Any, variable: Any, pulls: Mapping[int, Pull], moved: Mapping[int, Any]) -> Any:
    """The gradient with the penalty's; its movement summed up before."""
    _, tf = imported()
    key = id(variable)
    if key in moved:
        moved[key].assign_sub(tf.convert_to_tensor(gradient) * variable.value)
    return tf.convert_to_tensor(gradient) + pulls[key](variable.value) if key in pulls else gradient


def _shared(gradient: Any, variable: Any, shared: Mapping[int, Sum]) -> Any:
    """The gradient, of entries that share a value the sum of theirs."""
    return shared[id(variable)](gradient) if id(variable) in shared else gradient


def _masked(gradient: Any, mask: Any) -> Any:
    """The gradient, none for what is masked."""
    _, tf = imported()
    return gradient if mask is None else tf.math.multiply_no_nan(tf.convert_to_tensor(gradient), mask)
