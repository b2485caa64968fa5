"""Options that are settings of a plan: their types and defaults are the plan's own."""

import argparse
from collections.abc import Sequence
from dataclasses import MISSING, fields
from typing import Any, NamedTuple, get_args, get_type_hints

from core.errors import BadSetting
from core.plan import (
    CALIBRATIONS,
    OPTIMISERS,
    RATE_SCHEDULES,
    TARGETS,
    Budget,
    Compression,
    Limits,
    Override,
    Plan,
    Preparation,
    Recovery,
    ScheduleChoice,
    Sharing,
)


class Option(NamedTuple):
    """``flag`` sets ``field`` of the plan's ``part`` ("" is the plan itself)."""

    flag: str
    part: str
    field: str
    help: str
    choices: tuple[str, ...] | None = None

    @property
    def place(self) -> str:
        """Where the namespace keeps it."""
        return f"{self.part}.{self.field}"

    @property
    def default(self) -> Any:
        """What the plan has where nobody types it."""
        return _kind(self)[1]


PARTS: dict[str, type] = {
    "": Plan,
    "limits": Limits,
    "sharing": Sharing,
    "schedule": ScheduleChoice,
    "preparation": Preparation,
    "recovery": Recovery,
}

#: Heading -> options. What is left away stands as the plan has it.
OPTIONS: dict[str, tuple[Option, ...]] = {
    "what goes": (
        Option("--criterion", "", "criterion", "what a weight is worth"),
        Option("--structure", "", "structure", "what is removed together"),
        Option("--allocation", "", "allocation", "how much from which weight"),
        Option("--most", "limits", "most", "largest share any layer loses"),
        Option("--least", "limits", "least", "units every layer keeps"),
        Option("--multiple", "limits", "multiple", "keep channels in multiples of this"),
        Option("--no-guard", "limits", "guard", "let layers lose everything"),
        Option("--deviations", "sharing", "deviations", "threshold as a multiple of each layer's deviation"),
        Option("--drawn", "sharing", "drawn", "of what is below the threshold, the share that goes"),
        Option("--power", "sharing", "power", "exponent of ERK's ratio"),
        Option("--calibration", "", "calibration", "how samples for scores are drawn", CALIBRATIONS),
        Option("--calibration-batches", "", "calibration_batches", "batches of them"),
        Option("--calibration-size", "", "calibration_size", "samples in a batch"),
    ),
    "when": (
        Option("--schedule", "schedule", "name", "how much at which step"),
        Option("--steps", "schedule", "steps", "pruning steps; a schedule that has some takes five"),
        Option("--epochs-between", "schedule", "epochs_between", "epochs between two steps"),
        Option("--initial", "schedule", "initial", "sparsity that gradual schedules begin with"),
        Option("--interval", "schedule", "interval", "batches between two changes of a dynamic schedule"),
        Option("--drop", "schedule", "drop", "share of the kept weights that RigL exchanges"),
        Option("--until", "schedule", "until", "share of training in which masks change"),
    ),
    "before": (
        Option("--prepare", "preparation", "epochs", "epochs of training before the first step"),
        Option("--fresh", "preparation", "fresh", "start from newly drawn weights"),
        Option("--penalty", "preparation", "penalty", "what makes that training sparse"),
        Option("--strength", "preparation", "strength", "of the penalty"),
    ),
    "after": (
        Option("--recovery", "recovery", "method", "what heals"),
        Option("--epochs", "recovery", "epochs", "epochs after the last step"),
        Option("--optimiser", "recovery", "optimiser", "", OPTIMISERS),
        Option("--learning-rate", "recovery", "learning_rate", ""),
        Option("--rate-schedule", "recovery", "rate_schedule", "", RATE_SCHEDULES),
        Option("--batch-size", "recovery", "batch_size", ""),
        Option("--patience", "recovery", "patience", "stop after so many epochs without a better one; 0 never"),
        Option("--keep-last", "recovery", "keep_best", "end with the last epoch's weights, not with the best"),
        Option("--target", "recovery", "target", "what the best epoch is told by", TARGETS),
        Option("--rewind-epoch", "recovery", "rewind_epoch", "epoch of the preparation to go back to"),
        Option("--temperature", "recovery", "temperature", "of distillation"),
        Option("--teacher-weight", "recovery", "teacher_weight", "of distillation"),
        Option("--class-weights", "recovery", "class_weights", "rare classes count as much as common ones"),
        Option("--recalibrate", "recovery", "recalibrate", "measure BatchNorm anew after every step"),
    ),
}


def add(command: argparse.ArgumentParser) -> None:
    """All of them."""
    for heading, options in OPTIONS.items():
        group = command.add_argument_group(heading)
        for option in options:
            _add(group, option)


