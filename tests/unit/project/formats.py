"""Every sample in every format, opened again in a clean process; kept in docs/formats.json for the README.

    python tests/unit/project/formats.py [pytorch|keras] [SAMPLE …]

measures the part of one framework anew (without a name both, each in a process of its own), or some samples of it.
The smaller half of all prunable weights is zeroed first, so that the zeros can be counted in the file.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT / "docs" / "formats.json"
FRAMEWORKS = ("pytorch", "keras")
#: What is kept of each cell.
KEPT = (
    "difference",
    "largest",
    "accuracy",
    "accuracy_before",
    "bytes",
    "seconds",
    "open_seconds",
    "zeros",
    "zeros_found",
)


def halved(model: Any) -> Any:
    """The network with the smaller half of all prunable weights zero."""
    import numpy as np

    from core.masks import Mask

    kernels = {weight.name: model.arrays()[weight.name] for weight in model.graph().weights()}
    sizes = np.abs(np.concatenate([kernel.ravel() for kernel in kernels.values()]))
    kept = np.ones(sizes.size, np.bool_)
    kept[np.argsort(sizes, kind="stable")[: sizes.size // 2]] = False
    parts = np.split(kept, np.cumsum([kernel.size for kernel in kernels.values()])[:-1])
    return model.masked(
        {name: Mask(part.reshape(kernels[name].shape)) for name, part in zip(kernels, parts, strict=True)}
    )


def cell(model: Any, probe: Any, name: str, folder: Path) -> dict[str, Any]:
    """What comes of one format: figures, or ``refused`` with the reason."""
    from core.exporting import export
    from core.exports import Refused

    found = export(model, name, folder, "model", probe)
    if isinstance(found, Refused):
        return {"refused": found.refused}
    return {key: getattr(found, key) for key in KEPT} | {"same": found.same}


def cells(framework: str, samples: Iterable[str], formats: Iterable[str]) -> dict[str, dict[str, Any]]:
    """By sample and format."""
    from core.exporting import Probe
    from core.opening import open_model, with_data
    from sample_models import SAMPLES

    found: dict[str, dict[str, Any]] = {}
    for sample in samples:
        opened = with_data(open_model(f"sample:{sample}@{framework}", ROOT), SAMPLES[sample].data)
        model, probe = halved(opened.model), Probe.of(opened.model, opened.parts)
        for name in formats:
            print(framework, sample, name, file=sys.stderr, flush=True)
            with tempfile.TemporaryDirectory() as folder:
                found.setdefault(sample, {})[name] = cell(model, probe, name, Path(folder))
    return found


def stored() -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
    """By framework, sample and format."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}


def write(framework: str, samples: list[str]) -> None:
    """Measure, and put what was found in its place."""
    from core.formats import FORMATS
    from sample_models import SAMPLES

    for sample in samples or SAMPLES:
        measured = cells(framework, [sample], FORMATS)
        table = stored()
        table.setdefault(framework, {}).update(measured)
        FILE.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    if len(sys.argv) > 1:
        write(sys.argv[1], sys.argv[2:])
    else:
        for each in FRAMEWORKS:
            subprocess.run([sys.executable, __file__, each], check=True)
