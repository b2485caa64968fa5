"""A network of ResNet-50's size and shape, built in code: 25.6 million parameters, flat layer names."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

#: (bottleneck blocks, width inside, stride of the first)
STAGES = ((3, 64, 1), (4, 128, 2), (6, 256, 2), (3, 512, 2))
SHAPE = (3, 64, 64)


class ResNet50(nn.Module):
    """He et al. 2015, table 1, with the stride on the 3 x 3 convolutions."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.blocks: list[tuple[str, int, bool]] = []
        self._add("stem", 3, 64, 7, 2)
        inputs = 64
        for stage, (blocks, width, stride) in enumerate(STAGES, start=1):
            for block in range(1, blocks + 1):
                name, step = f"stage{stage}_block{block}", stride if block == 1 else 1
                self._add(f"{name}_conv1", inputs, width, 1, 1)
                self._add(f"{name}_conv2", width, width, 3, step)
                self._add(f"{name}_conv3", width, 4 * width, 1, 1)
                if block == 1:
                    self._add(f"{name}_shortcut", inputs, 4 * width, 1, step)
                self.blocks.append((name, step, block == 1))
                inputs = 4 * width
        self.fc = nn.Linear(inputs, classes)

    def _add(self, name: str, inputs: int, outputs: int, window: int, stride: int) -> None:
        self.add_module(name, nn.Conv2d(inputs, outputs, window, stride, window // 2, bias=False))
        self.add_module(f"{name}_bn", nn.BatchNorm2d(outputs))

    def _normed(self, name: str, x: Tensor) -> Tensor:
        return self.get_submodule(f"{name}_bn")(self.get_submodule(name)(x))

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self._normed("stem", x)), 3, 2, 1)
        for name, _, first in self.blocks:
            inner = F.relu(self._normed(f"{name}_conv1", x))
            inner = F.relu(self._normed(f"{name}_conv2", inner))
            inner = self._normed(f"{name}_conv3", inner)
            x = F.relu(inner + (self._normed(f"{name}_shortcut", x) if first else x))
        return self.fc(x.mean((2, 3)))


def resnet50() -> nn.Module:
    """With seeded weights."""
    torch.manual_seed(0)
    return ResNet50().eval()
