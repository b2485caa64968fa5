"""A network of two matrices with a batch normalisation between them, in numpy: it does all that the seam promises.

Small enough to be read, and to train in milliseconds; what a run does to it can be followed by hand.
"""

import numpy as np

from core.backends._base import EpochResult, Extras, LoadedModel, Trainer, no_change, no_poll
from core.graph import Graph, Node, Op
from core.penalties import PENALTIES

TRAINED = ("fc1.kernel", "bn.scale", "bn.shift", "fc2.kernel")


class TinyModel(LoadedModel):
    framework, notes, trainable = "pytorch", (), True

    def __init__(self, arrays, output="logits"):
        self._arrays = {name: np.array(array, np.float32) for name, array in arrays.items()}
        for array in self._arrays.values():
            array.flags.writeable = False
        hidden, width = self._arrays["fc1.kernel"].shape
        out = self._arrays["fc2.kernel"].shape[0]
        self.output, self.classes = output, out
        self.input_shapes, self.input_names = ((width,),), ("x",)
        nodes = (
            Node("x", Op.INPUT, (), (width,)),
            Node("fc1", Op.LINEAR, ("x",), (hidden,), "fc1"),
            Node("bn", Op.BATCH_NORM, ("fc1",), (hidden,), "bn", {"channel_axis": 0}),
            Node("relu", Op.ELEMENTWISE, ("bn",), (hidden,), label="relu"),
            Node("fc2", Op.LINEAR, ("relu",), (out,), "fc2"),
            Node("y", Op.OUTPUT, ("fc2",), (out,)),
        )
        self._graph = Graph(nodes, {name: array.shape for name, array in self._arrays.items()}, {})

    def graph(self):
        return self._graph

    def arrays(self):
        return self._arrays

    def predict(self, x, masks=None, batch_size=256, poll=no_poll):
        return forward(masked(self._arrays, masks), x)[-1]

    def gradients(self, batches, masks=None, *, temperature=1.0):
        for batch in batches:
            x, y, *_ = batch
            yield backward(masked(self._arrays, masks), x, y, self.output)[0]

    def with_arrays(self, arrays):
        return TinyModel({**self._arrays, **arrays}, self.output)

    def recalibrated(self, x, masks=None, batch_size=256):
        arrays = masked(self._arrays, masks)
        hidden = x @ arrays["fc1.kernel"].T
        return self.with_arrays({**arrays, "bn.mean": hidden.mean(axis=0), "bn.variance": hidden.var(axis=0)})

    def trainer(self, recovery, masks, seed, extras=Extras()):  # noqa: B008
        return TinyTrainer(self, recovery, masks, seed, extras)

    def masked(self, masks):
        return self.with_arrays(masked(self._arrays, masks))

    def cut(self, cuts):
        arrays = dict(self._arrays)
        for (name, axis), kept in cuts.items():
            arrays[name] = np.take(arrays[name], kept, axis=axis)
        return TinyModel(arrays, self.output)

    def with_output(self, output):
        return TinyModel(self._arrays, output)

    def save(self, path):
        file = path.with_suffix(".npz")
        np.savez(file, **self._arrays)
        return file

    def snippet(self, file_name):
        return f"y = open({file_name!r})"


