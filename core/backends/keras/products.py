"""Squares of single samples' gradients, for all samples of a batch at once.

A kernel that multiplies what comes to it, x, has the gradient sum over positions of x times dL/dz, z being what it
makes. Both are there for every sample after one pass forth and back, so each sample's gradient is one small matrix
product (Rochette et al. 2019, arXiv:1912.06015). That holds for dense layers, plain convolutions and the projections
of attention; other kernels (recurrent, depthwise, grouped, shared) are left to :mod:`derivatives`, sample by sample.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from core.backends.keras.arrays import plain_attention
from core.backends.keras.running import Apply, like
from core.backends.keras.views import activation_of, view, without_activation
from core.backends.keras.walk import Call, Walk

#: Numbers of gradients and of what goes into them that are held at a time.
MOST = 1 << 24
#: What an axis of any size counts as.
_NOMINAL = 256


@dataclass(frozen=True)
class Product:
    """One kernel's use: ``z = unfolded(x) @ kernel``, positions between samples and features."""

    kernel: Any
    outputs: int
    unfolded: Callable[[Any], Any]
    x: Any
    z: Any

    @property
    def positions(self) -> int:
        """How often a sample uses it; a guess where any size is taken."""
        return prod(n or _NOMINAL for n in self.z.shape[1:]) // self.outputs


class Products:
    """Writes down how kernels are used while a network is carried out.

    Args:
        walk: The network's calls.
        kernels: The variables of its Weights.
        tape: Told to watch what they make.
    """

    def __init__(self, walk: Walk, kernels: Sequence[Any], tape: Any) -> None:
        uses = [use for call in walk.calls for use in _plain_kernels(call.operation)]
        wanted = {id(kernel) for kernel in kernels}
        self._single = {id(v) for v in uses if id(v) in wanted and sum(v is other for other in uses) == 1}
        self._tape = tape
        self.found: list[Product] = []

    def applied(self, apply: Apply) -> Apply:
        """The same, seen."""
        from keras import layers as k

        def seen(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            layer = call.operation
            if not any(id(v) in self._single for v in _plain_kernels(layer)):
                return apply(call, args, kwargs)
            if isinstance(layer, k.MultiHeadAttention):
                return apply(replace(call, operation=self._attention(layer)), args, kwargs)
            made = apply(replace(call, operation=without_activation(layer)), args, kwargs)
            z = self._seen(Product(layer.kernel, layer.kernel.shape[-1], _unfolding(layer), args[0], made))
            return z if activation_of(layer) is None else activation_of(layer)(z)

        return seen

    def _seen(self, product: Product) -> Any:
        import tensorflow as tf

        z = like(tf.identity(product.z), product.z)
        self._tape.watch(z)
        self.found.append(replace(product, z=z))
        return z

    def _attention(self, layer: Any) -> Any:
        def projection(dense: Any, outputs: int) -> Callable[[Any], Any]:
            return lambda x: self._seen(Product(dense.kernel, outputs, lambda given: given, x, dense(x)))

        into = {name: getattr(layer, name) for name in ("_query_dense", "_key_dense", "_value_dense")}
        parts = {name: projection(dense, prod(dense.kernel.shape[1:])) for name, dense in into.items()}
        out = projection(layer.output_dense, layer.output_dense.kernel.shape[-1])
        return view(layer, **parts, _output_dense=out)


def _plain_kernels(layer: Any) -> list[Any]:
    """The kernels of a layer that are multiplied with what comes to it, once a position."""
    from keras import layers as k

    if isinstance(layer, k.Dense):
        return [layer.kernel]
    if isinstance(layer, (k.Conv1D, k.Conv2D)) and layer.groups == 1 and layer.data_format == "channels_last":
        return [layer.kernel]
    if isinstance(layer, k.MultiHeadAttention) and plain_attention(layer):
        parts = (layer.query_dense, layer.key_dense, layer.value_dense, layer.output_dense)
        return [part.kernel for part in parts]
    return []


def _unfolding(layer: Any) -> Callable[[Any], Any]:
    """What a convolution's kernel is multiplied with at every position: ``(samples, …, window * channels)``."""
    import tensorflow as tf
    from keras import layers as k

    if isinstance(layer, k.Dense):
        return lambda x: x
    flat = len(layer.kernel_size) == 1

    def unfolded(x: Any) -> Any:
        padding = layer.padding.upper()
        if padding == "CAUSAL":
            x = tf.pad(x, [[0, 0], [layer.dilation_rate[0] * (layer.kernel_size[0] - 1), 0], [0, 0]])
            padding = "VALID"
        x = x[:, None] if flat else x
        sizes, strides, rates = (
            [1, 1, *given, 1] if flat else [1, *given, 1]
            for given in (layer.kernel_size, layer.strides, layer.dilation_rate)
        )
        return tf.image.extract_patches(x, sizes, strides, rates, padding)

    return unfolded


def squares(product: Product, slope: Any, weights: Any) -> Any:
    """The sum over the samples of weight times the squared gradient of each, in the kernel's own shape.

    Args:
        product: How the kernel is used.
        slope: dL/dz, each sample's of its own loss.
        weights: ``(samples,)``.
    """
    import tensorflow as tf

    outputs = product.outputs
    inputs = prod(product.kernel.shape) // outputs

    def rows(values: Any, width: int) -> Any:
        return tf.cast(tf.reshape(values, (tf.shape(values)[0], -1, width)), tf.float32)

    if len(product.z.shape) == 2:  # one position: the square of a product of two numbers is that of their squares
        x = tf.square(rows(product.x, inputs)[:, 0]) * weights[:, None]
        return tf.reshape(tf.matmul(x, tf.square(rows(slope, outputs)[:, 0]), transpose_a=True), product.kernel.shape)
    several = max(1, MOST // (inputs * (outputs + product.positions)))

    def add(start: Any, total: Any) -> Any:
        part = slice(start, start + several)
        x, z = rows(product.unfolded(product.x[part]), inputs), rows(slope[part], outputs)
        each = tf.square(tf.matmul(x, z, transpose_a=True))
        return start + several, total + tf.tensordot(weights[part], each, 1)

    start = (tf.constant(0), tf.zeros((inputs, outputs)))
    _, total = tf.while_loop(lambda i, _: i < tf.shape(weights)[0], add, start)
    return tf.reshape(total, product.kernel.shape)
