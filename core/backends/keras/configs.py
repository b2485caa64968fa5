"""What a Keras configuration may name: layers, functions and settings of Keras itself, nothing that runs other code.

Everything is refused that is not on a list here. That costs somebody's exotic layer; it saves everybody from
``Lambda`` (Python bytecode), ``TFSMLayer`` and ``TorchModuleWrapper`` (programs in files), lookup layers (they read
files by name) and custom classes (code that is not in the file at all).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
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
    DTypePolicy Policy PolicyV1 FloatDTypePolicy
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
#: Settings that give a layer's width; every unit has at least one weight.
_WIDTHS = frozenset(
    ["units", "filters", "input_dim", "output_dim", "key_dim", "value_dim", "num_heads", "depth_multiplier"]
)
#: Deeper than any network nests.
_DEEPEST = 200


def vet_config(raw: bytes | str, file_name: str, largest: int) -> None:
    """Walk a configuration and refuse whatever is not plain Keras.

    Args:
        raw: The JSON text.
        file_name: For the message.
        largest: Entries of the largest stored array: no layer can rightly be wider.

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
    vetting = _Vetting(file_name, largest)
    vetting.whole(config)
    vetting.value(config, 0)


@dataclass(frozen=True)
class _Vetting:
    file_name: str
    largest: int

    def refused(self, found: str, advice: str = "save the network again") -> RefusedFile:
        return RefusedFile(f'"{self.file_name}" {found}; {advice}.')

    def whole(self, config: Mapping[str, Any]) -> None:
        """The outermost object is a sequential or functional model."""
        name, inside = config["class_name"], config.get("config")
        flat = isinstance(inside, list)  # Keras 1 listed a sequential model's layers right here
        layered = flat or (isinstance(inside, dict) and "layers" in inside)
        if name not in ("Sequential", "Functional", "Model") or not layered:
            raise self.refused(
                f'holds a "{str(name)[:80]}", a subclassed model or single layer, whose operations are code elsewhere',
                "rebuild it as a functional or sequential model and save that",
            )

    def value(self, value: Any, depth: int) -> None:
        """Anything inside, at any depth."""
        if depth > _DEEPEST:
            raise self.refused("has a configuration nested deeper than any network")
        if isinstance(value, dict):
            if "class_name" in value:
                self.named(value)
            for key, inner in value.items():
                if key in _WIDTHS and isinstance(inner, (int, float)) and inner > self.largest:
                    raise self.refused(f"declares a layer of {key} {inner} but holds no weights that large")
                self.value(inner, depth + 1)
        elif isinstance(value, list):
            for inner in value:
                self.value(inner, depth + 1)

    def named(self, value: Mapping[str, Any]) -> None:
        """An object by class and module."""
        name, module = value["class_name"], value.get("module") or "keras"
        registered = value.get("registered_name") or ""
        if not (isinstance(name, str) and isinstance(module, str) and isinstance(registered, str)):
            raise self.refused("has a damaged configuration")
        if name in ("Lambda", "__lambda__"):
            raise self.refused(
                "has a Lambda, which is Python code hidden in the file and is never run",
                "replace it by a Keras layer or an operation of keras.ops and save the network again",
            )
        if name in _OLD_OPERATIONS:
            raise self.refused(
                f'uses an operation of TensorFlow 2 as a layer ("{name}"), which Keras 3 cannot read',
                "rebuild it with Keras layers and save it as .keras",
            )
        function = value.get("config") if name == "function" else None
        if name == "function":
            known = isinstance(function, str) and _below(module, _FUNCTIONS)
        elif _below(module, _OPERATIONS) or name in VALUES:
            known = True
        else:
            known = _below(module, ("keras",)) and name in LAYERS | SETTINGS
        if not known or ">" in registered:
            wanted = registered if ">" in registered else f"{module}.{function or name}"
            raise self.refused(
                f'needs "{wanted[:80]}", which is no layer or function of Keras that is run from a file',
                "replace it by plain Keras layers and save the network again",
            )


def _below(module: str, roots: tuple[str, ...]) -> bool:
    return any(module == root or module.startswith(f"{root}.") for root in roots)
