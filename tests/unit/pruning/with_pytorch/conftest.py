"""Small PyTorch networks, one per way in which channels hang together, and their way behind the seam."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from core.backends.pytorch import BACKEND


class Flattened(nn.Module):
    """Convolutions with BatchNorm and pooling, flattened into linear layers."""

    def __init__(self, activation=F.relu, norm=True, bias=True):
        super().__init__()
        self.activation = activation
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1, bias=bias)
        self.bn1 = nn.BatchNorm2d(8) if norm else nn.Identity()
        self.conv2 = nn.Conv2d(8, 12, 3, bias=bias)
        self.fc1 = nn.Linear(12 * 3 * 3, 20, bias=bias)
        self.fc2 = nn.Linear(20, 4)

    def forward(self, x):
        x = F.max_pool2d(self.activation(self.bn1(self.conv1(x))), 2)[..., :5, :5]
        return self.fc2(self.activation(self.fc1(self.activation(self.conv2(x)).flatten(1))))


class Residual(nn.Module):
    """Sums of producers, one of them a shortcut; one BatchNorm without scale and shift."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.conv2, self.bn2 = nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8, affine=False)
        self.conv3, self.bn3 = nn.Conv2d(8, 16, 3, padding=1, stride=2), nn.BatchNorm2d(16)
        self.short = nn.Conv2d(8, 16, 1, stride=2)
        self.fc = nn.Linear(16, 4)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(x + self.bn2(self.conv2(x)))
        x = F.relu(self.bn3(self.conv3(x)) + self.short(x))
        return self.fc(x.mean((2, 3)))


class Concatenated(nn.Module):
    """Two branches side by side, then one layer over both, and BatchNorm over the whole."""

    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Conv2d(1, 6, 3, padding=1), nn.Conv2d(1, 10, 1)
        self.bn = nn.BatchNorm2d(16)
        self.last = nn.Conv2d(16, 8, 3)
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        x = F.silu(self.bn(torch.cat([self.left(x), self.right(x)], 1)))
        return self.fc(F.relu(self.last(x)).amax((2, 3)))


class Depthwise(nn.Module):
    """Depthwise and pointwise convolutions with an inverted residual."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 8, 3, padding=1)
        self.wide, self.bn1 = nn.Conv2d(8, 24, 1, bias=False), nn.BatchNorm2d(24)
        self.depth, self.bn2 = nn.Conv2d(24, 24, 3, padding=1, groups=24), nn.BatchNorm2d(24)
        self.narrow = nn.Conv2d(24, 8, 1)
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        x = F.hardtanh(self.stem(x))
        y = F.relu6(self.bn2(self.depth(F.relu6(self.bn1(self.wide(x))))))
        return self.fc((x + self.narrow(y)).mean((2, 3)))


class Perceptron(nn.Module):
    """Linear layers with BatchNorm."""

    def __init__(self):
        super().__init__()
        self.fc1, self.bn, self.fc2, self.fc3 = (
            nn.Linear(100, 32),
            nn.BatchNorm1d(32),
            nn.Linear(32, 17),
            nn.Linear(17, 4),
        )

    def forward(self, x):
        return self.fc3(torch.tanh(self.fc2(F.gelu(self.bn(self.fc1(x.flatten(1)))))))


NETWORKS = {network.__name__.lower(): network for network in (Flattened, Residual, Concatenated, Depthwise, Perceptron)}
SHAPE = (1, 10, 10)


@pytest.fixture(scope="session", params=NETWORKS)
def network(request):
    """Each of the networks, with normalisation that does something."""
    return seeded(NETWORKS[request.param])


@pytest.fixture
def flattened():
    """The flattened network with these settings."""
    return lambda **settings: seeded(Flattened, **settings)


def seeded(network, **settings):
    torch.manual_seed(0)
    made = network(**settings).eval()
    for module in made.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
                if tensor is not None:
                    tensor.data.uniform_(0.5, 1.5)
    return made


@pytest.fixture(scope="session")
def model(network, opened):
    """The same network behind the seam."""
    return opened(network)


@pytest.fixture(scope="session")
def opened(tmp_path_factory):
    """Through a file, as a person would."""

    def open_it(network: nn.Module):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dynamic = ({0: torch.export.Dim("batch")},)
            program = torch.export.export(network, (torch.zeros((2, *SHAPE)),), dynamic_shapes=dynamic)
            path = tmp_path_factory.mktemp("networks") / "network.pt2"
            torch.export.save(program, path)
        return BACKEND.load(path)

    return open_it
