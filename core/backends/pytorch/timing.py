"""Predictions made ready to be timed, and the time each layer takes."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import fx

from core.backends._base import Floats, Poll
from core.backends.pytorch.compiling import probe
from core.backends.pytorch.network import Network
from core.backends.pytorch.running import Given, clone, first
from core.backends.pytorch.tracing import FAILURES
from core.backends.pytorch.written_attention import projected
from core.errors import BadModel, first_line
from core.inputs import Inputs


def repeated(network: Network, x: Inputs, threads: int, compiled: bool) -> Callable[[], None]:
    """See :meth:`core.backends._base.LoadedModel.repeated`."""
    network.check(x)
    batch = network.given(x)
    module: Callable[..., Any] = _compiled(network, batch, threads) if compiled else _plain(network)

    def call() -> None:
        with _ready(threads), torch.inference_mode():
            first(module(*batch)).cpu()

    return call


@contextmanager
def _ready(threads: int) -> Iterator[None]:
    """As many threads, and denormals flushed while it lasts: whoever computes in this process afterwards sees them."""
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def _plain(network: Network) -> Callable[..., Any]:
    return clone(network.module) if network.device.type == "cpu" else network.module.to(network.device)


def _compiled(network: Network, batch: Given, threads: int) -> Callable[..., Any]:
    """Compiled for the shapes of this batch.

    Raises:
        BadModel: The compiler does not take the network.
    """
    probe()
    torch.compiler.reset()
    module = torch.compile(clone(network.module), dynamic=False)
    try:
        with _ready(threads), torch.inference_mode():
            first(module(*batch))
    except (*FAILURES, AssertionError) as err:
        raise BadModel(f"torch.compile cannot compile the network: {first_line(err)}") from err
    return module


class _Timed(fx.Interpreter):
    """Writes down how long each node takes, by its name."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.took: dict[str, list[float]] = {}

    def run_node(self, n: fx.Node) -> Any:
        """One node's value."""
        start = perf_counter()
        value = super().run_node(n)
        if n.op.startswith("call"):
            self.took.setdefault(n.name, []).append((perf_counter() - start) * 1000)
        return value


def layer_times(network: Network, x: Inputs, threads: int, rounds: int, poll: Poll) -> Mapping[str, Floats]:
    """See :meth:`core.backends._base.LoadedModel.layer_times`. The graph is walked node by node; on another device
    than the CPU these are the times of asking for the work, not of doing it."""
    network.check(x)
    batch = network.given(x)
    walk = _Timed(clone(network.module) if network.device.type == "cpu" else network.module)
    with _ready(threads), torch.inference_mode():
        walk.run(*batch)
        walk.took.clear()
        for done in range(rounds):
            walk.run(*batch)
            poll(done + 1, rounds)
    names = [node.name for node in network.graph().nodes]
    found: dict[str, Floats] = {}
    written = {name: attention.call for attention in projected(network.module) for name in attention.inside}
    for name, times in walk.took.items():
        neutral, took = written.get(name) or _neutral(name, names), np.asarray(times, np.float32)
        found[neutral] = found[neutral] + took if neutral in found else took
    return found


def _neutral(name: str, names: list[str]) -> str:
    """The first node of the neutral graph that a node of the framework became; its own name where there is none."""
    if name in names:
        return name
    return next((own for own in names if own.startswith((f"{name}_", f"{name}:"))), name)
