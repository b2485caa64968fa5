"""Architectures that people prune, small, in Keras; ``pytorch`` has the same under the same layer names.

Pictures are 32 x 32 x 3 and series 24 x 6, channels last; tokens are integers below 64. Outputs are ten logits.
What differs between the frameworks by default is written out: flattening puts channels first as PyTorch does, strided
convolutions are padded explicitly, normalisation uses PyTorch's epsilon and momentum.
"""

from keras import Input, KerasTensor, Model, layers

CLASSES = 10
PICTURE = (32, 32, 3)
SERIES = (24, 6)
TOKENS = (20,)
VOCABULARY = 64


def _model(name: str, inputs: KerasTensor, x: KerasTensor) -> Model:
    return Model(inputs, layers.Dense(CLASSES, name="fc")(x), name=name)


def _pooled(picture: KerasTensor) -> KerasTensor:
    return layers.GlobalAveragePooling2D(name="pool")(picture)


def _conv(x: KerasTensor, name: str, channels: int, window: int = 3, stride: int = 1, bias: bool = True) -> KerasTensor:
    """Padded on all sides alike, as PyTorch pads."""
    if window > 1:
        x = layers.ZeroPadding2D(window // 2, name=f"{name}_pad")(x)
    return layers.Conv2D(channels, window, stride, use_bias=bias, name=name)(x)


def _norm(x: KerasTensor, name: str) -> KerasTensor:
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=name)(x)


def _layer_norm(x: KerasTensor, name: str) -> KerasTensor:
    return layers.LayerNormalization(epsilon=1e-5, name=name)(x)


def vgg() -> Model:
    """Simonyan & Zisserman 2015, arXiv:1409.1556: blocks of 3 x 3 convolutions, pooling, dense layers."""
    inputs = x = Input(PICTURE, name="input")
    for number, channels in enumerate((8, 8, 16, 16, 32, 32), start=1):
        x = layers.ReLU(name=f"relu{number}")(_norm(_conv(x, f"conv{number}", channels), f"bn{number}"))
        if number % 2 == 0:
            x = layers.MaxPooling2D(2, name=f"pool{number // 2}")(x)
    x = layers.Flatten(name="flatten")(layers.Permute((3, 1, 2), name="channels_first")(x))
    return _model("vgg", inputs, layers.Dense(64, activation="relu", name="fc1")(x))


def _basic_block(x: KerasTensor, name: str, channels: int, stride: int) -> KerasTensor:
    inner = _norm(_conv(x, f"{name}_conv1", channels, 3, stride, bias=False), f"{name}_bn1")
    inner = layers.ReLU(name=f"{name}_relu1")(inner)
    inner = _norm(_conv(inner, f"{name}_conv2", channels, bias=False), f"{name}_bn2")
    return _residual(x, inner, name, channels, stride)


def _residual(x: KerasTensor, inner: KerasTensor, name: str, channels: int, stride: int) -> KerasTensor:
    if stride > 1 or x.shape[-1] != channels:
        x = _norm(_conv(x, f"{name}_shortcut", channels, 1, stride, bias=False), f"{name}_shortcut_bn")
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([inner, x]))


def resnet_basic() -> Model:
    """He et al. 2016, arXiv:1512.03385, figure 5 left: two 3 x 3 convolutions a block."""
    inputs = Input(PICTURE, name="input")
    x = layers.ReLU(name="relu1")(_norm(_conv(inputs, "conv1", 8, 3, 2, bias=False), "bn1"))
    for name, channels, stride in (("block1", 8, 1), ("block2", 16, 2), ("block3", 32, 2)):
        x = _basic_block(x, name, channels, stride)
    return _model("resnet_basic", inputs, _pooled(x))


def _bottleneck_block(x: KerasTensor, name: str, channels: int, stride: int) -> KerasTensor:
    inner = layers.ReLU(name=f"{name}_relu1")(_norm(_conv(x, f"{name}_conv1", channels, 1, bias=False), f"{name}_bn1"))
    inner = _norm(_conv(inner, f"{name}_conv2", channels, 3, stride, bias=False), f"{name}_bn2")
    inner = layers.ReLU(name=f"{name}_relu2")(inner)
    inner = _norm(_conv(inner, f"{name}_conv3", 4 * channels, 1, bias=False), f"{name}_bn3")
    return _residual(x, inner, name, 4 * channels, stride)


