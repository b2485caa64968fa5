"""Measures every sample in its plain framework and writes the table: ``python -m sample_models.accuracies``.

With ``--framework NAME`` it measures in this process and prints JSON; without, it starts one process per framework.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from core.datasets import Floats, fitted, load
from sample_models import HERE, SAMPLES, SUFFIXES, TABLE, Sample

#: From a sample's file to (one sample's input shape, samples -> outputs, parameters).
Opened = tuple[tuple[int, ...], Callable[[Floats], Floats], int]


def _pytorch(sample: Sample) -> Opened:
    import torch

    program = torch.export.load(sample.path("pytorch"))
    network = program.module()

    def predict(x: Floats) -> Floats:
        with torch.inference_mode():
            return np.asarray(network(torch.from_numpy(x)))

    shape = next(node.meta["val"].shape[1:] for node in program.graph.nodes if node.name in _user_inputs(program))
    return tuple(int(size) for size in shape), predict, sum(p.numel() for p in program.parameters())


def _user_inputs(program: object) -> tuple[str, ...]:
    return tuple(program.graph_signature.user_inputs)  # type: ignore[attr-defined]


def _keras(sample: Sample) -> Opened:
    import keras

    model = keras.models.load_model(sample.path("keras"), compile=False)
    parameters = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    return model.input_shape[1:], lambda x: model.predict(x, verbose=0), parameters


_OPEN = {"pytorch": _pytorch, "keras": _keras}


def measured(framework: str, outputs: Path | None = None) -> dict[str, dict[str, float]]:
    """Test accuracy and parameters by sample; the framework is imported into this process.

    Args:
        framework: "pytorch" or "keras".
        outputs: Where to write what each network says to its first 100 test samples, as ``.npz``.
    """
    rows, said = {}, {}
    for sample in SAMPLES.values():
        if sample.path(framework).is_file():
            shape, predict, parameters = _OPEN[framework](sample)
            parts = load(sample.data)
            x, y = fitted(parts, (shape,), len(parts.classes), framework).split("test")
            y_said = predict(x)
            said[sample.name] = y_said[:100]
            rows[sample.name] = {"accuracy": float((y_said.argmax(1) == y).mean()), "parameters": parameters}
    if outputs:
        np.savez(outputs, **said)
    return rows


def measured_apart(framework: str, *options: str) -> dict[str, dict[str, float]]:
    """What :func:`measured` gives, measured in a process of its own."""
    command = [sys.executable, "-m", "sample_models.accuracies", "--framework", framework, *options]
    done = subprocess.run(command, cwd=HERE.parent, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Measure in one framework and print, or in both and write the table."""
    parser = argparse.ArgumentParser(prog="python -m sample_models.accuracies", description=__doc__)
    parser.add_argument("--framework", choices=sorted(SUFFIXES))
    parser.add_argument("--outputs", type=Path, help="write the first 100 outputs of every sample to this .npz")
    asked = parser.parse_args()
    if asked.framework:
        print(json.dumps(measured(asked.framework, asked.outputs)))
        return
    rows = {name: measured_apart(name) for name in SUFFIXES}
    table = {
        sample: {
            "parameters": row["parameters"],
            "accuracy": {name: round(rows[name][sample]["accuracy"], 4) for name in SUFFIXES if sample in rows[name]},
        }
        for sample, row in rows["pytorch"].items()
    }
    TABLE.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
