"""The README's tables, made from the registries: `python tests/unit/project/readme_tables.py` writes them anew."""

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
README = ROOT / "README.md"


def _table(head: str, rows: Iterable[Iterable[str]]) -> str:
    titles = head.split(", ")
    lines = [titles, ["---"] * len(titles), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def tables() -> dict[str, str]:
    """Markdown by marker."""
    from core.catalogue import methods
    from core.datasets import DATASETS
    from sample_models import SAMPLES

    def notes(registry: Iterable) -> str:
        return _table("name, what", ((f"`{one.name}`", one.note) for one in registry))

    def of_kind(kind: str, head: str, *cells: str) -> str:
        rows = ((f"`{one.name}`", *(getattr(one, cell) for cell in cells)) for one in methods() if one.kind == kind)
        return _table(head, rows)

    ranked = "name, score (the lowest go), needs, ranks, frameworks, source"
    samples = (
        (f"`{s.name}`", s.note, f"{s.parameters:,}", *(f"{s.accuracy[f]:.4f}" for f in ("pytorch", "keras")))
        for s in SAMPLES.values()
    )
    return {
        "criteria": of_kind("criterion", ranked, "what", "needs", "structures", "frameworks", "paper"),
        "structures": of_kind("structure", "name, what, frameworks", "what", "frameworks"),
        "allocations": of_kind("allocation", "name, what, source", "what", "paper"),
        "budgets": of_kind("budget", "name, what", "what"),
        "schedules": of_kind("schedule", "name, formula, prunes, source", "what", "structures", "paper"),
        "penalties": of_kind("penalty", "name, what, source", "what", "paper"),
        "recoveries": of_kind("recovery", "name, what, source", "what", "paper"),
        "compressions": of_kind("compression", "name, what, source", "what", "paper"),
        "samples": _table("sample, what it shows, parameters, test accuracy in PyTorch, in Keras", samples),
        "datasets": notes(DATASETS.values()),
        **_coverage(),
        **_formats(),
    }


def _coverage() -> dict[str, str]:
    """From ``docs/coverage.json``, which ``coverage.py`` beside this file writes."""
    from sample_models.architectures import ARCHITECTURES

    stored = json.loads((ROOT / "docs" / "coverage.json").read_text(encoding="utf-8"))
    frameworks = {"pytorch": "PyTorch", "keras": "Keras"}
    rows = (
        (one.title, *(_covered(stored.get(framework, {}).get(one.name, {})) for framework in frameworks))
        for one in ARCHITECTURES.values()
    )
    return {
        "coverage": _table(f"network, {', '.join(f'in {title}' for title in frameworks.values())}", rows),
        "kept": _table("never removed, what is said of it", stored["kept"].items()),
    }


def _formats() -> dict[str, str]:
    """From ``docs/formats.json``, which ``formats.py`` beside this file writes."""
    from core.formats import FORMATS
    from sample_models import SAMPLES

    stored = json.loads((ROOT / "docs" / "formats.json").read_text(encoding="utf-8"))
    titles = {"pytorch": "PyTorch", "keras": "Keras"}

    def who(one: Any) -> str:
        return "; ".join(f"{title}: {one.unsuited(name).removesuffix('.') or 'yes'}" for name, title in titles.items())

    rows = (
        (f"`{sample}`", title, *(_exported(stored.get(name, {}).get(sample, {}).get(f, {}), f) for f in FORMATS))
        for sample in SAMPLES
        for name, title in titles.items()
    )
    return {
        "formats": _table("format, what, of", ((f"`{one.name}`", one.about, who(one)) for one in FORMATS.values())),
        "exported": _table(f"sample, of, {', '.join(f'`{name}`' for name in FORMATS)}", rows),
    }


def _exported(found: dict[str, Any], form: str) -> str:
    """One export in a few words: the largest difference, of a quantised one also points of accuracy."""
    from core.formats import FORMATS

    if not found or "refused" in found:
        return "–"
    if not FORMATS[form].quantised:
        return f"{found['difference']:.0e}" if found["difference"] else "0"
    return f"{100 * (found['accuracy'] - found['accuracy_before']):+.1f} points"


def _covered(layers: dict[str, dict[str, str]]) -> str:
    """One network's layers in a few words, those that are not removed with their reasons."""
    whole = Counter(entry["units"] for entry in layers.values() if entry["what"] == "removed")
    parts = [f"{units} of {count} {'layers' if count > 1 else 'layer'}" for units, count in whole.items()]
    follow = sum(entry["what"] == "follows" and not entry["reason"] for entry in layers.values())
    words = {
        "removed": "an estimate until cut",
        "follows": "columns only",
        "zeroed": "zeroed",
        "untouched": "untouched",
    }
    others: dict[tuple[str, str], list[str]] = {}
    for name, entry in layers.items():
        if entry["reason"]:
            others.setdefault((words[entry["what"]], entry["reason"]), []).append(f"`{name}`")
    parts += [f"{follow} follow"] if follow else []
    parts += [f"{', '.join(names)} {what} ({reason})" for (what, reason), names in others.items()]
    return "; ".join(parts)


def filled(text: str) -> str:
    """The README with its tables as the registries have them."""
    for marker, table in tables().items():
        pattern = rf"(<!-- {marker} -->\n).*?(<!-- end -->)"
        text = re.sub(pattern, lambda m, table=table: f"{m[1]}{table}\n{m[2]}", text, count=1, flags=re.DOTALL)
    return text


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")
