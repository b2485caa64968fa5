"""A program made into a network: lifted, tried, its batch freed, its facts found."""

from dataclasses import replace

import torch
from torch import fx, nn

from core.backends.pytorch.arrays import places, tensors
from core.backends.pytorch.attention import borders_attention
from core.backends.pytorch.batching import free_batch
from core.backends.pytorch.feeding import Inlet
from core.backends.pytorch.graph import opaque_labels
from core.backends.pytorch.lifting import lift
from core.backends.pytorch.network import Facts, Network
from core.backends.pytorch.operators import dtype
from core.backends.pytorch.outputs import recognised
from core.backends.pytorch.plain import plain
from core.backends.pytorch.program import Program, TensorSpec
from core.backends.pytorch.reading import Exported
from core.backends.pytorch.recognising import recognise
from core.backends.pytorch.running import Given
from core.backends.pytorch.samples import Sizes
from core.backends.pytorch.tracing import Trace, close, shapes
from core.errors import BadModel, BadWeights, NothingPrunable
from core.graph import KERNEL_ROLES

#: Two batch sizes that differ, to tell the batch axis from the others.
_BATCHES = (2, 3)
#: Sizes to try along an axis that takes any, where the file does not say.
_ANY_SIZE = 16


def opened(exported: Exported) -> Network:
    """The network, ready to be looked at, masked, trained and cut.

    Raises:
        BadModel: It takes no tensor, fails on its own input, or has nothing prunable.
        BadWeights: Weights are NaN, infinite or not there.
    """
    program, told = exported.program, exported.notes
    inlets, batch = _inlets(program)
    module = plain(exported)
    del exported
    _unfreeze(module)
    first, second = (_trial(inlets, batch or size, seed) for seed, size in enumerate(_BATCHES))
    trace = Trace(module, first, borders_attention)
    notes = [*told, *_more_outputs(program), *lift(module, trace)]
    if not all(map(close, Trace(module, first).results, trace.results)):
        raise BadModel("The network does not compute the same when its layers are put together again.")
    notes += _halves(module)
    inlets = _with_tokens(inlets, module)
    only = None
    if batch is not None:
        batches = [first, *(_trial(inlets, batch, seed) for seed in (5, 6))]
        if not free_batch(module, batches):
            only = batch
            notes.append(f"It was exported for batches of exactly {batch}: it can be viewed and masked only.")
        else:
            first, second = (_trial(inlets, size, size) for size in _BATCHES)
    sizes, output = _sizes(module, first, second, only)
    notes += recognise(module, sizes, first)
    _check_weights(module)
    units = _units(output, notes)
    facts = Facts(
        inlets,
        sizes,
        units,
        recognised(module.graph, units),
        tuple(notes),
        only is None and units > 0,
        only,
    )
    network = Network(module, facts)
    return _with_opaque_notes(network)


def _unfreeze(module: fx.GraphModule) -> None:
    """A network exported with everything frozen, as for inference, can be trained all the same."""
    parameters = [parameter for parameter in module.parameters() if parameter.is_floating_point()]
    if not any(parameter.requires_grad for parameter in parameters):
        for parameter in parameters:
            parameter.requires_grad_()


def _inlets(program: Program) -> tuple[tuple[Inlet, ...], int | None]:
    """The network's inputs, and the batch size where it is fixed."""
    if not program.inputs:
        raise BadModel("The network takes no input.")
    if any(not spec.sizes for _, spec in program.inputs):
        raise BadModel("The network takes a single number; it must take a batch of samples.")
    if any(size is not None and size < 1 for _, spec in program.inputs for size in spec.sizes):
        raise BadModel("The network takes an empty input.")
    batches = {spec.sizes[0] for _, spec in program.inputs}
    if len(batches) > 1:
        raise BadModel("The network's inputs have different numbers of samples; all must have as many.")
    return tuple(_inlet(name, spec) for name, spec in program.inputs), batches.pop()


def _inlet(name: str, spec: TensorSpec) -> Inlet:
    shape = spec.sizes[1:]
    return Inlet(name, shape, tuple(_ANY_SIZE if size is None else size for size in shape), dtype(spec.dtype))


