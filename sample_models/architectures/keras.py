"""The architectures in Keras: channels last, outputs are logits; ``pytorch`` has the same under the same layer names.

What differs between the frameworks by default is written out: flattening puts channels first as PyTorch does,
convolutions and average pooling are padded explicitly, normalisation uses PyTorch's epsilon and momentum. What is a
bare parameter there (a class token, positions) is an embedding of counted places here.
"""

from keras import Input, KerasTensor, Model, layers, ops

from sample_models.architectures import ARCHITECTURES, CLASSES, WORDS

_CHANNELS, *_PLACES = ARCHITECTURES["vgg"].shape
PICTURE = (*_PLACES, _CHANNELS)
SERIES, TOKENS = ARCHITECTURES["gru"].shape, ARCHITECTURES["encoder"].shape


def _conv(
    x: KerasTensor, name: str, channels: int, window: int = 3, stride: int = 1, bias: bool = False
) -> KerasTensor:
    """Padded on all sides alike, as PyTorch pads."""
    if window > 1:
        x = layers.ZeroPadding2D(window // 2, name=f"{name}_pad")(x)
    return layers.Conv2D(channels, window, stride, use_bias=bias, name=name)(x)


def _norm(x: KerasTensor, name: str) -> KerasTensor:
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=name)(x)


def _normed(x: KerasTensor, name: str, channels: int, window: int = 3, stride: int = 1) -> KerasTensor:
    """``name`` without bias, and its batch normalisation ``name_bn``."""
    return _norm(_conv(x, name, channels, window, stride), f"{name}_bn")


def _active(x: KerasTensor, name: str, channels: int, window: int = 3, stride: int = 1) -> KerasTensor:
    return layers.ReLU(name=f"{name}_relu")(_normed(x, name, channels, window, stride))


def _classified(name: str, inputs: KerasTensor, picture: KerasTensor) -> Model:
    x = layers.GlobalAveragePooling2D(name="pool")(picture)
    return Model(inputs, layers.Dense(CLASSES, name="fc")(x), name=name)


def vgg() -> Model:
    """Simonyan and Zisserman 2014: four convolutions and two dense layers."""
    inputs = x = Input(PICTURE, name="input")
    for number, channels in enumerate((16, 32, 48, 64), start=1):
        x = layers.MaxPooling2D(2, name=f"pool{number}")(_active(x, f"conv{number}", channels))
    x = layers.Flatten(name="flatten")(layers.Permute((3, 1, 2), name="channels_first")(x))
    x = layers.Dense(64, activation="relu", name="fc1")(x)
    return Model(inputs, layers.Dense(CLASSES, name="fc2")(x), name="vgg")


def _resnet(name: str, expansion: int) -> Model:
    """He et al. 2015; ``expansion`` 1 has basic blocks, more has bottlenecks that much wider outside."""
    inputs = Input(PICTURE, name="input")
    x = _active(inputs, "stem", 16)
    for block, width, stride in (("block1", 16, 1), ("block2", 24, 2), ("block3", 32, 2)):
        outputs = width * expansion
        if expansion == 1:
            inner = _normed(_active(x, f"{block}_conv1", width, 3, stride), f"{block}_conv2", width)
        else:
            inner = _active(_active(x, f"{block}_conv1", width, 1), f"{block}_conv2", width, 3, stride)
            inner = _normed(inner, f"{block}_conv3", outputs, 1)
        if stride > 1 or x.shape[-1] != outputs:
            x = _normed(x, f"{block}_shortcut", outputs, 1, stride)
        x = layers.ReLU(name=f"{block}_relu")(layers.Add(name=f"{block}_add")([inner, x]))
    return _classified(name, inputs, x)


def resnet_basic() -> Model:
    """Three basic blocks."""
    return _resnet("resnet_basic", 1)


def resnet_bottleneck() -> Model:
    """Three bottleneck blocks, four times wider outside."""
    return _resnet("resnet_bottleneck", 4)


def _normed_first(x: KerasTensor, name: str, channels: int, window: int) -> KerasTensor:
    x = layers.ReLU(name=f"{name}_relu")(_norm(x, f"{name}_bn"))
    return _conv(x, name, channels, window)


