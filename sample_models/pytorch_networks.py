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


def iris_mlp() -> nn.Module:
    """4-10-10-3."""
    return Mlp(4, 10, 10, 3)


def digits_lenet300() -> nn.Module:
    """64-300-100-10."""
    return Mlp(64, 300, 100, 10)


def digits_lenet5() -> nn.Module:
    """Convolutions, pooling, dense layers."""
    return LeNet5()
