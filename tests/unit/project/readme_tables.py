"""The README's tables, made from the registries: `python tests/unit/project/readme_tables.py` writes them anew."""

import re
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
README = ROOT / "README.md"


def _table(head: str, rows: Iterable[Iterable[str]]) -> str:
    titles = head.split(", ")
    lines = [titles, ["---"] * len(titles), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def tables() -> dict[str, str]:
    """Markdown by marker."""
    from core.allocations import ALLOCATIONS
    from core.criteria import CRITERIA
    from core.datasets import DATASETS
    from core.schedules import SCHEDULES
    from core.structures import STRUCTURES
    from sample_models import SAMPLES

    def notes(registry: Iterable) -> str:
        return _table("name, what", ((f"`{one.name}`", one.note) for one in registry))

    criteria = ((f"`{c.name}`", c.formula, ", ".join(c.structures), c.reference) for c in CRITERIA.values())
    samples = (
        (f"`{s.name}`", s.note, f"{s.parameters:,}", *(f"{s.accuracy[f]:.4f}" for f in ("pytorch", "keras")))
        for s in SAMPLES.values()
    )
    return {
        "criteria": _table("name, score (the lowest go), ranks, source", criteria),
        "structures": notes(STRUCTURES.values()),
        "allocations": notes(ALLOCATIONS.values()),
        "schedules": _table("name, formula", ((f"`{s.name}`", s.formula) for s in SCHEDULES.values())),
        "samples": _table("sample, what it shows, parameters, test accuracy in PyTorch, in Keras", samples),
        "datasets": notes(DATASETS.values()),
    }


def filled(text: str) -> str:
    """The README with its tables as the registries have them."""
    for marker, table in tables().items():
        pattern = rf"(<!-- {marker} -->\n).*?(<!-- end -->)"
        text = re.sub(pattern, lambda m, table=table: f"{m[1]}{table}\n{m[2]}", text, count=1, flags=re.DOTALL)
    return text


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")
