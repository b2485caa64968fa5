"""``prune MODEL``: from the options to a plan, and to its result."""

import argparse

from core import paths
from core.cli.carrying_out import carry_out, check_names, folder, text
from core.cli.output import Answer
from core.errors import BadSetting
from core.opening import open_model, with_data
from core.plan import DataChoice, Override, Plan, Recovery, ScheduleChoice


def command(asked: argparse.Namespace) -> Answer:
    """Prune a model, fine-tune it, and write what came of it."""
    out, plan = folder(asked.out), _plan(asked)
    check_names(plan)
    opened = open_model(plan.model, paths.home(), architecture=asked.architecture, output=plan.output)
    result = carry_out(plan, with_data(opened, plan.data), out, asked.architecture)
    return Answer(result.to_dict(), text(result))


def _plan(asked: argparse.Namespace) -> Plan:
    return Plan(
        model=asked.model,
        data=DataChoice(asked.data, asked.normalise),
        criterion=asked.criterion,
        structure=asked.structure,
        allocation=asked.allocation,
        sparsity=asked.sparsity,
        overrides=dict(_override(told) for told in asked.override),
        schedule=ScheduleChoice(asked.schedule, asked.steps, asked.epochs_between),
        recovery=Recovery(
            epochs=asked.epochs,
            optimiser=asked.optimiser,
            learning_rate=asked.learning_rate,
            rate_schedule=asked.rate_schedule,
            batch_size=asked.batch_size,
            patience=asked.patience,
        ),
        seed=asked.seed,
        output=asked.output_kind,
    )


def _override(told: str) -> tuple[str, Override]:
    name, equals, amount = told.partition("=")
    if name and amount == "keep":
        return name, Override(excluded=True)
    if not (name and equals and amount.isdecimal()):
        raise BadSetting(f'An override is NAME=COUNT or NAME=keep, such as fc1.kernel=1000; got "{told}".')
    return name, Override(count=int(amount))
