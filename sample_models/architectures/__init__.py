"""Small untrained networks of well-known shapes, built in code: what pruning must be able to cut.

Imports no framework. ``sample_models.architectures.pytorch`` and ``.keras`` have a function of each name that builds
it; layer names are flat.
"""

from dataclasses import dataclass

from core.registry import Registry

#: Every one of them tells so many classes apart.
CLASSES = 10
#: Words of the architectures that read tokens.
WORDS = 64


@dataclass(frozen=True)
class Architecture:
    """One network.

    ``sample_kind`` says what it reads: a "picture" of ``shape`` (channels, height, width; channels last in Keras),
    a "series" of (steps, features), or "tokens" (whole numbers below :data:`WORDS`).
    """

    name: str
    title: str
    note: str
    sample_kind: str
    shape: tuple[int, ...]


_PICTURE = ("picture", (3, 32, 32))
_SERIES = ("series", (8, 6))
_TOKENS = ("tokens", (20,))

ARCHITECTURES: Registry[Architecture] = Registry(
    "architecture",
    (
        Architecture("vgg", "VGG", "Convolutions, batch normalisation, pooling, flatten, dense layers.", *_PICTURE),
        Architecture("resnet_basic", "ResNet, basic blocks", "Residual sums, strided shortcuts.", *_PICTURE),
        Architecture(
            "resnet_bottleneck",
            "ResNet, bottleneck blocks",
            "Narrow convolutions between wide residual sums.",
            *_PICTURE,
        ),
        Architecture("densenet", "DenseNet", "Every layer reads all before it: concatenations.", *_PICTURE),
        Architecture("mobilenet", "MobileNet", "Depthwise convolutions in inverted residual blocks.", *_PICTURE),
        Architecture("inception", "Inception", "Parallel branches of different widths, concatenated.", *_PICTURE),
        Architecture("unet", "U-Net", "Skips, transposed convolutions, group normalisation.", *_PICTURE),
        Architecture("gru", "GRU", "A layer that reads both ways, then one that reads ahead.", *_SERIES),
        Architecture("lstm", "LSTM", "A stack of two.", *_SERIES),
        Architecture("vit", "Vision transformer", "Patches, class token, positions, attention.", *_PICTURE),
        Architecture(
            "encoder", "Text encoder", "Embeddings of words and places, attention, normalised last.", *_TOKENS
        ),
    ),
)