def _add(group: "argparse._ArgumentGroup", option: Option) -> None:
    kind, default = _kind(option)
    told = f"{option.help} ({'off' if kind is bool else default})".strip()
    # What is not typed is not in the namespace: the plan has its default, and who types in vain can be told.
    given: dict[str, Any] = {"dest": option.place, "default": argparse.SUPPRESS}
    if kind is bool:
        action = "store_false" if default else "store_true"
        group.add_argument(option.flag, action=action, help=option.help, **given)
    elif option.choices is not None:
        group.add_argument(option.flag, choices=option.choices, help=told, **given)
    else:
        group.add_argument(option.flag, type=kind, metavar=_shown(kind), help=told, **given)


def _kind(option: Option) -> tuple[Any, Any]:
    part = PARTS[option.part]
    hint = get_type_hints(part)[option.field]
    default = next(f.default for f in fields(part) if f.name == option.field)
    known = [kind for kind in get_args(hint) or (hint,) if kind in (int, float, str, bool)]
    return known[0], None if default is MISSING else default


def _shown(kind: type) -> str:
    return {int: "N", float: "X"}.get(kind, "NAME")


def plan_of(asked: argparse.Namespace, **given: Any) -> Plan:
    """The plan that options ask for; ``given`` are settings of the plan that come from elsewhere."""
    parts: dict[str, dict[str, Any]] = {part: {} for part in PARTS}
    for options in OPTIONS.values():
        for option in options:
            if hasattr(asked, option.place):
                parts[option.part][option.field] = getattr(asked, option.place)
    made = {part: PARTS[part](**values) for part, values in parts.items() if part}
    return Plan(**given, **parts[""], **made)


def typed(asked: argparse.Namespace) -> list[Option]:
    """The options that a person gave, a preset's not among them."""
    preset = getattr(asked, "by_preset", ())
    every = (option for options in OPTIONS.values() for option in options)
    return [option for option in every if hasattr(asked, option.place) and option.place not in preset]


def overrides(told: Sequence[str]) -> dict[str, Override]:
    """Of each NAME=COUNT or NAME=keep.

    Raises:
        BadSetting: One is neither, or a name comes twice.
    """
    found = dict(map(_override, told))
    if len(found) < len(told):
        raise BadSetting(f"An override names each weight once; got {', '.join(told)}.")
    return found


def _override(told: str) -> tuple[str, Override]:
    name, equals, amount = told.partition("=")
    if name and amount == "keep":
        return name, Override(excluded=True)
    if not (name and equals and amount.isdecimal()):
        raise BadSetting(f'An override is NAME=COUNT or NAME=keep, such as fc1.kernel=1000; got "{told}".')
    return name, Override(count=int(amount))


def compression(told: str) -> Compression:
    """METHOD or METHOD:NAME=VALUE,…; the rank of a single Weight is ``ranks.WEIGHT=VALUE``.

    Raises:
        UnknownName: There is no such method.
        BadSetting: It is not that, the method has no such setting, or a value lies outside its range.
    """
    from core.compression import COMPRESSIONS  # only those who need it wait for the registries

    method, _, rest = told.partition(":")
    obeyed = COMPRESSIONS[method].settings
    given: dict[str, Any] = {}
    ranks: dict[str, int] = {}
    for pair in filter(None, rest.split(",")):
        name, _, value = pair.partition("=")
        try:
            if name.startswith("ranks."):
                ranks[name.removeprefix("ranks.")] = int(value)
            else:
                given[name] = _COMPRESSION[name](value)
        except (KeyError, ValueError) as err:
            raise BadSetting(
                f"A compression is METHOD:NAME=VALUE,… such as sharing:bits=5,epochs=2, with names out of "
                f'{", ".join(_COMPRESSION)}; got "{told}".'
            ) from err
    for name in [*given, *(["ranks"] if ranks else [])]:
        if name not in obeyed:
            raise BadSetting(f'Compression "{method}" has no {name}; it is told: {", ".join(obeyed) or "nothing"}.')
    return Compression(method, ranks=ranks, **given)


#: What a compression can be told -> how it is read.
_COMPRESSION: dict[str, type] = {
    name: next(kind for kind in get_args(hint) or (hint,) if kind in (int, float, str))
    for name, hint in get_type_hints(Compression).items()
    if name not in ("method", "ranks")
}


def budget(told: str) -> Budget:
    """MEASURE=LIMIT.

    Raises:
        BadSetting: It is not.
    """
    measure, _, limit = told.partition("=")
    try:
        return Budget(measure, float(limit))
    except ValueError as err:
        if isinstance(err, BadSetting):
            raise
        raise BadSetting(f'A budget is MEASURE=LIMIT, such as parameters=10000; got "{told}".') from err
