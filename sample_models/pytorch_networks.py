"""The samples' architectures in PyTorch; ``keras_networks`` has the same under the same layer names.

Pictures and series come with channels first, outputs are logits.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Mlp(nn.Module):
    """Dense layers ``fc1``, ``fc2``, ... with ReLU between them."""

    def __init__(self, *widths: int) -> None:
        super().__init__()
        self.last = len(widths) - 1
        for number, (inputs, outputs) in enumerate(zip(widths, widths[1:], strict=False), start=1):
            self.add_module(f"fc{number}", nn.Linear(inputs, outputs))

    def forward(self, x: Tensor) -> Tensor:
        for number in range(1, self.last):
            x = F.relu(self.get_submodule(f"fc{number}")(x))
        return self.get_submodule(f"fc{self.last}")(x)


class LeNet5(nn.Module):
    """LeCun et al. 1998 on 8 x 8: two padded 3 x 3 convolutions with pooling, three dense layers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.fc1 = nn.Linear(32 * 2 * 2, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = torch.flatten(x, 1)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


class ResNet(nn.Module):
    """He et al. 2016, small: a stem and three residual blocks, the second one strided with a 1 x 1 shortcut."""

    #: (name, channels in, channels out, stride)
    BLOCKS = (("block1", 16, 16, 1), ("block2", 16, 32, 2), ("block3", 32, 32, 1))

    def __init__(self) -> None:
        super().__init__()
        self._add("conv1", "bn1", 1, 16, 3, 1)
        for name, inputs, outputs, stride in self.BLOCKS:
            self._add(f"{name}_conv1", f"{name}_bn1", inputs, outputs, 3, stride)
            self._add(f"{name}_conv2", f"{name}_bn2", outputs, outputs, 3, 1)
            if stride > 1:
                self._add(f"{name}_shortcut", f"{name}_shortcut_bn", inputs, outputs, 1, stride)
        self.fc = nn.Linear(32, 10)

    def _add(self, conv: str, norm: str, inputs: int, outputs: int, window: int, stride: int) -> None:
        self.add_module(conv, nn.Conv2d(inputs, outputs, window, stride, padding=window // 2, bias=False))
        self.add_module(norm, nn.BatchNorm2d(outputs))

    def _apply_pair(self, conv: str, norm: str, x: Tensor) -> Tensor:
        return self.get_submodule(norm)(self.get_submodule(conv)(x))

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self._apply_pair("conv1", "bn1", x))
        for name, _, _, stride in self.BLOCKS:
            inner = F.relu(self._apply_pair(f"{name}_conv1", f"{name}_bn1", x))
            inner = self._apply_pair(f"{name}_conv2", f"{name}_bn2", inner)
            around = self._apply_pair(f"{name}_shortcut", f"{name}_shortcut_bn", x) if stride > 1 else x
            x = F.relu(inner + around)
        return self.fc(x.mean((2, 3)))


class SeriesCnn(nn.Module):
    """Three convolutions over time with pooling, then two dense layers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(1, 32, 5, padding=2)
        self.conv2 = nn.Conv1d(32, 48, 5, padding=2)
        self.conv3 = nn.Conv1d(48, 64, 3, padding=1)
        self.fc1 = nn.Linear(64 * 5, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        for conv in (self.conv1, self.conv2, self.conv3):
            x = F.max_pool1d(F.relu(conv(x)), 2)
        return self.fc2(F.relu(self.fc1(torch.flatten(x, 1))))


class SeriesGru(nn.Module):
    """A GRU that reads one value at a time; its states, averaged over time, are classified."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(1, 64, batch_first=True)
        self.fc = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.gru(x.transpose(1, 2))
        return self.fc(states.mean(1))


class SeriesTransformer(nn.Module):
    """Vaswani et al. 2017, normalised first: 20 tokens from a strided convolution, two blocks, mean over tokens."""

    BLOCKS = ("block1", "block2")

    def __init__(self, width: int = 32, heads: int = 4) -> None:
        super().__init__()
        self.embed = nn.Conv1d(1, width, 5, stride=2, padding=2)
        for name in self.BLOCKS:
            self.add_module(f"{name}_norm1", nn.LayerNorm(width))
            self.add_module(f"{name}_attention", nn.MultiheadAttention(width, heads, batch_first=True))
            self.add_module(f"{name}_norm2", nn.LayerNorm(width))
            self.add_module(f"{name}_expand", nn.Linear(width, 2 * width))
            self.add_module(f"{name}_contract", nn.Linear(2 * width, width))
        self.norm = nn.LayerNorm(width)
        self.fc = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x).transpose(1, 2)
        for name in self.BLOCKS:
            part = {role: self.get_submodule(f"{name}_{role}") for role in ("norm1", "attention", "norm2")}
            normed = part["norm1"](x)
            x = x + part["attention"](normed, normed, normed, need_weights=False)[0]
            inner = F.gelu(self.get_submodule(f"{name}_expand")(part["norm2"](x)))
            x = x + self.get_submodule(f"{name}_contract")(inner)
        return self.fc(self.norm(x).mean(1))


def iris_mlp() -> nn.Module:
    """4-10-10-3."""
    return Mlp(4, 10, 10, 3)


def digits_lenet300() -> nn.Module:
    """64-300-100-10."""
    return Mlp(64, 300, 100, 10)


def digits_lenet5() -> nn.Module:
    """Convolutions, pooling, dense layers."""
    return LeNet5()


def digits_resnet() -> nn.Module:
    """Residual sums, batch normalisation."""
    return ResNet()


def spiral_mlp() -> nn.Module:
    """2-64-64-3."""
    return Mlp(2, 64, 64, 3)


def mnist1d_cnn() -> nn.Module:
    """Convolutions over time."""
    return SeriesCnn()


def mnist1d_gru() -> nn.Module:
    """A recurrent layer."""
    return SeriesGru()


def mnist1d_transformer() -> nn.Module:
    """Self-attention, layer normalisation."""
    return SeriesTransformer()
