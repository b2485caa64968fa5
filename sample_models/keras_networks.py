"""The samples' architectures in Keras; ``pytorch_networks`` has the same under the same layer names.

Pictures and series come with channels last, outputs are logits. What differs between the frameworks by default is
written out here: flattening puts channels first as PyTorch does, strided convolutions are padded explicitly,
normalisation uses PyTorch's epsilon and momentum.
"""

from keras import Input, KerasTensor, Model, layers


def _mlp(name: str, *widths: int) -> Model:
    inputs = outputs = Input((widths[0],), name="input")
    for number, width in enumerate(widths[1:-1], start=1):
        outputs = layers.Dense(width, activation="relu", name=f"fc{number}")(outputs)
    return Model(inputs, layers.Dense(widths[-1], name=f"fc{len(widths) - 1}")(outputs), name=name)


def _flat(picture: KerasTensor) -> KerasTensor:
    """Channels first, then flat: the order of columns a PyTorch dense layer was trained with."""
    return layers.Flatten(name="flatten")(layers.Permute((3, 1, 2), name="channels_first")(picture))


def iris_mlp() -> Model:
    """4-10-10-3."""
    return _mlp("iris_mlp", 4, 10, 10, 3)


def digits_lenet300() -> Model:
    """64-300-100-10."""
    return _mlp("digits_lenet300", 64, 300, 100, 10)


def digits_lenet5() -> Model:
    """Convolutions, pooling, dense layers."""
    inputs = Input((8, 8, 1), name="input")
    x = layers.Conv2D(16, 3, padding="same", activation="relu", name="conv1")(inputs)
    x = layers.MaxPooling2D(2, name="pool1")(x)
    x = layers.Conv2D(32, 3, padding="same", activation="relu", name="conv2")(x)
    x = _flat(layers.MaxPooling2D(2, name="pool2")(x))
    x = layers.Dense(120, activation="relu", name="fc1")(x)
    x = layers.Dense(84, activation="relu", name="fc2")(x)
    return Model(inputs, layers.Dense(10, name="fc3")(x), name="digits_lenet5")
