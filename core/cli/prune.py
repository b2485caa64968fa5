"""``prune MODEL``: from the options to a plan, and to its result."""

import argparse

from core import paths
from core.cli import options
from core.cli.carrying_out import carry_out, check_names, folder, text
from core.cli.needless import needless, unread_sparsity
from core.cli.output import Answer, say
from core.controls import prunes
from core.edits import with_schedule
from core.errors import BadSetting
from core.opening import open_model, with_data
from core.plan import Compression, DataChoice, Plan


def command(asked: argparse.Namespace) -> Answer:
    """Prune a model, fine-tune it, and write what came of it."""
    out, plan = folder(asked.out), _plan(asked)
    check_names(plan)
    for told in filter(None, (unread_sparsity(plan), *needless(asked, plan))):
        say(f"note: {told}")
    opened = open_model(plan.model, paths.home(), architecture=asked.architecture, output=plan.output)
    result = carry_out(plan, with_data(opened, plan.data), out, asked.architecture)
    return Answer(result.to_dict(), text(result))


def _compression(asked: argparse.Namespace) -> tuple[Compression, ...]:
    """Steps that were typed; else those of the preset."""
    if asked.compress:
        return tuple(options.compression(told) for told in asked.compress)
    return tuple(getattr(asked, "compression", ()))


def _plan(asked: argparse.Namespace) -> Plan:
    plan = options.plan_of(
        asked,
        model=asked.model,
        data=DataChoice(asked.data, asked.normalise),
        sparsity=asked.sparsity or 0.0,
        budget=None if asked.budget is None else options.budget(asked.budget),
        overrides=options.overrides(asked.override),
        seed=asked.seed,
        output=asked.output_kind,
        compression=_compression(asked),
    )
    if not hasattr(asked, "schedule.steps"):
        plan = with_schedule(plan, plan.schedule.name)
    if asked.sparsity is None and not (plan.budget or plan.overrides or asked.preset or prunes(plan)):
        raise BadSetting("Say how much goes: with --sparsity, or instead with --budget, --override or --preset.")
    return plan