def resnet_bottleneck() -> Model:
    """He et al. 2016, arXiv:1512.03385, figure 5 right: 1 x 1 down, 3 x 3, 1 x 1 up."""
    inputs = Input(PICTURE, name="input")
    x = layers.ReLU(name="relu1")(_norm(_conv(inputs, "conv1", 8, 3, 2, bias=False), "bn1"))
    for name, channels, stride in (("block1", 8, 1), ("block2", 12, 2), ("block3", 12, 1)):
        x = _bottleneck_block(x, name, channels, stride)
    return _model("resnet_bottleneck", inputs, _pooled(x))


def _normed_relu(x: KerasTensor, norm: str, relu: str) -> KerasTensor:
    return layers.ReLU(name=relu)(_norm(x, norm))


def densenet() -> Model:
    """Huang et al. 2017, arXiv:1608.06993: every layer of a block takes all maps before it, growth 8."""
    inputs = Input(PICTURE, name="input")
    x = _conv(inputs, "conv1", 16, 3, 2, bias=False)
    for block in ("block1", "block2"):
        for layer in ("layer1", "layer2", "layer3"):
            name = f"{block}_{layer}"
            made = _conv(_normed_relu(x, f"{name}_bn", f"{name}_relu"), f"{name}_conv", 8, bias=False)
            x = layers.Concatenate(name=f"{name}_concat")([x, made])
        if block == "block1":
            x = _conv(_normed_relu(x, "transition_bn", "transition_relu"), "transition_conv", 20, 1, bias=False)
            x = layers.AveragePooling2D(2, name="transition_pool")(x)
    return _model("densenet", inputs, _pooled(_normed_relu(x, "bn", "relu")))


def _inverted_block(x: KerasTensor, name: str, channels: int, stride: int) -> KerasTensor:
    wide = _norm(_conv(x, f"{name}_expand", 3 * x.shape[-1], 1, bias=False), f"{name}_expand_bn")
    wide = layers.ReLU(6, name=f"{name}_expand_relu")(wide)
    wide = layers.ZeroPadding2D(1, name=f"{name}_depthwise_pad")(wide)
    wide = layers.DepthwiseConv2D(3, stride, use_bias=False, name=f"{name}_depthwise")(wide)
    wide = layers.ReLU(6, name=f"{name}_depthwise_relu")(_norm(wide, f"{name}_depthwise_bn"))
    narrow = _norm(_conv(wide, f"{name}_project", channels, 1, bias=False), f"{name}_project_bn")
    if stride == 1 and x.shape[-1] == channels:
        return layers.Add(name=f"{name}_add")([x, narrow])
    return narrow


def mobilenet() -> Model:
    """Sandler et al. 2018, arXiv:1801.04381: inverted residuals around depthwise convolutions."""
    inputs = Input(PICTURE, name="input")
    x = layers.ReLU(6, name="relu1")(_norm(_conv(inputs, "conv1", 8, 3, 2, bias=False), "bn1"))
    for name, channels, stride in (("block1", 8, 1), ("block2", 16, 2), ("block3", 16, 1)):
        x = _inverted_block(x, name, channels, stride)
    x = layers.ReLU(6, name="relu2")(_norm(_conv(x, "conv2", 48, 1, bias=False), "bn2"))
    return _model("mobilenet", inputs, _pooled(x))


def _relu_conv(x: KerasTensor, name: str, channels: int, window: int = 3, stride: int = 1) -> KerasTensor:
    return layers.ReLU(name=f"{name}_relu")(_conv(x, name, channels, window, stride))