def densenet() -> Model:
    """Huang et al. 2016: two blocks of three layers; normalise, ReLU, convolve, join."""
    inputs = Input(PICTURE, name="input")
    x = _conv(inputs, "stem", 16, bias=True)
    for block in (1, 2):
        for layer in (1, 2, 3):
            name = f"dense{block}_{layer}"
            x = layers.Concatenate(name=f"{name}_join")([x, _normed_first(x, name, 12, 3)])
        x = _normed_first(x, f"transition{block}", x.shape[-1] // 2, 1)
        x = layers.AveragePooling2D(2, name=f"pool{block}")(x)
    return _classified("densenet", inputs, layers.ReLU(name="relu")(_norm(x, "bn")))


def _relu6(x: KerasTensor, name: str) -> KerasTensor:
    return layers.ReLU(6, name=f"{name}_relu")(x)


def mobilenet() -> Model:
    """Sandler et al. 2018: widen, convolve each channel by itself, narrow."""
    inputs = Input(PICTURE, name="input")
    x = _relu6(_normed(inputs, "stem", 16, 3, 2), "stem")
    for name, channels, stride in (("block1", 16, 1), ("block2", 24, 2), ("block3", 24, 1), ("block4", 32, 2)):
        inner = _relu6(_normed(x, f"{name}_expand", 4 * x.shape[-1], 1), f"{name}_expand")
        inner = layers.ZeroPadding2D(1, name=f"{name}_depthwise_pad")(inner)
        inner = layers.DepthwiseConv2D(3, stride, use_bias=False, name=f"{name}_depthwise")(inner)
        inner = _relu6(_norm(inner, f"{name}_depthwise_bn"), f"{name}_depthwise")
        inner = _normed(inner, f"{name}_project", channels, 1)
        residual = stride == 1 and x.shape[-1] == channels
        x = layers.Add(name=f"{name}_add")([x, inner]) if residual else inner
    return _classified("mobilenet", inputs, x)


def inception() -> Model:
    """Szegedy et al. 2014: two modules of four branches side by side."""
    inputs = Input(PICTURE, name="input")
    x = layers.MaxPooling2D(2, name="stem_pool")(_active(inputs, "stem", 16))
    for name, one, three_in, three, five_in, five, pool in (
        ("mixed1", 8, 8, 16, 4, 8, 8),
        ("mixed2", 16, 12, 24, 6, 12, 12),
    ):
        padded = layers.ZeroPadding2D(1, name=f"{name}_pool_window_pad")(x)  # zeros count in PyTorch's mean
        branches = [
            _active(x, f"{name}_one", one, 1),
            _active(_active(x, f"{name}_three_in", three_in, 1), f"{name}_three", three),
            _active(_active(x, f"{name}_five_in", five_in, 1), f"{name}_five", five, 5),
            _active(layers.AveragePooling2D(3, 1, name=f"{name}_pool_window")(padded), f"{name}_pool", pool, 1),
        ]
        x = layers.MaxPooling2D(2, name=f"{name}_halved")(layers.Concatenate(name=f"{name}_join")(branches))
    return _classified("inception", inputs, x)


def _group_normed(x: KerasTensor, name: str, channels: int) -> KerasTensor:
    x = _conv(x, name, channels, bias=True)
    return layers.ReLU(name=f"{name}_relu")(layers.GroupNormalization(4, epsilon=1e-5, name=f"{name}_norm")(x))


def unet() -> Model:
    """Ronneberger et al. 2015 with group normalisation; its picture of classes is averaged into one answer."""
    inputs = Input(PICTURE, name="input")
    outer = _group_normed(inputs, "down1", 16)
    inner = _group_normed(layers.MaxPooling2D(2, name="pool1")(outer), "down2", 32)
    x = _group_normed(layers.MaxPooling2D(2, name="pool2")(inner), "bottom", 48)
    for number, channels, skip in ((2, 32, inner), (1, 16, outer)):
        x = layers.Conv2DTranspose(channels, 2, 2, name=f"widen{number}")(x)
        x = _group_normed(layers.Concatenate(name=f"join{number}")([skip, x]), f"up{number}", channels)
    x = _conv(x, "head", CLASSES, 1, bias=True)
    return Model(inputs, layers.GlobalAveragePooling2D(name="pool")(x), name="unet")


def gru() -> Model:
    """A layer that reads both ways, one that reads ahead; its last state is classified."""
    inputs = Input(SERIES, name="input")
    x = layers.Bidirectional(layers.GRU(24, return_sequences=True, reset_after=True), name="gru1")(inputs)
    x = layers.GRU(32, reset_after=True, name="gru2")(x)
    x = layers.Dense(32, activation="relu", name="fc1")(x)
    return Model(inputs, layers.Dense(CLASSES, name="fc2")(x), name="gru")


def lstm() -> Model:
    """A dense layer, a stack of two LSTM layers; the states, averaged over time, are classified."""
    inputs = Input(SERIES, name="input")
    x = layers.Dense(16, activation="tanh", name="embed")(inputs)
    for name in ("lstm.l0", "lstm.l1"):  # as PyTorch calls the layers of one stack
        x = layers.LSTM(32, return_sequences=True, name=name)(x)
    x = layers.LayerNormalization(epsilon=1e-5, name="norm")(x)
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    return Model(inputs, layers.Dense(CLASSES, name="fc")(x), name="lstm")


def _layer_norm(x: KerasTensor, name: str) -> KerasTensor:
    return layers.LayerNormalization(epsilon=1e-5, name=name)(x)


def _attended(x: KerasTensor, name: str) -> KerasTensor:
    return layers.MultiHeadAttention(4, x.shape[-1] // 4, name=f"{name}_attention")(x, x)


def _mixed(x: KerasTensor, name: str) -> KerasTensor:
    wide = layers.Dense(2 * x.shape[-1], activation="gelu", name=f"{name}_expand")(x)
    return layers.Dense(x.shape[-1], name=f"{name}_contract")(wide)


def _counted(like: KerasTensor) -> KerasTensor:
    """0, 1, 2 … along the steps of ``(samples, steps)``."""
    return ops.cumsum(ops.ones_like(like, dtype="int32"), axis=1) - 1


def vit() -> Model:
    """Dosovitskiy et al. 2020: 8 x 8 patches, a class token, learned positions; two blocks, normalised first."""
    inputs = Input(PICTURE, name="input")
    x = layers.Reshape((16, 48), name="tokens")(layers.Conv2D(48, 8, 8, name="patches")(inputs))
    places = _counted(inputs[:, :17, 0, 0])
    token = layers.Embedding(1, 48, name="token")(places[:, :1])
    x = layers.Concatenate(axis=1, name="join")([token, x])
    x = layers.Add(name="add")([x, layers.Embedding(17, 48, name="position")(places)])
    for name in ("block1", "block2"):
        x = layers.Add(name=f"{name}_add1")([x, _attended(_layer_norm(x, f"{name}_norm1"), name)])
        x = layers.Add(name=f"{name}_add2")([x, _mixed(_layer_norm(x, f"{name}_norm2"), name)])
    x = _layer_norm(x[:, 0], "norm")
    return Model(inputs, layers.Dense(CLASSES, name="fc")(x), name="vit")


def encoder() -> Model:
    """Vaswani et al. 2017's encoder: embeddings of words and of places, two blocks normalised after each sum."""
    inputs = Input(TOKENS, dtype="int64", name="input")
    words = layers.Embedding(WORDS, 32, name="words")(inputs)
    x = layers.Add(name="add")([words, layers.Embedding(TOKENS[0], 32, name="places")(_counted(inputs))])
    for name in ("block1", "block2"):
        x = _layer_norm(layers.Add(name=f"{name}_add1")([x, _attended(x, name)]), f"{name}_norm1")
        x = _layer_norm(layers.Add(name=f"{name}_add2")([x, _mixed(x, name)]), f"{name}_norm2")
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    return Model(inputs, layers.Dense(CLASSES, name="fc")(x), name="encoder")
