"""One loaded Keras network: a shared :class:`Network` and one set of values."""

import copy
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

import numpy as np

from core.backends._base import Cuts, Floats, Labels, LoadedModel, Masks, Poll, Trainer, no_poll
from core.backends.keras.network import Network, Values
from core.errors import BadModel, BadSetting, WrongShape
from core.graph import Graph
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
        entry = network.entry
        self.input_shapes = (tuple(entry.shape[1:]),)
        self._batch: int | None = entry.shape[0]

    @property
    def classes(self) -> int:  # type: ignore[override]
        """Classes the output tells apart; one sigmoid unit counts as two."""
        units = self.network.walk.outputs[0].shape[-1]
        return 2 if self.output in ("sigmoid", "sigmoid_logit") else int(units)

    def graph(self) -> Graph:
        return self.network.graph

    def arrays(self) -> Mapping[str, Floats]:
        return self._arrays

    @cached_property
    def _arrays(self) -> Mapping[str, Floats]:
        return self.network.arrays(self.values)

    def predict(self, x: Floats, masks: Masks | None = None, batch_size: int = 256, poll: Poll = no_poll) -> Floats:
        masks = self.checked(masks or {})
        x = self._fitting(x)
        values = self.network.masked(self.values, masks)
        batch_size = self._batch or batch_size
        total = -(-len(x) // batch_size)
        outputs = []
        for i in range(total):
            batch = x[i * batch_size : (i + 1) * batch_size]
            missing = self._batch - len(batch) if self._batch else 0
            if missing:
                batch = np.concatenate([batch, np.zeros((missing, *batch.shape[1:]), np.float32)])
            raw = self.network.predict(values, batch, masks).numpy()
            outputs.append(raw[: len(raw) - missing])
            poll(i + 1, total)
        shape = (0, *self.network.walk.outputs[0].shape[1:])
        return np.concatenate(outputs) if outputs else np.zeros(shape, np.float32)

    def gradients(
        self, batches: Iterator[tuple[Floats, Labels]], masks: Masks | None = None
    ) -> Iterator[dict[str, Floats]]:
        masks = self.checked(masks or {})
        self.must_train()
        values = self.network.masked(self.values, masks)
        for x, y in batches:
            yield self.network.gradients(values, self._fitting(x), np.asarray(y, np.int64), masks, self.output)

    def trainer(self, recovery: Recovery, masks: Masks, seed: int) -> Trainer:
        from core.backends.keras.training import KerasTrainer

        self.must_train()
        return KerasTrainer(self, recovery, self.checked(masks), seed)

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

    def with_output(self, output: str) -> "KerasModel":
        if output not in OUTPUTS:
            raise BadSetting(f'Output "{output}" is not known. Choose one of: {", ".join(OUTPUTS)}.')
        units = self.network.walk.outputs[0].shape[-1]
        if output in ("sigmoid", "sigmoid_logit") and units != 1:
            raise BadSetting(f'Output "{output}" is for networks with one output unit; this one has {units}.')
        other = copy.copy(self)
        other.output = output
        return other

    def save(self, path: Path) -> Path:
        from core.backends.keras.export import save

        return save(self, path)

    def snippet(self, file_name: str) -> str:
        from core.backends.keras.export import snippet

        return snippet(file_name)

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

    def _fitting(self, x: Floats) -> Floats:
        expected = self.input_shapes[0]
        given = x.shape[1:]
        if len(given) != len(expected) or any(n not in (None, m) for n, m in zip(expected, given, strict=True)):
            raise WrongShape(f"Each sample has shape {given}; the network takes {expected}.")
        return np.ascontiguousarray(x, np.float32)