def _inception_module(x: KerasTensor, name: str, channels: int) -> KerasTensor:
    one = _relu_conv(x, f"{name}_conv1", channels, 1)
    three = _relu_conv(_relu_conv(x, f"{name}_reduce3", channels // 2, 1), f"{name}_conv3", channels)
    five = _relu_conv(_relu_conv(x, f"{name}_reduce5", channels // 2, 1), f"{name}_conv5", channels // 2, 5)
    pooled = layers.MaxPooling2D(3, 1, padding="same", name=f"{name}_pool")(x)
    pooled = _relu_conv(pooled, f"{name}_project", channels // 2, 1)
    return layers.Concatenate(name=f"{name}_concat")([one, three, five, pooled])


def inception() -> Model:
    """Szegedy et al. 2015, arXiv:1409.4842, figure 2b: four branches of different windows, concatenated."""
    inputs = Input(PICTURE, name="input")
    x = _inception_module(_relu_conv(inputs, "conv1", 12, 3, 2), "module1", 12)
    x = layers.MaxPooling2D(2, name="pool1")(x)
    return _model("inception", inputs, _pooled(_inception_module(x, "module2", 16)))


def unet() -> Model:
    """Ronneberger et al. 2015, arXiv:1505.04597: down, up by transposed convolutions, skips concatenated.

    Its map of class scores is averaged, so that it is trained like the others.
    """
    inputs = x = Input(PICTURE, name="input")
    skips = []
    for name, channels in (("down1", 8), ("down2", 16)):
        x = _relu_conv(_relu_conv(x, f"{name}_conv1", channels), f"{name}_conv2", channels)
        skips.append(x)
        x = layers.MaxPooling2D(2, name=f"{name}_pool")(x)
    x = _relu_conv(x, "middle_conv", 32)
    for name, channels, skip in (("up2", 16, skips[1]), ("up1", 8, skips[0])):
        x = layers.Conv2DTranspose(channels, 2, 2, name=f"{name}_transposed")(x)
        x = _relu_conv(layers.Concatenate(name=f"{name}_concat")([skip, x]), f"{name}_conv", channels)
    return Model(inputs, _pooled(_conv(x, "out", CLASSES, 1)), name="unet")


def gru() -> Model:
    """Cho et al. 2014, arXiv:1406.1078: two stacked layers, states averaged over time."""
    inputs = Input(SERIES, name="input")
    x = layers.GRU(24, return_sequences=True, reset_after=True, name="gru1")(inputs)
    x = layers.GRU(20, return_sequences=True, reset_after=True, name="gru2")(x)
    return _model("gru", inputs, layers.GlobalAveragePooling1D(name="pool")(x))


def lstm() -> Model:
    """Hochreiter & Schmidhuber 1997: two stacked layers, the last state is classified."""
    inputs = Input(SERIES, name="input")
    x = layers.LSTM(24, return_sequences=True, name="lstm1")(inputs)
    return _model("lstm", inputs, layers.LSTM(20, name="lstm2")(x))


def _attended(x: KerasTensor, name: str, heads: int) -> KerasTensor:
    return layers.MultiHeadAttention(heads, x.shape[-1] // heads, name=f"{name}_attention")(x, x)


def vit() -> Model:
    """Dosovitskiy et al. 2021, arXiv:2010.11929: tokens from a patch convolution, blocks that normalise first."""
    inputs = Input(PICTURE, name="input")
    x = layers.Conv2D(32, 8, 8, name="patches")(inputs)
    x = layers.Reshape((16, 32), name="tokens")(x)
    for name in ("block1", "block2"):
        seen = _attended(_layer_norm(x, f"{name}_norm1"), name, 4)
        x = layers.Add(name=f"{name}_add1")([x, seen])
        inner = layers.Dense(64, activation="gelu", name=f"{name}_expand")(_layer_norm(x, f"{name}_norm2"))
        x = layers.Add(name=f"{name}_add2")([x, layers.Dense(32, name=f"{name}_contract")(inner)])
    return _model("vit", inputs, layers.GlobalAveragePooling1D(name="pool")(_layer_norm(x, "norm")))


def encoder() -> Model:
    """Vaswani et al. 2017, arXiv:1706.03762: embedded tokens, blocks that normalise after each sum."""
    inputs = Input(TOKENS, dtype="int64", name="input")
    x = layers.Embedding(VOCABULARY, 32, name="embed")(inputs)
    for name in ("block1", "block2"):
        x = _layer_norm(layers.Add(name=f"{name}_add1")([x, _attended(x, name, 4)]), f"{name}_norm1")
        inner = layers.Dense(64, activation="relu", name=f"{name}_expand")(x)
        inner = layers.Dense(32, name=f"{name}_contract")(inner)
        x = _layer_norm(layers.Add(name=f"{name}_add2")([x, inner]), f"{name}_norm2")
    return _model("encoder", inputs, layers.GlobalAveragePooling1D(name="pool")(x))
