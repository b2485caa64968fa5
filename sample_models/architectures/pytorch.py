"""The architectures in PyTorch: channels first, outputs are logits."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sample_models.architectures import CLASSES, WORDS


class _Flat(nn.Module):
    """A network whose layers have flat names."""

    def conv(self, name: str, inputs: int, outputs: int, window: int = 3, stride: int = 1, groups: int = 1) -> None:
        """``name`` without bias, and its batch normalisation ``name_bn``."""
        conv = nn.Conv2d(inputs, outputs, window, stride, window // 2, groups=groups, bias=False)
        self.add_module(name, conv)
        self.add_module(f"{name}_bn", nn.BatchNorm2d(outputs))

    def normed(self, name: str, x: Tensor) -> Tensor:
        """Convolution and normalisation."""
        return self.get_submodule(f"{name}_bn")(self.get_submodule(name)(x))

    def active(self, name: str, x: Tensor) -> Tensor:
        """Convolution, normalisation, ReLU."""
        return F.relu(self.normed(name, x))


class Vgg(_Flat):
    """Simonyan and Zisserman 2014."""

    WIDTHS = (16, 32, 48, 64)

    def __init__(self) -> None:
        super().__init__()
        for number, (inputs, outputs) in enumerate(zip((3, *self.WIDTHS), self.WIDTHS, strict=False), start=1):
            self.conv(f"conv{number}", inputs, outputs)
        self.fc1, self.fc2 = nn.Linear(64 * 2 * 2, 64), nn.Linear(64, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        for number in range(1, 5):
            x = F.max_pool2d(self.active(f"conv{number}", x), 2)
        return self.fc2(F.relu(self.fc1(torch.flatten(x, 1))))


class ResNet(_Flat):
    """He et al. 2015; ``expansion`` 1 has basic blocks, more has bottlenecks that much wider outside."""

    def __init__(self, expansion: int = 1, widths: tuple[int, ...] = (16, 24, 32)) -> None:
        super().__init__()
        self.expansion, self.widths = expansion, widths
        self.conv("stem", 3, widths[0])
        inputs = widths[0]
        for number, width in enumerate(widths, start=1):
            stride, outputs, name = (1 if number == 1 else 2), width * expansion, f"block{number}"
            if expansion == 1:
                self.conv(f"{name}_conv1", inputs, width, 3, stride)
                self.conv(f"{name}_conv2", width, width)
            else:
                self.conv(f"{name}_conv1", inputs, width, 1)
                self.conv(f"{name}_conv2", width, width, 3, stride)
                self.conv(f"{name}_conv3", width, outputs, 1)
            if stride > 1 or inputs != outputs:
                self.conv(f"{name}_shortcut", inputs, outputs, 1, stride)
            inputs = outputs
        self.fc = nn.Linear(inputs, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.active("stem", x)
        last = 2 if self.expansion == 1 else 3
        for number in range(1, len(self.widths) + 1):
            name, inner = f"block{number}", x
            for conv in range(1, last):
                inner = self.active(f"{name}_conv{conv}", inner)
            around = self.normed(f"{name}_shortcut", x) if hasattr(self, f"{name}_shortcut") else x
            x = F.relu(self.normed(f"{name}_conv{last}", inner) + around)
        return self.fc(x.mean((2, 3)))


class DenseNet(_Flat):
    """Huang et al. 2016: normalise, ReLU, convolve, join."""

    GROWTH, LAYERS = 12, 3

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        width = 16
        for block in (1, 2):
            for layer in range(1, self.LAYERS + 1):
                self._layer(f"dense{block}_{layer}", width, self.GROWTH, 3)
                width += self.GROWTH
            self._layer(f"transition{block}", width, width // 2, 1)
            width //= 2
        self.bn = nn.BatchNorm2d(width)
        self.fc = nn.Linear(width, CLASSES)

    def _layer(self, name: str, inputs: int, outputs: int, window: int) -> None:
        self.add_module(f"{name}_bn", nn.BatchNorm2d(inputs))
        self.add_module(name, nn.Conv2d(inputs, outputs, window, padding=window // 2, bias=False))

    def _made(self, name: str, x: Tensor) -> Tensor:
        return self.get_submodule(name)(F.relu(self.get_submodule(f"{name}_bn")(x)))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for block in (1, 2):
            for layer in range(1, self.LAYERS + 1):
                x = torch.cat([x, self._made(f"dense{block}_{layer}", x)], 1)
            x = F.avg_pool2d(self._made(f"transition{block}", x), 2)
        return self.fc(F.relu(self.bn(x)).mean((2, 3)))


class MobileNet(_Flat):
    """Sandler et al. 2018: widen, convolve each channel by itself, narrow."""

    #: (name, channels in, channels out, stride)
    BLOCKS = (("block1", 16, 16, 1), ("block2", 16, 24, 2), ("block3", 24, 24, 1), ("block4", 24, 32, 2))

    def __init__(self) -> None:
        super().__init__()
        self.conv("stem", 3, 16, 3, 2)
        for name, inputs, outputs, stride in self.BLOCKS:
            wide = 4 * inputs
            self.conv(f"{name}_expand", inputs, wide, 1)
            self.conv(f"{name}_depthwise", wide, wide, 3, stride, groups=wide)
            self.conv(f"{name}_project", wide, outputs, 1)
        self.fc = nn.Linear(32, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu6(self.normed("stem", x))
        for name, inputs, outputs, stride in self.BLOCKS:
            inner = F.relu6(self.normed(f"{name}_expand", x))
            inner = self.normed(f"{name}_project", F.relu6(self.normed(f"{name}_depthwise", inner)))
            x = x + inner if stride == 1 and inputs == outputs else inner
        return self.fc(x.mean((2, 3)))


class Inception(_Flat):
    """Szegedy et al. 2014: four branches side by side."""

    #: (name, channels in, 1 x 1, 3 x 3 narrowed, 3 x 3, 5 x 5 narrowed, 5 x 5, after pooling)
    MODULES = (("mixed1", 16, 8, 8, 16, 4, 8, 8), ("mixed2", 40, 16, 12, 24, 6, 12, 12))

    def __init__(self) -> None:
        super().__init__()
        self.conv("stem", 3, 16)
        for name, inputs, one, three_in, three, five_in, five, pool in self.MODULES:
            self.conv(f"{name}_one", inputs, one, 1)
            self.conv(f"{name}_three_in", inputs, three_in, 1)
            self.conv(f"{name}_three", three_in, three)
            self.conv(f"{name}_five_in", inputs, five_in, 1)
            self.conv(f"{name}_five", five_in, five, 5)
            self.conv(f"{name}_pool", inputs, pool, 1)
        self.fc = nn.Linear(64, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self.active("stem", x), 2)
        for name, *_ in self.MODULES:
            three = self.active(f"{name}_three", self.active(f"{name}_three_in", x))
            five = self.active(f"{name}_five", self.active(f"{name}_five_in", x))
            pool = self.active(f"{name}_pool", F.avg_pool2d(x, 3, 1, 1))
            x = F.max_pool2d(torch.cat([self.active(f"{name}_one", x), three, five, pool], 1), 2)
        return self.fc(x.mean((2, 3)))


class UNet(nn.Module):
    """Ronneberger et al. 2015 with group normalisation; its picture of classes is averaged into one answer."""

    #: (name, channels in, channels out)
    CONVS = (("down1", 3, 16), ("down2", 16, 32), ("bottom", 32, 48), ("up2", 64, 32), ("up1", 32, 16))

    def __init__(self) -> None:
        super().__init__()
        for name, inputs, outputs in self.CONVS:
            self.add_module(name, nn.Conv2d(inputs, outputs, 3, padding=1))
            self.add_module(f"{name}_norm", nn.GroupNorm(4, outputs))
        self.widen2, self.widen1 = nn.ConvTranspose2d(48, 32, 2, 2), nn.ConvTranspose2d(32, 16, 2, 2)
        self.head = nn.Conv2d(16, CLASSES, 1)

    def _made(self, name: str, x: Tensor) -> Tensor:
        return F.relu(self.get_submodule(f"{name}_norm")(self.get_submodule(name)(x)))

    def forward(self, x: Tensor) -> Tensor:
        outer = self._made("down1", x)
        inner = self._made("down2", F.max_pool2d(outer, 2))
        x = self._made("bottom", F.max_pool2d(inner, 2))
        x = self._made("up2", torch.cat([inner, self.widen2(x)], 1))
        x = self._made("up1", torch.cat([outer, self.widen1(x)], 1))
        return self.head(x).mean((2, 3))


class Gru(nn.Module):
    """A layer that reads both ways, one that reads ahead; its last state is classified."""

    def __init__(self) -> None:
        super().__init__()
        self.gru1 = nn.GRU(6, 24, batch_first=True, bidirectional=True)
        self.gru2 = nn.GRU(48, 32, batch_first=True)
        self.fc1, self.fc2 = nn.Linear(32, 32), nn.Linear(32, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.gru1(x)
        _, last = self.gru2(states)
        return self.fc2(F.relu(self.fc1(last[-1])))


class Lstm(nn.Module):
    """A dense layer, a stack of two LSTM layers; the states, averaged over time, are classified."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(6, 16)
        self.lstm = nn.LSTM(16, 32, num_layers=2, batch_first=True)
        self.norm = nn.LayerNorm(32)
        self.fc = nn.Linear(32, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.lstm(torch.tanh(self.embed(x)))
        return self.fc(self.norm(states).mean(1))


class _Attending(nn.Module):
    """Blocks of attention and two dense layers."""

    BLOCKS = ("block1", "block2")

    def _add(self, name: str, width: int, heads: int) -> None:
        self.add_module(f"{name}_norm1", nn.LayerNorm(width))
        self.add_module(f"{name}_attention", nn.MultiheadAttention(width, heads, batch_first=True))
        self.add_module(f"{name}_norm2", nn.LayerNorm(width))
        self.add_module(f"{name}_expand", nn.Linear(width, 2 * width))
        self.add_module(f"{name}_contract", nn.Linear(2 * width, width))

    def _attended(self, name: str, x: Tensor) -> Tensor:
        return self.get_submodule(f"{name}_attention")(x, x, x, need_weights=False)[0]

    def _mixed(self, name: str, x: Tensor) -> Tensor:
        return self.get_submodule(f"{name}_contract")(F.gelu(self.get_submodule(f"{name}_expand")(x)))


class Vit(_Attending):
    """Dosovitskiy et al. 2020: 8 x 8 patches, a class token, learned positions, normalised first."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, 8, 8)
        self.token = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.position = nn.Parameter(0.02 * torch.randn(1, 17, width))
        for name in self.BLOCKS:
            self._add(name, width, 4)
        self.norm = nn.LayerNorm(width)
        self.fc = nn.Linear(width, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.position
        for name in self.BLOCKS:
            x = x + self._attended(name, self.get_submodule(f"{name}_norm1")(x))
            x = x + self._mixed(name, self.get_submodule(f"{name}_norm2")(x))
        return self.fc(self.norm(x[:, 0]))


class Encoder(_Attending):
    """Vaswani et al. 2017's encoder: embeddings of words and of places, normalised after each sum."""

    def __init__(self, width: int = 32, length: int = 20) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(WORDS, width), nn.Embedding(length, width)
        self.register_buffer("order", torch.arange(length))
        for name in self.BLOCKS:
            self._add(name, width, 4)
        self.fc = nn.Linear(width, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.words(x) + self.places(self.order)
        for name in self.BLOCKS:
            x = self.get_submodule(f"{name}_norm1")(x + self._attended(name, x))
            x = self.get_submodule(f"{name}_norm2")(x + self._mixed(name, x))
        return self.fc(x.mean(1))


def vgg() -> nn.Module:
    """Four convolutions and two dense layers."""
    return Vgg()


def resnet_basic() -> nn.Module:
    """Three basic blocks."""
    return ResNet()


def resnet_bottleneck() -> nn.Module:
    """Three bottleneck blocks, four times wider outside."""
    return ResNet(4)


def densenet() -> nn.Module:
    """Two dense blocks of three layers."""
    return DenseNet()


def mobilenet() -> nn.Module:
    """Four inverted residual blocks."""
    return MobileNet()


def inception() -> nn.Module:
    """Two modules of four branches."""
    return Inception()


def unet() -> nn.Module:
    """Two steps down, two up."""
    return UNet()


def gru() -> nn.Module:
    """One layer both ways, one ahead."""
    return Gru()


def lstm() -> nn.Module:
    """Two layers in one stack."""
    return Lstm()


def vit() -> nn.Module:
    """Two blocks over 17 tokens."""
    return Vit()


def encoder() -> nn.Module:
    """Two blocks over 20 words."""
    return Encoder()
