"""What a Keras configuration may name: layers, functions and settings of Keras itself, nothing that runs other code.

Everything is refused that is not on a list here. That costs somebody's exotic layer; it saves everybody from
``Lambda`` (Python bytecode), ``TFSMLayer`` and ``TorchModuleWrapper`` (programs in files), lookup layers (they read
files by name) and custom classes (code that is not in the file at all).
"""

import json
from collections.abc import Mapping
from typing import Any

from core.errors import RefusedFile

#: Layers and models that compute with numbers only.
LAYERS = frozenset(
    """
    Sequential Functional Model InputLayer Identity Masking Dense EinsumDense Embedding
    Conv1D Conv2D Conv3D Convolution1D Convolution2D Convolution3D
    Conv1DTranspose Conv2DTranspose Conv3DTranspose Convolution1DTranspose Convolution2DTranspose Convolution3DTranspose
    DepthwiseConv1D DepthwiseConv2D SeparableConv1D SeparableConv2D SeparableConvolution1D SeparableConvolution2D
    BatchNormalization LayerNormalization GroupNormalization RMSNormalization UnitNormalization SpectralNormalization
    Activation ReLU LeakyReLU PReLU ELU Softmax
    Add Subtract Multiply Average Maximum Minimum Concatenate Dot
    Flatten Reshape Permute RepeatVector Cropping1D Cropping2D Cropping3D UpSampling1D UpSampling2D UpSampling3D
    ZeroPadding1D ZeroPadding2D ZeroPadding3D
    MaxPooling1D MaxPooling2D MaxPooling3D AveragePooling1D AveragePooling2D AveragePooling3D
    MaxPool1D MaxPool2D MaxPool3D AvgPool1D AvgPool2D AvgPool3D
    GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalAvgPool1D GlobalAvgPool2D GlobalAvgPool3D
    AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D
    AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D
    Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D AlphaDropout GaussianDropout GaussianNoise
    ActivityRegularization
    SimpleRNN GRU LSTM RNN ConvLSTM1D ConvLSTM2D ConvLSTM3D Bidirectional TimeDistributed
    SimpleRNNCell GRUCell LSTMCell StackedRNNCells
    MultiHeadAttention GroupQueryAttention Attention AdditiveAttention
    Rescaling Normalization Resizing CenterCrop
    """.split()  # noqa: SIM905 - a list of names reads better without a hundred quotes
)
#: What settings of a layer may be objects of.
SETTINGS = frozenset(
    """
    DTypePolicy Policy FloatDTypePolicy
    Zeros Ones Constant RandomNormal RandomUniform TruncatedNormal VarianceScaling GlorotNormal GlorotUniform HeNormal
    HeUniform LecunNormal LecunUniform Orthogonal OrthogonalInitializer Identity IdentityInitializer STFT
    L1 L2 L1L2 OrthogonalRegularizer MaxNorm NonNeg MinMaxNorm UnitNorm SeedGenerator
    """.split()  # noqa: SIM905 - a list of names reads better without a hundred quotes
)
#: Values that Keras spells as objects.
VALUES = frozenset(["__keras_tensor__", "__tensor__", "__numpy__", "__ellipsis__", "__slice__", "__bytes__"])
#: Modules of Keras whose functions and operations compute with numbers only.
_FUNCTIONS = (
    "builtins",
    "keras.activations",
    "keras.src.activations",
    "keras.initializers",
    "keras.ops",
    "keras.src.ops",
)
_OPERATIONS = ("keras.ops", "keras.src.ops")
#: The old format writes no modules; these come from TensorFlow 2's own operations in a functional model.
_OLD_OPERATIONS = ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer", "ClassMethod", "InstanceMethod")
#: Deeper than any network nests.
_DEEPEST = 200


