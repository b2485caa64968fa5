"""``python measured_samples.py FRAMEWORK OUT.npz``: the samples measured in one framework, in a process of its own.

Writes per sample the multiply-adds by layer, a Measurement dense and half pruned, and which of all samples of the data
set are predicted rightly at several sparsities.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from core.backends import backend  # noqa: E402
from core.datasets import fitted, load  # noqa: E402
from core.masks import Mask  # noqa: E402
from core.measures import measure  # noqa: E402
from core.measures.macs import by_layer  # noqa: E402
from core.measures.quality import judged  # noqa: E402
from sample_models import SAMPLES  # noqa: E402

SPARSITIES = (0.0, 0.5, 0.8, 0.85, 0.9, 0.95)


def magnitude(network, sparsity):
    """Masks that take the smallest share of each kernel away."""
    masks = {}
    for weight in network.graph().weights():
        size = np.abs(network.arrays()[weight.name])
        masks[weight.name] = Mask(np.asarray(size >= np.quantile(size, sparsity)))
    return masks


def main(framework, out):
    told, arrays = {}, {}
    for sample in SAMPLES.values():
        if not sample.path(framework).exists():
            continue
        network = backend(framework).load(sample.path(framework))
        parts = fitted(load(sample.data), network.input_shapes, network.classes, framework)
        half = magnitude(network, 0.5)
        told[sample.name] = {
            "macs": by_layer(network.graph()),
            "layers": sorted(network.graph().classes),
            "dense": measure(network, parts, "test").to_dict(),
            "half": measure(network, parts, "test", half).to_dict(),
        }
        if sample.name == "digits-lenet5" and framework == "pytorch":
            splits = [parts.split(name) for name in ("train", "validation", "test")]
            x, y = np.concatenate([x for x, _ in splits]), np.concatenate([y for _, y in splits])
            whole = replace(parts, x_test=x, y_test=y)
            for sparsity in SPARSITIES:
                outputs = network.predict(whole.x_test, magnitude(network, sparsity))
                arrays[f"right {sparsity}"] = judged(outputs, y, network.output, network.classes)[0] == y
    np.savez(out, told=json.dumps(told), **arrays)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
