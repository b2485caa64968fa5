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


def _normed_conv(x: KerasTensor, conv: str, norm: str, channels: int, window: int, stride: int) -> KerasTensor:
    if window > 1:
        x = layers.ZeroPadding2D(window // 2, name=f"{conv}_pad")(x)
    x = layers.Conv2D(channels, window, stride, use_bias=False, name=conv)(x)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=norm)(x)


def _transformer_block(x: KerasTensor, name: str, width: int, heads: int) -> KerasTensor:
    normed = layers.LayerNormalization(epsilon=1e-5, name=f"{name}_norm1")(x)
    seen = layers.MultiHeadAttention(heads, width // heads, name=f"{name}_attention")(normed, normed)
    x = layers.Add(name=f"{name}_add1")([x, seen])
    inner = layers.LayerNormalization(epsilon=1e-5, name=f"{name}_norm2")(x)
    inner = layers.Dense(2 * width, activation="gelu", name=f"{name}_expand")(inner)
    inner = layers.Dense(width, name=f"{name}_contract")(inner)
    return layers.Add(name=f"{name}_add2")([x, inner])


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


def digits_resnet() -> Model:
    """Residual sums, batch normalisation."""
    inputs = Input((8, 8, 1), name="input")
    x = layers.ReLU(name="relu1")(_normed_conv(inputs, "conv1", "bn1", 16, 3, 1))
    for name, channels, stride in (("block1", 16, 1), ("block2", 32, 2), ("block3", 32, 1)):
        inner = _normed_conv(x, f"{name}_conv1", f"{name}_bn1", channels, 3, stride)
        inner = layers.ReLU(name=f"{name}_relu1")(inner)
        inner = _normed_conv(inner, f"{name}_conv2", f"{name}_bn2", channels, 3, 1)
        if stride > 1:
            x = _normed_conv(x, f"{name}_shortcut", f"{name}_shortcut_bn", channels, 1, stride)
        x = layers.ReLU(name=f"{name}_relu2")(layers.Add(name=f"{name}_add")([inner, x]))
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return Model(inputs, layers.Dense(10, name="fc")(x), name="digits_resnet")


def spiral_mlp() -> Model:
    """2-64-64-3."""
    return _mlp("spiral_mlp", 2, 64, 64, 3)


def mnist1d_cnn() -> Model:
    """Convolutions over time."""
    inputs = x = Input((40, 1), name="input")
    for number, (channels, window) in enumerate(((32, 5), (48, 5), (64, 3)), start=1):
        x = layers.Conv1D(channels, window, padding="same", activation="relu", name=f"conv{number}")(x)
        x = layers.MaxPooling1D(2, name=f"pool{number}")(x)
    x = layers.Flatten(name="flatten")(layers.Permute((2, 1), name="channels_first")(x))
    x = layers.Dense(64, activation="relu", name="fc1")(x)
    return Model(inputs, layers.Dense(10, name="fc2")(x), name="mnist1d_cnn")


def mnist1d_gru() -> Model:
    """A recurrent layer. ``reset_after`` is how PyTorch's GRU applies its reset gate."""
    inputs = Input((40, 1), name="input")
    states = layers.GRU(64, return_sequences=True, reset_after=True, name="gru")(inputs)
    x = layers.GlobalAveragePooling1D(name="pool")(states)
    return Model(inputs, layers.Dense(10, name="fc")(x), name="mnist1d_gru")


def mnist1d_transformer() -> Model:
    """Self-attention, layer normalisation."""
    inputs = Input((40, 1), name="input")
    x = layers.ZeroPadding1D(2, name="embed_pad")(inputs)
    x = layers.Conv1D(32, 5, 2, name="embed")(x)
    for name in ("block1", "block2"):
        x = _transformer_block(x, name, width=32, heads=4)
    x = layers.GlobalAveragePooling1D(name="pool")(layers.LayerNormalization(epsilon=1e-5, name="norm")(x))
    return Model(inputs, layers.Dense(10, name="fc")(x), name="mnist1d_transformer")
