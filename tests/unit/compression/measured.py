"""``python measured.py FRAMEWORK FOLDER``: what one framework makes of a plan that compresses. PyTorch comes first: its
weights lie in ``FOLDER/weights.npz`` for Keras to take."""

import json
import sys
from pathlib import Path

import numpy as np

from core.backends._base import Batch, Extras
from core.compression import COMPRESSIONS, Compressed, Context, content, read
from core.experiment import run
from core.masks import Mask
from core.measures import measure
from core.opening import open_model, with_data
from core.plan import Compression, DataChoice, Plan, Recovery
from core.reports import Silent

ALONE = {
    "float16": Compression("float16"),
    "int8": Compression("int8"),
    "sharing": Compression("sharing", bits=4),
    "tuned": Compression("sharing", bits=3, conv_bits=3, epochs=1),
}
STEPS = (Compression("sharing", bits=4, conv_bits=5), Compression("float16"), Compression("coding"))


def opened(sample, framework, folder):
    """The sample with the weights that PyTorch has."""
    data = DataChoice(sample.partition("-")[0])
    found = with_data(open_model(f"sample:{sample}@{framework}", folder), data)
    file = folder / f"{sample}.npz"
    if framework == "pytorch":
        np.savez(file, **found.model.arrays())
    with np.load(file) as weights:
        return found.model.with_arrays(dict(weights)), found.parts


def alone(framework, folder):
    """Single methods on a network that lost the smallest 70 % of every kernel."""
    model, parts = opened("digits-lenet5", framework, folder)
    small = {weight.name: np.abs(model.arrays()[weight.name]) for weight in model.graph().weights()}
    pruned = model.masked({name: Mask(array > np.quantile(array, 0.7)) for name, array in small.items()})
    plan = Plan("m", DataChoice("digits"), recovery=Recovery(keep_best=False))
    said = {}
    for name, choice in ALONE.items():
        context = Context(plan, parts, measure=lambda model: measure(model, parts, "validation", zipped=False))
        found = COMPRESSIONS[choice.method].apply(Compressed(pruned), choice, context)
        arrays = found.model.arrays()
        said[name] = {
            "zeros": all(not arrays[n][array == 0].any() for n, array in pruned.arrays().items() if n in small),
            "values": max((len(np.unique(arrays[n])) for n in found.layers), default=0),
            "moved": not all(np.array_equal(arrays[n], array) for n, array in pruned.arrays().items() if "bias" in n),
        }
        np.savez(folder / f"{framework}-{name}.npz", **arrays, bytes=len(content(found)))
    return said


def steps(framework, folder):
    """A plan without training, carried out whole: exactly the same in both."""
    model, parts = opened("digits-lenet5", framework, folder)
    plan = Plan(f"sample:digits-lenet5@{framework}", DataChoice("digits"), sparsity=0.7, compression=STEPS)
    result = run(plan, Silent(), model=model, parts=parts, folder=folder / framework)
    compact, saved = read(result.artefacts["compressed"]), open_model(str(result.model_file), folder).model.arrays()
    np.savez(folder / f"{framework}-steps.npz", **compact)
    return {
        "stages": [(stage.name, stage.bytes, stage.accuracy) for stage in result.stages],
        "zeros": all(not compact[n][~mask.kept].any() for n, mask in result.masks.items()),
        "saved": all(np.array_equal(saved[n], array) for n, array in compact.items()),
    }


def shared_step(sample, framework, folder):
    """One step of plain descent on one batch: each shared value moves by the sum of its members' gradients."""
    model, parts = opened(sample, framework, folder)
    context = Context(Plan("m", DataChoice("digits")), parts)
    start = COMPRESSIONS["sharing"].apply(Compressed(model), Compression("sharing", bits=3), context)
    codes = {name: np.full(kept.there.shape, -1) for name, kept in start.kept.items()}
    for name, kept in start.kept.items():
        codes[name][kept.there] = kept.values
    x, y = (part[:50] for part in parts.split("train"))
    (gradients,) = start.model.gradients([Batch(x, y)])
    recovery = Recovery(epochs=1, optimiser="sgd", batch_size=50)
    trainer = start.model.trainer(recovery, {}, 0, Extras(shared=codes))
    trainer.epoch(x, y, 0, 0.01)
    worst, equal = 0.0, True
    for name, code in codes.items():
        sums = np.bincount(code[code >= 0], gradients[name][code >= 0].astype(np.float64))
        moved = start.model.arrays()[name] - trainer.model().arrays()[name]
        worst = max(worst, float(np.abs(moved[code >= 0] / 0.01 - sums[code[code >= 0]]).max() / np.abs(sums).max()))
        equal = equal and all(np.ptp(trainer.model().arrays()[name][code == k]) < 1e-6 for k in range(code.max() + 1))
    return {"names": sorted(codes), "worst": worst, "equal": bool(equal), "bytes": len(content(start))}


def figure(framework):
    """Figure 3 of Deep Compression: the sums of gradients that share a value."""
    gradient = np.array(
        [-0.03, -0.01, 0.03, 0.02, -0.01, 0.01, -0.02, 0.12, -0.01, 0.02, 0.04, 0.01, -0.07, -0.02, 0.01, -0.02],
        np.float32,
    ).reshape(4, 4)
    codes = np.array([[3, 0, 2, 1], [1, 1, 0, 3], [0, 3, 1, 0], [3, 1, 2, 2]])
    if framework == "keras":
        from core.backends.keras.sharing import _sum

        return _sum(codes)(gradient).numpy().tolist(), codes.tolist()
    import torch

    from core.backends.pytorch.arrays import Place
    from core.backends.pytorch.sharing import Shared

    parameter = torch.nn.Parameter(torch.zeros(4, 4))
    parameter.grad = torch.from_numpy(gradient.copy())
    Shared(Place(("w",)), parameter, codes).add()
    return parameter.grad.tolist(), codes.tolist()


if __name__ == "__main__":
    which, where = sys.argv[1], Path(sys.argv[2])
    samples = ("digits-lenet5", "mnist1d-transformer") if which == "pytorch" else ("digits-lenet5",)
    found = {"alone": alone(which, where), "steps": steps(which, where), "figure": figure(which)}
    print(json.dumps({**found, "moved": {sample: shared_step(sample, which, where) for sample in samples}}))
