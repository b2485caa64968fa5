"""``run RECIPE.yaml``: do a recipe again, on its own model or another one, and say whether the masks are the same."""

import argparse
from dataclasses import replace

from core import paths
from core.budgets import BUDGETS
from core.cli.carrying_out import carry_out, check_names, folder, text
from core.cli.output import Answer, say
from core.criteria import CRITERIA
from core.errors import BadSetting
from core.opening import open_model, with_data
from core.plan import Plan
from core.recipes import Recipe, kernels_of, read_recipe


def command(asked: argparse.Namespace) -> Answer:
    """Do a recipe again."""
    out, recipe = folder(asked.out), read_recipe(asked.recipe)
    plan = replace(
        recipe.plan,
        model=asked.model or recipe.plan.model,
        data=replace(recipe.plan.data, name=asked.data or recipe.plan.data.name),
    )
    check_names(plan)
    architecture = asked.architecture or (None if asked.model else _architecture(recipe))
    opened = with_data(open_model(plan.model, paths.home(), architecture=architecture, output=plan.output), plan.data)
    stored = recipe.stored_for(opened.model)
    same = kernels_of(opened.model) == recipe.kernels
    assert opened.parts is not None  # with_data gave them
    _compare(recipe, same, opened.parts.fingerprint)
    chosen = plan if stored is not None else _again(recipe, plan, same)
    result = carry_out(chosen, opened, out, architecture, stored)
    if not recipe.digest:
        return Answer(result.to_dict(), text(result))
    masks = {"stored": stored is not None, "entries_differing": recipe.differing(result.masks)}
    sentence = _sentence(masks["entries_differing"])
    say(sentence)
    return Answer({**result.to_dict(), "masks": masks}, f"{text(result)}\nmasks:  {sentence}")


def _architecture(recipe: Recipe) -> str | None:
    """A sample's name is used as it stands; code is named by the person who runs it, never by a file."""
    named = recipe.source.architecture if recipe.source is not None else None
    if named is not None and ":" in named:
        raise BadSetting(f"The recipe's model needs code to be opened. If you trust it, add: --architecture {named}")
    return named


def _compare(recipe: Recipe, same: bool, data: str) -> None:
    if recipe.kernels and not same:
        say("the weights are not those the recipe was made for; masks are chosen anew, with the recipe's counts.")
    if recipe.data and data != recipe.data:
        say("the data is not that the recipe was made with.")


def _again(recipe: Recipe, plan: Plan, same: bool) -> Plan:
    """The plan that chooses masks anew: exactly as before where nothing is measured for it, else with its counts."""
    measured = plan.budget is not None and not BUDGETS[plan.budget.measure].exact
    if not recipe.counts or (same and CRITERIA[plan.criterion].data_free and not measured):
        return plan
    counted = recipe.counted()
    return replace(plan, overrides=counted.overrides, budget=counted.budget)


def _sentence(differing: int | None) -> str:
    if differing is None:
        return "the masks differ from the recipe's; by how much cannot be told without its masks.safetensors."
    if differing == 0:
        return "the masks are those of the recipe, bit for bit."
    return f"the masks differ from the recipe's in {differing:,} entries."
