"""``export MODEL``: write a model in other formats, open each again in a clean process, and compare."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core import paths
from core.backends import FRAMEWORKS, backend
from core.cli.output import Answer, say, table
from core.errors import BadModel, BadSetting, JobFailed
from core.exporting import Probe, export
from core.exports import Made, Refused
from core.formats import FORMATS
from core.opening import Opened, open_model, with_data
from core.plan import DataChoice
from core.recipes import read_recipe
from core.references import SAMPLE

_HEAD = ("format", "file", "bytes", "seconds", "largest difference", "accuracy", "zeros kept", "same")


def command(asked: argparse.Namespace) -> Answer:
    """Write every format asked for; what cannot be had carries its reason."""
    names, folder = _formats(asked.to), asked.out
    if folder.exists() and not folder.is_dir():
        raise BadSetting(f'"{folder}" is a file; -o names the folder for the files.')
    opened, stem = _opened(asked)
    probe = Probe.of(opened.model, opened.parts)
    found: list[Made | Refused] = []
    failed = False
    for number, name in enumerate(names, 1):
        say(f"{number} of {len(names)}: {FORMATS[name].title}")
        try:
            found.append(export(opened.model, name, folder, stem, probe))
        except JobFailed as err:  # the other formats are wanted all the same
            failed = True
            found.append(Refused(name, str(err)))
    refused = [one.refused for one in found if isinstance(one, Refused)]
    if len(refused) == len(found):
        raise (JobFailed if failed else BadModel)(" ".join(dict.fromkeys(refused)))
    values = [_values(one, folder) for one in found]
    return Answer({"framework": opened.model.framework, "formats": values}, _text(found, folder))


def _formats(told: str) -> list[str]:
    """The formats named, each once.

    Raises:
        UnknownName: One of them is not known.
    """
    if told == "all":
        return list(FORMATS)
    return [FORMATS[name].name for name in dict.fromkeys(part.strip() for part in told.split(","))]


def _opened(asked: argparse.Namespace) -> tuple[Opened, str]:
    """The network with data where there is any, and what its files are called."""
    ref, choice = asked.model, None if asked.data is None else DataChoice(asked.data, asked.normalise)
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
    return (opened if choice is None else with_data(opened, choice)), stem


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
