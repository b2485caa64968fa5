"""Which arrays are worth compressing one by one."""

from core.backends._base import LoadedModel


def compressible(model: LoadedModel) -> tuple[str, ...]:
    """Names of all prunable kernels and of embeddings: nearly all the bytes there are."""
    graph = model.graph()
    embeddings = (name for name in graph.arrays if name.endswith(".embedding"))
    return (*(weight.name for weight in graph.weights()), *embeddings)


def is_convolution(shape: tuple[int, ...]) -> bool:
    """Whether a kernel of that canonical shape slides over its input."""
    return len(shape) > 2
