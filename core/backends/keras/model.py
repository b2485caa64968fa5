"""One loaded Keras network: a shared :class:`Network` and one set of values."""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from core.backends._base import Batch, Cuts, Extras, Floats, LoadedModel, Masks, Poll, Tap, Trainer, no_poll
from core.backends.keras import derivatives, flow, tapping
from core.backends.keras.feeding import Feed
from core.backends.keras.graph import output_kind
from core.backends.keras.network import Network, Values
from core.errors import BadModel, BadSetting
from core.graph import Graph
from core.inputs import Inputs
from core.plan import OUTPUTS, Recovery


class KerasModel(LoadedModel):
    """A functional or sequential Keras model.

    Args:
        network: The structure; shared.
        values: What its variables hold.
        output: One of ``core.plan.OUTPUTS``.
        notes: What was found odd.
        trainable: Whether it has class scores to train on.
        norms: Masks on scales that are baked in: those normalisations leave the masked channels out.
    """

    framework = "keras"

    def __init__(
        self,
        network: Network,
        values: Values,
        output: str,
        notes: tuple[str, ...],
        trainable: bool,
        norms: Masks | None = None,
    ) -> None:
        self.network = network
        self.values = values
        self.output = output
        self.notes = notes
        self.trainable = trainable
        self.norms: Masks = norms or {}
        self.feed = Feed(network)
        self.input_shapes = self.feed.shapes
        self.input_names = self.feed.names
        self.input_types = tuple(str(entry.dtype) for entry in network.entries)

    @property
    def classes(self) -> int:  # type: ignore[override]
        """Classes the output tells apart; one sigmoid unit counts as two. Of a regression, the values it gives."""
        units = self.network.walk.outputs[0].shape[-1]
        return 2 if self.output in ("sigmoid", "sigmoid_logit") else int(units)

    def graph(self) -> Graph:
        return self.network.graph

    def arrays(self) -> Mapping[str, Floats]:
        return self._arrays

    @cached_property
    def _arrays(self) -> Mapping[str, Floats]:
        return self.network.arrays(self.values)

    def predict(self, x: Inputs, masks: Masks | None = None, batch_size: int = 256, poll: Poll = no_poll) -> Floats:
        masks = self.checked(masks or {})
        arrays = self.feed.inputs(x)
        values = self.network.masked(self.values, masks)
        batch_size = self.feed.batch or batch_size
        samples = len(arrays[0])
        total = -(-samples // batch_size)
        outputs = []
        for i in range(total):
            batch = [array[i * batch_size : (i + 1) * batch_size] for array in arrays]
            raw = self.network.predict(values, self.feed.padded(batch), masks).numpy()
            outputs.append(raw[: len(batch[0])])
            poll(i + 1, total)
        shape = (0, *self.network.walk.outputs[0].shape[1:])
        return np.concatenate(outputs) if outputs else np.zeros(shape, np.float32)

    def gradients(
        self, batches: Iterable[Batch], masks: Masks | None = None, *, temperature: float = 1.0
    ) -> Iterator[dict[str, Floats]]:
        return derivatives.gradients(self, batches, masks or {}, temperature)

    def squared_gradients(self, batches: Iterable[Batch], masks: Masks | None = None) -> Iterator[dict[str, Floats]]:
        return derivatives.squared_gradients(self, batches, masks or {})

    def hessian_products(
        self,
        batches: Iterable[Batch],
        vectors: Sequence[Mapping[str, Floats]],
        masks: Masks | None = None,
        *,
        temperature: float = 1.0,
    ) -> Iterator[list[dict[str, Floats]]]:
        return derivatives.hessian_products(self, batches, vectors, masks or {}, temperature)

    def taps(
        self, batches: Iterable[Batch], names: Sequence[str], masks: Masks | None = None, *, gradients: bool = False
    ) -> Iterator[dict[str, Tap]]:
        return tapping.taps(self, batches, names, masks or {}, gradients)

    def synaptic_flow(self, masks: Masks | None = None) -> dict[str, Floats]:
        masks = self.checked(masks or {})
        return flow.synaptic_flow(self.network, self.network.masked(self.values, masks), masks)

    def with_arrays(self, arrays: Mapping[str, Floats]) -> "KerasModel":
        return self.holding(self.network.replaced(self.values, arrays), {})

    def trainer(self, recovery: Recovery, masks: Masks, seed: int, extras: Extras = Extras()) -> Trainer:  # noqa: B008
        from core.backends.keras.training import KerasTrainer

        self.must_train()
        return KerasTrainer(self, recovery, self.checked(masks), seed, extras)

    def recalibrated(self, x: Inputs, masks: Masks | None = None, batch_size: int = 256) -> "KerasModel":
        from core.backends.keras.recalibration import recalibrated

        return recalibrated(self, x, masks or {}, batch_size)

    def masked(self, masks: Masks) -> "KerasModel":
        return self.holding(self.network.masked(self.values, self.checked(masks)), masks)

    def holding(self, values: Values, masks: Masks) -> "KerasModel":
        """The same network with other values, in which ``masks`` are baked in."""
        scales = {f"{path}.scale" for path in self.network.norms}
        norms = {**self.norms, **{name: mask for name, mask in masks.items() if name in scales}}
        return KerasModel(self.network, values, self.output, self.notes, self.trainable, norms)

    def cut(self, cuts: Cuts) -> "KerasModel":
        from core.backends.keras.surgery import cut

        return cut(self, cuts)

    def factorised(self, factors: Mapping[str, tuple[Floats, Floats]]) -> "KerasModel":
        from core.backends.keras.factorising import factorised

        return factorised(self, factors)

    def with_output(self, output: str) -> "KerasModel":
        if output not in OUTPUTS:
            raise BadSetting(f'Output "{output}" is not known. Choose one of: {", ".join(OUTPUTS)}.')
        units = self.network.walk.outputs[0].shape[-1]
        if output in ("sigmoid", "sigmoid_logit") and units != 1:
            raise BadSetting(f'Output "{output}" is for networks with one output unit; this one has {units}.')
        other = copy.copy(self)
        other.output = output
        other.trainable = self.network.scores or output == "regression"
        recognised, guesses = output_kind(self.network.graph)
        done = (*guesses, unscored(self.network)) if output == "regression" else guesses
        other.notes = self.notes if output == recognised else tuple(note for note in self.notes if note not in done)
        return other

    def formats(self) -> Mapping[str, str]:
        from core.backends.keras.writing import formats

        return formats(self)

    def write(self, kind: str, path: Path) -> Path:
        from core.backends.keras.writing import write

        return write(self, kind, path)

    def write_calibrated(self, kind: str, path: Path, samples: Inputs) -> Path:
        from core.backends.keras.writing_litert_int8 import write

        if kind != "litert-int8":
            return super().write_calibrated(kind, path, samples)
        return write(self, path, samples)

    def repeated(self, x: Inputs, threads: int, *, compiled: bool = False) -> Callable[[], None]:
        from core.backends.keras.timing import repeated

        return repeated(self, x, threads, compiled)

    def compiles(self) -> str:
        return ""  # XLA comes with TensorFlow; what it does not take it says itself

    def layer_times(self, x: Inputs, threads: int, rounds: int = 20, poll: Poll = no_poll) -> Mapping[str, Floats]:
        from core.backends.keras.timing import layer_times

        return layer_times(self, x, threads, rounds, poll)

    def save(self, path: Path) -> Path:
        from core.backends.keras.export import save

        return save(self, path)

    def snippet(self, file_name: str) -> str:
        from core.backends.keras.export import snippet

        return snippet(self.network, file_name)

    def must_train(self) -> None:
        """Raise unless there are class scores to compute a loss from."""
        if not self.trainable:
            raise BadModel(f"This network cannot be trained here: {' '.join(self.notes)}")

    def checked(self, masks: Masks) -> Masks:
        """The masks, together with those baked into normalisations.

        Raises:
            BadSetting: One is for no array of this network, or of another shape.
        """
        for name, mask in masks.items():
            shape = self.network.shapes.get(name)
            if shape != mask.kept.shape:
                expected = f"{shape}" if shape is not None else "no array of that name"
                raise BadSetting(f'The mask for "{name}" has shape {mask.kept.shape}; the network has {expected}.')
        return {**self.norms, **masks}

    def prepared(self, batch: Batch, loss: bool = True) -> tuple[tuple[Any, ...], Any, Floats]:
        """Inputs, targets and weights of a calibration batch."""
        return self.feed.batch_of(batch, self.output, self.classes, loss)

    @property
    def target_spec(self) -> Any:
        """What compiled functions take as targets."""
        import tensorflow as tf

        samples = self.feed.batch
        if self.output == "regression":
            return tf.TensorSpec((samples, None), tf.float32)
        return tf.TensorSpec((samples,), tf.int64)


def unscored(network: Network) -> str:
    """The note for a network whose output is not one row of class scores."""
    shape = tuple(network.walk.outputs[0].shape[1:])
    return f"The output has shape {shape}, not one score for each class: viewed, masked and cut only."
