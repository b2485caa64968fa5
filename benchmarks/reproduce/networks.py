"""The networks of the published tables, as ``.pt2`` files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any


def lenet_300_100() -> Any:
    """784-300-100-10 (LeCun et al. 1998), 266,200 weights."""
    from collections import OrderedDict

    from torch import nn

    return nn.Sequential(
        OrderedDict(
            flatten=nn.Flatten(),
            fc1=nn.Linear(784, 300),
            relu1=nn.ReLU(),
            fc2=nn.Linear(300, 100),
            relu2=nn.ReLU(),
            fc3=nn.Linear(100, 10),
        )
    )


def lenet_5_caffe() -> Any:
    """20-50-500-10, 430,500 weights: the LeNet-5 of Caffe, which Han, SNIP and DNS use."""
    from collections import OrderedDict

    from torch import nn

    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 20, 5),
            pool1=nn.MaxPool2d(2),
            conv2=nn.Conv2d(20, 50, 5),
            pool2=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            fc1=nn.Linear(800, 500),
            relu=nn.ReLU(),
            fc2=nn.Linear(500, 10),
        )
    )


def residual_mlp() -> Any:
    """40-500-500-10 with a residual second layer: the network of MNIST-1D's lottery notebook."""
    import torch
    from torch import nn

    class ResidualMlp(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1, self.fc2, self.fc3 = nn.Linear(40, 500), nn.Linear(500, 500), nn.Linear(500, 10)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            first = self.fc1(x.flatten(1)).relu()
            second: torch.Tensor = self.fc3(first + self.fc2(first).relu())
            return second

    return ResidualMlp()


#: Name -> how it is built, and one sample's shape.
NETWORKS: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "LeNet-300-100": (lenet_300_100, (1, 28, 28)),
    "LeNet-5-Caffe": (lenet_5_caffe, (1, 28, 28)),
    "residual MLP": (residual_mlp, (1, 40)),
}


def written(name: str, seed: int, folder: Path) -> Path:
    """The network's file, with the initial weights that PyTorch draws for that seed."""
    path = folder / f"{name.replace(' ', '-')}-{seed}.pt2"
    if not path.exists():
        import torch

        from sample_models.train import save_exported

        build, sample = NETWORKS[name]
        torch.manual_seed(seed)
        save_exported(build().eval(), sample, path)
    return path
