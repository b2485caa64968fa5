"""What can be typed. Commands are imported when they are used, so that ``--help`` is quick."""

import argparse
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from core.cli import options
from core.cli.output import Answer
from core.errors import UnknownName
from core.plan import OUTPUTS, SCALINGS

LISTS = (
    *("criteria", "structures", "allocations", "budgets", "schedules", "penalties", "recoveries"),
    *("compressions", "presets"),
    *("formats", "runtimes", "datasets", "samples"),
)
_MODEL = "a model file, or sample:NAME, sample:NAME@pytorch, sample:NAME@keras"
_DATA = "a data set's name (python -m core list datasets), or an .npz or .csv file"
_ARCHITECTURE = (
    "the network of bare weights: a sample's name, one of TOPIARY_ARCHITECTURES, FILE.py:CALLABLE or "
    "package.module:callable"
)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        print(f"topiary: {message}. See: {self.prog} --help", file=sys.stderr)
        sys.exit(2)


class _Preset(argparse.Action):
    """Settings under one name: they stand as if typed here, so that what is typed after them counts."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        from core.cli import presets  # only those who need it wait for the registries

        try:
            settings = presets.settings(values)
        except UnknownName as err:
            parser.error(str(err).removesuffix("."))
        namespace.preset, namespace.by_preset = values, frozenset(settings)
        for place, value in settings.items():
            if place != "sparsity" or namespace.sparsity is None:
                setattr(namespace, place, value)


def parser() -> argparse.ArgumentParser:
    """The parser of all commands. The namespace it gives holds ``command``, ``json``, and whether a command that was
    stopped ``goes_on`` where it was."""
    top = _Parser(prog="python -m core", description="Look at, prune and fine-tune PyTorch and Keras networks.")
    commands = top.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)
    _inspect(_command(commands, "inspect", "layers, parameters and multiply-adds of a model"))
    _prune(_command(commands, "prune", "prune a model and fine-tune what is left"))
    _run(_command(commands, "run", "do a recipe again"))
    _report(_command(commands, "report", "one HTML page of a run, or of several side by side"))
    _latency(_command(commands, "latency", "how quick a model is in the runtimes of this machine, beside another"))
    _export(_command(commands, "export", "write a model for other runtimes, each file opened again and compared"))
    listing = _command(commands, "list", "what there is to choose from")
    listing.add_argument("what", choices=LISTS, metavar="|".join(LISTS))
    return top


def _command(commands: "argparse._SubParsersAction[_Parser]", name: str, purpose: str) -> _Parser:
    command = commands.add_parser(name, help=purpose, description=f"{purpose.capitalize()}.", allow_abbrev=False)
    command.add_argument("--json", action="store_true", help="print one JSON object, nothing else, on standard output")
    command.set_defaults(command=_later(name), goes_on=name in ("prune", "run"))
    return command


def _later(name: str) -> Callable[[argparse.Namespace], Answer]:
    def command(asked: argparse.Namespace) -> Answer:
        answer: Answer = import_module(f"core.cli.{name}").command(asked)
        return answer

    return command


def _inspect(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", metavar="MODEL", help=_MODEL)
    command.add_argument("--data", metavar="DATA", help=f"measure test accuracy on it: {_DATA}")
    _opening(command)


def _prune(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", metavar="MODEL", help=_MODEL)
    command.add_argument("--data", metavar="DATA", required=True, help=_DATA)
    command.add_argument("--sparsity", type=float, help="share to remove, at least 0 and below 1")
    command.add_argument("--budget", metavar="MEASURE=LIMIT", help="instead: most the network may cost")
    command.add_argument(
        "--override",
        action="append",
        default=[],
        metavar="NAME=COUNT|keep",
        help="remove exactly so many of this weight (or channel group), or none; may be repeated",
    )
    command.add_argument(
        "--preset",
        metavar="NAME",
        action=_Preset,
        help="settings that belong together, as if typed here (python -m core list presets)",
    )
    command.add_argument(
        "--compress",
        metavar="STEP[:NAME=VALUE,…]",
        action="append",
        help="make what is left smaller, such as sharing:bits=5,epochs=2 (python -m core list compressions); "
        "may be repeated, each a step",
    )
    options.add(command)
    command.add_argument("--seed", type=int, default=0, help="of everything random (0)")
    _opening(command)
    _out(command)


def _run(command: argparse.ArgumentParser) -> None:
    command.add_argument("recipe", metavar="RECIPE.yaml", type=Path)
    command.add_argument("--model", metavar="MODEL", help=f"instead of the recipe's: {_MODEL}")
    command.add_argument("--data", metavar="DATA", help=f"instead of the recipe's: {_DATA}")
    command.add_argument("--architecture", metavar="A", help=_ARCHITECTURE)
    _out(command)


def _report(command: argparse.ArgumentParser) -> None:
    told = "folder that prune or run wrote; several are compared"
    command.add_argument("folders", metavar="OUT_DIR", type=Path, nargs="+", help=told)
    command.add_argument("-o", "--out", metavar="FILE.html", type=Path, required=True, help="the page to write")


def _latency(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", metavar="MODEL", help=_MODEL)
    command.add_argument("pruned", metavar="PRUNED", nargs="?", help="timed with it in turn, pair by pair")
    command.add_argument("--runtimes", metavar="NAMES", help="with commas between (default: all but compiled)")
    command.add_argument("--batch", metavar="SIZES", default="1", help="batch sizes with commas between (1)")
    command.add_argument("--threads", metavar="N", type=int, help="that may compute (default: one a core)")
    command.add_argument("--pairs", metavar="N", type=int, default=20, help="dense and pruned in turn so often (20)")
    command.add_argument("--data", metavar="DATA", help=f"its test samples are predicted (default: noise): {_DATA}")
    command.add_argument("--normalise", choices=SCALINGS, default="raw", help="scale the data's values (default: raw)")
    command.add_argument("--architecture", metavar="A", help=_ARCHITECTURE)


def _export(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", metavar="MODEL|OUT_DIR", help=f"{_MODEL}, or a folder that prune or run wrote")
    command.add_argument(
        "--to", metavar="FORMAT,…", required=True, help="formats (python -m core list formats), or all that can be had"
    )
    command.add_argument("--data", metavar="DATA", help=f"compare on its test samples (else random ones): {_DATA}")
    _opening(command)
    command.add_argument("-o", "--out", metavar="DIR", type=Path, required=True, help="folder for the files")


def _opening(command: argparse.ArgumentParser) -> None:
    command.add_argument("--normalise", choices=SCALINGS, default="raw", help="scale the data's values (default: raw)")
    command.add_argument("--architecture", metavar="A", help=_ARCHITECTURE)
    command.add_argument("--output-kind", choices=OUTPUTS, help="what the outputs are (default: as recognised)")


def _out(command: argparse.ArgumentParser) -> None:
    command.add_argument("-o", "--out", metavar="OUT_DIR", type=Path, required=True, help="folder for all results")