def _with_tokens(inlets: tuple[Inlet, ...], module: fx.GraphModule) -> tuple[Inlet, ...]:
    """The inputs, told how many tokens the embeddings know that they go straight into."""
    places = [node for node in module.graph.nodes if node.op == "placeholder"]
    return tuple(replace(inlet, tokens=_tokens(place, module)) for inlet, place in zip(inlets, places, strict=True))


def _tokens(place: fx.Node, module: fx.GraphModule) -> int | None:
    readers = [module.get_submodule(str(user.target)) for user in place.users if user.op == "call_module"]
    return min((layer.num_embeddings for layer in readers if isinstance(layer, nn.Embedding)), default=None)


def _trial(inlets: tuple[Inlet, ...], batch: int, seed: int) -> Given:
    """A batch of plausible numbers for each input: noise, or small indices."""
    generator = torch.Generator().manual_seed(seed)
    return tuple(_noise(inlet, batch, generator) for inlet in inlets)


def _noise(inlet: Inlet, batch: int, generator: torch.Generator) -> torch.Tensor:
    shape = (batch, *inlet.trial)
    try:
        if inlet.type.is_floating_point:
            return torch.rand(shape, generator=generator).to(inlet.type)
        return torch.randint(0, 2, shape, generator=generator).to(inlet.type)
    except (RuntimeError, TypeError, OverflowError) as err:
        raise BadModel(f"The network takes inputs of the shape {inlet.trial}, which is too large to try.") from err


def _sizes(module: fx.GraphModule, first: Given, second: Given, only: int | None) -> tuple[Sizes, torch.Tensor]:
    """Every value's shape at two batch sizes, and an output."""
    output = Trace(module, first).result
    at_first = shapes(module.graph.nodes)
    if only is not None:
        return Sizes(at_first, at_first, (only, only)), output
    Trace(module, second)
    return Sizes(at_first, shapes(module.graph.nodes), (len(first[0]), len(second[0]))), output


def _units(output: torch.Tensor, notes: list[str]) -> int:
    """Numbers per sample; 0, with a note, where the output is no row of classes."""
    if output.dim() <= 2:
        return int(output.shape[1]) if output.dim() == 2 else 1
    notes.append(f"Its output for one sample has the shape {tuple(output.shape[1:])}: no classes, so no accuracy.")
    return 0


def _halves(module: fx.GraphModule) -> list[str]:
    """Networks in half precision compute in single precision here."""
    if all(tensor.dtype not in (torch.float16, torch.bfloat16) for tensor in module.state_dict().values()):
        return []
    raise BadModel("The network is in half precision. Export it in single precision: model.float().eval().")


def _more_outputs(program: Program) -> list[str]:
    count = len(program.outputs)
    return [f"It returns {count} tensors; the first is taken as its output."] if count > 1 else []


def _check_weights(module: fx.GraphModule) -> None:
    where, state = places(module), tensors(module)
    for name, place in where.items():
        for tensor in (state[key] for key in place.keys):
            if tensor.numel() == 0:
                layer = name.rpartition(".")[0]
                raise BadWeights(f'The layer "{layer}" is empty: "{name}" has the shape {tuple(tensor.shape)}.')
            bad = 0 if torch.isfinite(tensor.sum()) else int((~torch.isfinite(tensor)).sum())
            if bad:
                raise BadWeights(f'"{name}" holds {bad} NaN or infinite values. Train the network again, or repair it.')
    if not any(name.rpartition(".")[2] in KERNEL_ROLES for name in where):
        raise NothingPrunable("The network has no layer whose weights can be pruned (dense, convolution, recurrent …).")


def _with_opaque_notes(network: Network) -> Network:
    """The network, the operations that were not understood named among its notes."""
    labels = opaque_labels(network.graph())
    if labels:
        names = ", ".join(f'"{label}"' for label in labels[:8])
        network.notes = (*network.notes, f"Not understood, hence computed as it is and never cut through: {names}.")
    return network
