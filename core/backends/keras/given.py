"""What the compiled functions for signals take: values under masks, a batch, its targets and weights."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from core.backends._base import Batch, Masks
from core.backends.keras.network import Seen, norm_specs
from core.backends.keras.signals import losses
from core.errors import BadSetting

if TYPE_CHECKING:
    from core.backends.keras.model import KerasModel

#: ``(values, inputs, norms, targets, weights, temperature) -> scalar`` inside a compiled function.
Loss = Callable[..., Any]


class Given:
    """One model under masks, for any number of batches.

    Args:
        model: The network and its values.
        masks: Laid over it.
        temperature: Divides the logits.
        loss: Whether a loss is needed; labels are not looked at otherwise.

    Raises:
        BadModel: A loss is needed and there are no class scores.
        BadSetting: The temperature is not above 0, or masks do not fit.
    """

    def __init__(self, model: "KerasModel", masks: Masks, temperature: float = 1.0, loss: bool = True) -> None:
        if not temperature > 0:
            raise BadSetting(f"The temperature must be above 0; got {temperature}.")
        if loss:
            model.must_train()
        self._model = model
        self._needs_loss = loss
        masks = model.checked(masks)
        self._norms = model.network.kept_norms(masks)
        self._values = model.network.masked(model.values, masks)
        self._heat = () if temperature == 1 else (np.float32(temperature),)

    def compiled(self, kind: Any, build: Callable[[], Any], *more: Any) -> Any:
        """The compiled function of that kind, for this output and with or without masked normalisations.

        Args:
            kind: Names it.
            build: Makes the Python function; it takes what :meth:`of` gives, and what ``more`` specifies.
            more: Specifications of further arguments.
        """
        import tensorflow as tf

        def traced() -> Any:
            return tf.function(build(), autograph=False).get_concrete_function(*self._specs(), *more)

        key = (kind, bool(self._norms), len(self._heat), self._model.output if self._needs_loss else "")
        return self._model.network.compiled(key, traced)

    def _specs(self) -> tuple[Any, ...]:
        import tensorflow as tf

        network = self._model.network
        targets = self._model.target_spec if self._needs_loss else tf.TensorSpec(None, tf.float32)
        weights = tf.TensorSpec(network.entry.shape[:1], tf.float32)
        heat = [tf.TensorSpec((), tf.float32) for _ in self._heat]
        return (network.value_specs, network.input_specs, norm_specs(self._norms), targets, weights, *heat)

    def of(self, batch: Batch) -> tuple[Any, ...]:
        """The arguments for one batch."""
        inputs, targets, weights = self._model.prepared(batch, self._needs_loss)
        return (self._values, inputs, self._norms, targets, weights, *self._heat)

    def loss(self, seen: Seen | None = None) -> Loss:
        """Mean over the samples of weight times loss, in double precision.

        p - 1 of a sure prediction has few digits left in single.

        Args:
            seen: Changes how the network's calls are carried out, or looks at them.
        """
        import tensorflow as tf

        network, output = self._model.network, self._model.output

        def loss(values: Any, inputs: Any, norms: Any, targets: Any, weights: Any, heat: Any = None) -> Any:
            each = losses(output, network.outputs(values, inputs, norms, seen), targets, heat, "float64")
            return tf.reduce_mean(tf.cast(weights, tf.float64) * each)

        return loss