def vet_config(raw: bytes | str, file_name: str, legacy: bool = False) -> None:
    """Walk a configuration and refuse whatever is not plain Keras.

    Args:
        raw: The JSON text.
        file_name: For the message.
        legacy: The ``.h5`` format, which names layers without their modules.

    Raises:
        RefusedFile: One sentence: what was found, and what to do instead.
    """
    try:
        config = json.loads(raw)
    except (ValueError, RecursionError) as err:
        raise RefusedFile(f'The configuration in "{file_name}" is damaged; save the network again.') from err
    if not isinstance(config, dict) or "class_name" not in config:
        raise RefusedFile(f'The configuration in "{file_name}" is not that of a network; save the network again.')
    config.pop("compile_config", None)  # never read: files are opened without their training configuration
    _vet_top(config, file_name)
    _vet(config, file_name, legacy, 0)


def _vet_top(config: Mapping[str, Any], file_name: str) -> None:
    name = config["class_name"]
    if name not in ("Sequential", "Functional", "Model"):
        raise RefusedFile(
            f'"{file_name}" holds a "{name}": a subclassed model or a single layer, whose operations are Python code outside '
            "the file. Rebuild it as a functional or sequential model and save that."
        )
    inside = config.get("config")
    if isinstance(inside, (dict, list)) and not isinstance(inside, list) and "layers" not in inside:
        raise RefusedFile(
            f'"{file_name}" holds a subclassed model, whose operations are Python code outside the file. Rebuild it as a '
            "functional or sequential model and save that."
        )


def _vet(value: Any, file_name: str, legacy: bool, depth: int) -> None:
    if depth > _DEEPEST:
        raise RefusedFile(
            f'The configuration in "{file_name}" is nested deeper than any network; save the network again.'
        )
    if isinstance(value, dict):
        if "class_name" in value:
            _vet_object(value, file_name, legacy)
        for inner in value.values():
            _vet(inner, file_name, legacy, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _vet(inner, file_name, legacy, depth + 1)


def _vet_object(value: Mapping[str, Any], file_name: str, legacy: bool) -> None:
    name, module, registered = value["class_name"], value.get("module"), value.get("registered_name")
    if (
        not isinstance(name, str)
        or not isinstance(module, (str, type(None)))
        or not isinstance(registered, (str, type(None)))
    ):
        raise RefusedFile(f'The configuration in "{file_name}" is damaged; save the network again.')
    if name in ("Lambda", "__lambda__"):
        raise RefusedFile(
            f'"{file_name}" has a Lambda, which is Python code hidden in the file and is never run. Replace it by a Keras layer '
            "or an operation of keras.ops, and save the network again."
        )
    if name in _OLD_OPERATIONS:
        raise RefusedFile(
            f'"{file_name}" uses an operation of TensorFlow 2 as a layer ("{name}"), which Keras 3 cannot read. Rebuild it with '
            "Keras layers and save it as .keras."
        )
    if registered and ">" in registered:
        raise _foreign(file_name, registered)
    if name == "function":
        _vet_function(value, file_name)
    elif module is not None and _below(module, _OPERATIONS):
        return
    elif name in VALUES:
        return
    elif module is not None and not _below(module, ("keras",)):
        raise _foreign(file_name, f"{module}.{name}")
    elif name not in LAYERS and name not in SETTINGS:
        raise _foreign(file_name, name)


def _vet_function(value: Mapping[str, Any], file_name: str) -> None:
    name, module = value.get("config"), value.get("module")
    if not isinstance(name, str) or not isinstance(module, str) or not _below(module, _FUNCTIONS):
        raise _foreign(file_name, f"{module}.{name}")


def _below(module: str, roots: tuple[str, ...]) -> bool:
    return any(module == root or module.startswith(f"{root}.") for root in roots)


def _foreign(file_name: str, name: str) -> RefusedFile:
    return RefusedFile(
        f'"{file_name}" needs "{name[:80]}", which is no layer or function of Keras that we run from a file. Replace it by plain '
        "Keras layers and save the network again."
    )
