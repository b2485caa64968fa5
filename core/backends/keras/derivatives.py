"""What a change of the weights would do to the loss: gradients, their squares sample by sample, Hessian products.

Each is a compiled function that takes the values of all variables as arguments (:mod:`network`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.backends._base import Batch, Floats, Masks
from core.backends.keras.arrays import by_variable, merged
from core.backends.keras.centring import centred
from core.backends.keras.given import Given, Loss
from core.backends.keras.network import Network
from core.backends.keras.products import Products, squares
from core.errors import BadModel, BadSetting

if TYPE_CHECKING:
    from core.backends.keras.model import KerasModel


def gradients(
    model: "KerasModel", batches: Iterable[Batch], masks: Masks, temperature: float
) -> Iterator[dict[str, Floats]]:
    """See :meth:`core.backends._base.LoadedModel.gradients`."""
    network = model.network
    given = Given(model, masks, temperature)
    call = given.compiled("gradients", lambda: _gradient_function(network, given.loss()))
    for batch in batches:
        yield network.canonical(network.trained, call(*given.of(batch)))


def _gradient_function(network: Network, loss: Loss) -> Any:
    def function(values: Any, *rest: Any) -> Any:
        return _derived(loss, network.trained, network, values, rest)

    return function


def squared_gradients(model: "KerasModel", batches: Iterable[Batch], masks: Masks) -> Iterator[dict[str, Floats]]:
    """See :meth:`core.backends._base.LoadedModel.squared_gradients`.

    Kernels of dense layers, convolutions and attention at once (:mod:`products`), others sample by sample: in both
    cases few samples' gradients are held at a time.

    Raises:
        BadModel: The network takes a fixed number of samples, so none can be looked at alone.
    """
    network = model.network
    fixed = model.feed.batch
    if fixed not in (None, 1):
        raise BadModel(f"The network takes exactly {fixed} samples at a time, so none can be looked at alone.")
    given = Given(model, masks)
    kernels = network.kernels()
    call = given.compiled("squares", lambda: _square_function(network, kernels, given))
    names = {weight.name for weight in network.graph.weights()}
    for batch in batches:
        found = network.canonical(kernels, call(*given.of(batch)))
        yield {name: found[name] for name in names}


def _square_function(network: Network, kernels: Sequence[Any], given: Given) -> Any:
    import tensorflow as tf

    def function(values: Any, inputs: Any, norms: Any, targets: Any, weights: Any) -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            products = Products(network.walk, kernels, tape)
            every = (values, inputs, norms, targets, tf.ones_like(weights))
            total = given.loss(products.applied)(*every) * tf.cast(tf.size(weights), tf.float64)
        slopes = tape.gradient(total, [p.z for p in products.found], unconnected_gradients="zero")
        pairs = zip(products.found, slopes, strict=True)
        found = {id(product.kernel): squares(product, slope, weights) for product, slope in pairs}
        rest = [kernel for kernel in kernels if id(kernel) not in found]
        found |= _one_by_one(given.loss(), rest, network, (values, inputs, norms, targets, weights)) if rest else {}
        return [found[id(kernel)] / tf.cast(tf.size(weights), tf.float32) for kernel in kernels]

    return function


def _one_by_one(loss: Loss, kernels: Sequence[Any], network: Network, given: tuple[Any, ...]) -> dict[int, Any]:
    """The weighted sum of squares over the samples, a pass forth and back for each."""
    import tensorflow as tf

    values, inputs, norms, targets, weights = given

    def add(i: Any, *sums: Any) -> Any:
        one = slice(i, i + 1)
        rest = ([x[one] for x in inputs], norms, targets[one], tf.ones_like(weights[one]))
        found = _derived(loss, kernels, network, values, rest)
        parts = [weights[i] * tf.square(tf.cast(g, tf.float32)) for g in found]
        return (i + 1, *(s + part for s, part in zip(sums, parts, strict=True)))

    start = (tf.constant(0), *(tf.zeros(kernel.shape) for kernel in kernels))
    _, *sums = tf.while_loop(lambda i, *_: i < tf.shape(weights)[0], add, start)
    return {id(kernel): total for kernel, total in zip(kernels, sums, strict=True)}


def hessian_products(
    model: "KerasModel",
    batches: Iterable[Batch],
    vectors: Sequence[Mapping[str, Floats]],
    masks: Masks,
    temperature: float,
) -> Iterator[list[dict[str, Floats]]]:
    """See :meth:`core.backends._base.LoadedModel.hessian_products`."""
    import tensorflow as tf

    network = model.network
    names = _named_alike(network, vectors)
    given = Given(model, masks, temperature)
    kernels = network.kernels(names)
    specs = [tf.TensorSpec(kernel.shape, tf.float32) for kernel in kernels]
    key = ("hessian", *sorted(names))
    call = given.compiled(key, lambda: _product_function(network, kernels, given.loss(centred)), specs)
    turned = [_as_variables(network, kernels, vector) for vector in vectors]
    for batch in batches:
        rest = given.of(batch)
        yield [network.canonical(kernels, call(*rest, vector)) for vector in turned]


def _product_function(network: Network, kernels: Sequence[Any], loss: Loss) -> Any:
    import tensorflow as tf

    def function(values: Any, *given: Any) -> Any:
        *rest, vector = given
        watched = [values[network.place(kernel)] for kernel in kernels]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(watched)
            found = _derived(loss, kernels, network, values, rest)
            along = tf.add_n([tf.reduce_sum(g * tf.cast(v, g.dtype)) for g, v in zip(found, vector, strict=True)])
        return _dense(tape.gradient(along, watched, unconnected_gradients=tf.UnconnectedGradients.ZERO))

    return function


def _derived(loss: Loss, variables: Sequence[Any], network: Network, values: Any, rest: Sequence[Any]) -> list[Any]:
    """The gradient of the loss with respect to the values of some variables."""
    import tensorflow as tf

    watched = [values[network.place(variable)] for variable in variables]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(watched)
        value = loss(values, *rest)
    return _dense(tape.gradient(value, watched, unconnected_gradients=tf.UnconnectedGradients.ZERO))


def _dense(found: Sequence[Any]) -> list[Any]:
    """Gradients of embeddings come as a list of rows."""
    import tensorflow as tf

    return [tf.convert_to_tensor(gradient) for gradient in found]


def _named_alike(network: Network, vectors: Sequence[Mapping[str, Floats]]) -> tuple[str, ...]:
    """The Weights that every vector names.

    Raises:
        BadSetting: There is none, they differ, or one is of another shape.
    """
    shapes = {weight.name: weight.shape for weight in network.graph.weights()}
    names = tuple(vectors[0]) if vectors else ()
    if not names:
        raise BadSetting("The Hessian needs at least one vector over at least one Weight.")
    for vector in vectors:
        if set(vector) != set(names):
            raise BadSetting("All vectors for the Hessian must name the same Weights.")
        for name, array in vector.items():
            if shapes.get(name) != array.shape:
                expected = shapes.get(name, "no Weight of that name")
                raise BadSetting(f'The vector for "{name}" has shape {array.shape}; the network has {expected}.')
    return names


def _as_variables(network: Network, kernels: Sequence[Any], vector: Mapping[str, Floats]) -> list[Any]:
    import tensorflow as tf

    turned = {
        id(variable): merged(np.zeros(tuple(variable.shape), np.float32), parts)
        for variable, parts in by_variable(network.slots, vector)
    }
    return [tf.constant(np.ascontiguousarray(turned[id(kernel)]), tf.float32) for kernel in kernels]
