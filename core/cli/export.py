"""``export MODEL``: write a model in other formats, open each again in a clean process, and compare."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import Any

from core import paths
from core.backends import FRAMEWORKS, backend
from core.backends._base import LoadedModel
from core.charts.making import compared_on
from core.charts.words import size
from core.cli.output import Answer, table
from core.cli.stepping import Steps
from core.errors import BadModel, BadSetting, JobFailed
from core.export_queue.work import Phase
from core.exporting import Probe, export
from core.exports import Made, Refused
from core.formats import FORMATS
from core.opening import Opened, open_model, with_data
from core.plan import DataChoice, Plan
from core.recipes import read_recipe
from core.references import SAMPLE

#: What is told of every format.
_PHASES = (Phase.WRITING, Phase.OPENING, Phase.COMPARING)
_HEAD = ("format", "file", "bytes", "seconds", "largest difference", "accuracy", "zeros kept", "same")


def command(asked: argparse.Namespace) -> Answer:
    """Write every format asked for; what cannot be had carries its reason."""
    names, folder = _formats(asked.to), asked.out
    if folder.exists() and not folder.is_dir():
        raise BadSetting(f'"{folder}" is a file; -o names the folder for the files.')
    opened, stem, plan = _opened(asked)
    probe = Probe.of(opened.model, opened.parts, plan)
    with Steps(len(names) * len(_PHASES)) as steps:
        tried = [_tried(opened.model, names, number, folder, stem, probe, steps) for number in range(len(names))]
    found = [one for one, _ in tried]
    refused = [one.refused for one in found if isinstance(one, Refused)]
    if len(refused) == len(found):
        failed = any(failed for _, failed in tried)
        raise (JobFailed if failed else BadModel)(" ".join(dict.fromkeys(refused)))
    values = [_values(one, folder) for one in found]
    return Answer({"framework": opened.model.framework, "formats": values}, _text(found, folder))


def _tried(
    model: LoadedModel, names: Sequence[str], number: int, folder: Path, stem: str, probe: Probe, steps: Steps
) -> tuple[Made | Refused, bool]:
    """One of the formats, and whether it failed: the others are wanted all the same."""
    name, before, began = names[number], number * len(_PHASES), monotonic()
    title, failed = FORMATS[name].title, False

    def tell(phase: Phase) -> None:
        steps.now(before + _PHASES.index(phase), f"{number + 1} of {len(names)}: {title}, {phase}")

    found: Made | Refused
    try:
        found = export(model, name, folder, stem, probe, tell)
    except JobFailed as err:
        found, failed = Refused(name, str(err)), True
    steps.said(before + len(_PHASES), f"{title}: {_short(found)}", monotonic() - began)
    return found, failed


def _short(one: Made | Refused) -> str:
    """What came of it in a few words; the reason follows in the end."""
    if isinstance(one, Refused):
        return "not to be had"
    return f"{size(one.bytes)}, {'the same' if one.same else 'NOT the same'} {compared_on(one)}"


def _formats(told: str) -> list[str]:
    """The formats named, each once.

    Raises:
        UnknownName: One of them is not known.
    """
    if told == "all":
        return list(FORMATS)
    return [FORMATS[name].name for name in dict.fromkeys(part.strip() for part in told.split(","))]


def _opened(asked: argparse.Namespace) -> tuple[Opened, str, Plan | None]:
    """The network with data where there is any, what its files are called, and the plan that made it if one did."""
    plan, ref, choice = None, asked.model, None if asked.data is None else DataChoice(asked.data, asked.normalise)
    output, stem = asked.output_kind, Path(asked.model).stem
    if Path(ref).is_dir():
        plan = read_recipe(paths.recipe_file(Path(ref))).plan
        choice, output = choice or plan.data, output or plan.output
        ref, stem = str(_model_in(Path(ref))), Path(ref).resolve().name
    elif ref.startswith(SAMPLE):
        from sample_models import SAMPLES

        stem = ref.removeprefix(SAMPLE).partition("@")[0]
        choice = choice or SAMPLES[stem].data
    opened = open_model(ref, paths.home(), architecture=asked.architecture, output=output)
    return (opened if choice is None else with_data(opened, choice)), stem, plan


def _model_in(folder: Path) -> Path:
    """The pruned model among a run's results."""
    stem = paths.model_stem(folder)
    files = [stem.with_suffix(backend(name).saves) for name in FRAMEWORKS]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        raise BadSetting(f'"{folder}" holds no model; give a model file, or a folder that prune or run wrote.')
    return found


def _values(one: Made | Refused, folder: Path) -> dict[str, Any]:
    if isinstance(one, Refused):
        return asdict(one)
    return {**asdict(one), "path": str(folder / one.file_name), "same": one.same}


def _text(found: list[Made | Refused], folder: Path) -> str:
    made = [one for one in found if isinstance(one, Made)]
    rows = [
        (
            *(one.format, str(folder / one.file_name), one.bytes, f"{one.seconds:.1f}", f"{one.difference:.1e}"),
            *(one.accuracy, None if one.zeros_found is None else one.zeros_found >= one.zeros, one.same),
        )
        for one in made
    ]
    refused = [f"{one.format}: {one.refused}" for one in found if isinstance(one, Refused)]
    return "\n".join([table(_HEAD, rows), *([""] if refused else []), *refused])
