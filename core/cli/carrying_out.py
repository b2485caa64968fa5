"""What ``prune`` and ``run`` have in common: names checked early, the run itself, the tables."""

from pathlib import Path

from core import paths
from core.backends._base import Masks
from core.cli.output import say, table
from core.cli.progress import TerminalReport
from core.datasets import DATASETS
from core.errors import BadSetting, UnknownName
from core.experiment import run
from core.history import History
from core.opening import Opened
from core.plan import Plan
from core.recipes import Source
from core.refusals import refusals
from core.results import Result, printed


def folder(out: Path) -> Path:
    """The folder for results; it is made when there is something to write.

    Raises:
        BadSetting: Something else is there.
    """
    if out.exists() and not out.is_dir():
        raise BadSetting(f'"{out}" is a file; -o names the folder for the results.')
    return out


def check_names(plan: Plan) -> None:
    """Refuse unknown names, and what contradicts itself, before a framework is imported for nothing.

    Raises:
        UnknownName: One of them is not known.
        BadSetting: Something cannot be done, or could have no effect.
    """
    for sentence in refusals(plan):
        raise BadSetting(sentence)
    if plan.data.name not in DATASETS and not Path(plan.data.name).suffix:
        raise UnknownName(DATASETS.kind, plan.data.name, tuple(DATASETS))


def carry_out(plan: Plan, opened: Opened, out: Path, architecture: str | None, stored: Masks | None = None) -> Result:
    """Run a plan with progress on standard error."""
    assert opened.parts is not None  # the caller asked for data
    source = Source.of(opened.file.path, architecture)
    with TerminalReport(History(paths.history_file(out))) as report:
        result = run(plan, report, model=opened.model, parts=opened.parts, folder=out, source=source, stored=stored)
    for note in result.notes:
        say(note)
    return result


def text(result: Result) -> str:
    """The result as tables."""
    before, after = printed(result.before), printed(result.after)
    rows = [(name.replace("_", " "), before.get(name), after[name]) for name in after if after[name] is not None]
    stages = _stages(result)
    layers = [(layer.name, layer.parameters, layer.nonzero, layer.sparsity) for layer in result.layers]
    return "\n".join(
        [
            table(("test split", "before", "after"), rows),
            "",
            *stages,
            table(("layer", "parameters", "nonzero", "sparsity"), layers),
            "",
            f"model:  {result.model_file}",
            *([f"compressed: {result.artefacts['compressed']}"] if stages else []),
            f"recipe: {result.recipe_file}",
        ]
    )


def _stages(result: Result) -> list[str]:
    """What each step of compression came to, where there are any."""
    if not result.stages:
        return []
    dense = result.stages[0].bytes
    rows = [
        (stage.title, stage.bytes, f"{dense / stage.bytes:.1f}x", stage.accuracy, stage.seconds)
        for stage in result.stages
    ]
    told = [f"{stage.title}: {sentence}" for stage in result.stages for sentence in stage.told]
    return [table(("stage", "bytes", "smaller", "on test", "seconds"), rows), *told, ""]