class TinyTrainer(Trainer):
    """Gradient descent with momentum, everything that :class:`Extras` may ask for, and a record of what it was told."""

    def __init__(self, model, recovery, masks, seed, extras):
        self._model, self._recovery, self._seed, self.extras = model, recovery, seed, extras
        self.arrays = {name: np.array(array) for name, array in model.arrays().items()}
        self.momentum = {name: np.zeros_like(self.arrays[name]) for name in TRAINED}
        self.moved = {name: np.zeros_like(self.arrays[name]) for name in ("fc1.kernel", "fc2.kernel")}
        self.set_masks(masks)

    def epoch(self, x, y, number, learning_rate, poll=no_poll, between=no_change):
        order = np.random.default_rng([self._seed, number]).permutation(len(x))
        starts = range(0, len(x), self._recovery.batch_size)
        lost, right = 0.0, 0
        for done, start in enumerate(starts, 1):
            rows = order[start : start + self._recovery.batch_size]
            loss, hits = self._step(x[rows], y[rows], rows, learning_rate)
            lost, right = lost + loss * len(rows), right + hits
            poll(done, len(starts))
            between(done)
        return EpochResult(lost / len(x), right / len(x), len(x), 0.0)

    def _step(self, x, y, rows, rate):
        seen = masked(self.arrays, self._masks)
        gradients, loss, hits = backward(seen, x, y, self._model.output, training=True, extras=self.extras, rows=rows)
        penalty = PENALTIES[self.extras.penalty]
        for name in penalty.arrays(self._model.graph()):
            gradients[name] += np.float32(self.extras.strength) * penalty.gradient(seen[name])
        for name in self.moved:
            self.moved[name] -= gradients[name] * seen[name]
        if not self.extras.dense_updates:
            gradients = masked(gradients, self._masks)
        for name, codes in (self.extras.shared or {}).items():
            for code in range(codes.max(initial=-1) + 1):
                gradients[name][codes == code] = gradients[name][codes == code].sum()
        for name in TRAINED:
            self.momentum[name] = np.float32(0.9) * self.momentum[name] + gradients[name]
            self.arrays[name] -= np.float32(rate) * self.momentum[name]
        hidden = x @ seen["fc1.kernel"].T
        for name, found in (("bn.mean", hidden.mean(axis=0)), ("bn.variance", hidden.var(axis=0))):
            self.arrays[name] = np.float32(0.9) * self.arrays[name] + np.float32(0.1) * found
        return loss, hits

    def set_masks(self, masks):
        self._masks = dict(masks)
        if not self.extras.dense_updates:
            self.arrays = masked(self.arrays, self._masks)
            self.momentum = masked(self.momentum, self._masks)

    def model(self):
        return self._model.with_arrays(masked(self.arrays, self._masks))

    def dense_arrays(self):
        return {name: array.copy() for name, array in self.arrays.items()}

    def movement(self):
        return self.moved

    def set_arrays(self, arrays):
        self.arrays.update({name: np.array(array, np.float32) for name, array in arrays.items()})
        self.momentum = {name: np.zeros_like(array) for name, array in self.momentum.items()}
        self.set_masks(self._masks)

    def save(self, path):
        parts = {"a": self.arrays, "m": self.momentum, "v": self.moved}
        with path.open("wb") as file:
            np.savez(file, **{f"{kind}:{name}": array for kind, part in parts.items() for name, array in part.items()})

    def load(self, path):
        with np.load(path) as held:
            for key in held:
                kind, _, name = key.partition(":")
                {"a": self.arrays, "m": self.momentum, "v": self.moved}[kind][name] = held[key]


def masked(arrays, masks):
    masks = masks or {}
    return {
        name: np.where(masks[name].kept, array, np.float32(0)) if name in masks else np.array(array)
        for name, array in arrays.items()
    }


def forward(arrays, x, training=False):
    hidden = x @ arrays["fc1.kernel"].T
    mean, variance = arrays["bn.mean"], arrays["bn.variance"]
    if training:
        mean, variance = hidden.mean(axis=0), hidden.var(axis=0)
    normal = (hidden - mean) / np.sqrt(variance + np.float32(1e-3))
    scaled = normal * arrays["bn.scale"] + arrays["bn.shift"]
    active = np.maximum(scaled, 0)
    return variance, normal, scaled, active, (active @ arrays["fc2.kernel"].T).astype(np.float32)


def softmax(values):
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def slope(outputs, y, output, extras, rows):
    """Loss, right answers, and the gradient of the mean loss with respect to the outputs."""
    count = len(outputs)
    if output == "regression":
        rest = outputs - y
        return float(np.square(rest).mean()), 0, 2 * rest / rest.size
    p = softmax(outputs)
    weights = np.ones(count) if extras.class_weights is None else extras.class_weights[y]
    loss = float((-np.log(p[np.arange(count), y] + 1e-12) * weights).mean())
    gradient = (p - np.eye(outputs.shape[1])[y]) * weights[:, None] / count
    if extras.teacher is not None:
        t, share = extras.temperature, extras.teacher_weight
        soft, told = softmax(outputs / t), softmax(extras.teacher[rows] / t)
        gradient = (1 - share) * gradient + share * t * (soft - told) / count  # T^2 x (1/T) from the softened logits
    return loss, int((outputs.argmax(axis=1) == y).sum()), gradient


def backward(arrays, x, y, output, training=False, extras=Extras(), rows=None):  # noqa: B008
    variance, normal, scaled, active, outputs = forward(arrays, x, training)
    loss, hits, up = slope(outputs, y, output, extras, rows)
    found = {"fc2.kernel": up.T @ active}
    back = (up @ arrays["fc2.kernel"]) * (scaled > 0)
    found["bn.scale"], found["bn.shift"] = (back * normal).sum(axis=0), back.sum(axis=0)
    inner = back * arrays["bn.scale"]
    if training:
        inner = inner - inner.mean(axis=0) - normal * (inner * normal).mean(axis=0)
    found["fc1.kernel"] = (inner / np.sqrt(variance + 1e-3)).T @ x
    gradients = {name: np.asarray(array, np.float32) for name, array in found.items()}
    return gradients, loss, hits


def tiny(width=4, hidden=12, classes=3, seed=0, output="logits"):
    rng = np.random.default_rng(seed)
    ones, zeros = np.ones(hidden), np.zeros(hidden)
    arrays = {
        "fc1.kernel": rng.standard_normal((hidden, width)) * 0.5,
        "bn.scale": ones,
        "bn.shift": zeros,
        "bn.mean": zeros,
        "bn.variance": ones,
        "fc2.kernel": rng.standard_normal((classes, hidden)) * 0.3,
    }
    return TinyModel(arrays, output)
