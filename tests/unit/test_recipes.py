"""Recipes as files. What they do to networks is tested with the command line and the experiment."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from core import artefacts, paths
from core.errors import BadSetting, RefusedFile
from core.masks import Mask, digest
from core.plan import Budget, DataChoice, Override, Plan
from core.recipes import Recipe, Source, differing, read_recipe, write_recipe


def mask(*kept: int) -> Mask:
    return Mask(np.array(kept, dtype=bool))


@pytest.fixture
def recipe() -> Recipe:
    masks = {"fc1.kernel": mask(1, 0, 0, 1), "fc2.kernel": mask(0, 1)}
    overrides = {"fc1.kernel": Override(count=2, threshold=0.125, locked=True), "fc3.kernel": Override(excluded=True)}
    return Recipe(
        plan=Plan("sample:iris-mlp@keras", DataChoice("iris", "standard"), sparsity=0.3, overrides=overrides, seed=7),
        kernels="ab" * 32,
        framework="keras",
        data="cd" * 32,
        counts={"fc1.kernel": 2, "fc2.kernel": 1, "fc3.kernel": 0},
        digest=digest(masks),
        source=Source("ef" * 32, "digits-lenet5"),
        environment={"keras": "3.15.1"},
        masks=masks,
    )


def written(folder: Path, recipe: Recipe) -> Path:
    assert recipe.masks is not None
    artefacts.write_masks(paths.masks_file(folder), recipe.masks)
    return write_recipe(folder, recipe)


def test_a_recipe_comes_back_as_it_was_written(tmp_path: Path, recipe: Recipe) -> None:
    back = read_recipe(written(tmp_path, recipe))
    assert replace(back, masks=None) == replace(recipe, masks=None)
    assert back.masks is not None and digest(back.masks) == recipe.digest


def test_without_its_masks_it_still_reads(tmp_path: Path, recipe: Recipe) -> None:
    back = read_recipe(write_recipe(tmp_path, recipe))
    assert back.masks is None
    assert recipe.masks is not None and back.differing(recipe.masks) == 0
    assert back.differing({"fc1.kernel": mask(1, 1, 1, 0)}) is None, "how many cannot be known"


def test_entries_that_differ_are_counted_and_a_missing_mask_is_whole() -> None:
    one = {"a": mask(1, 0, 0), "b": mask(0, 0)}
    assert differing(one, one) == 0
    assert differing(one, {"a": mask(1, 1, 0)}) == 1 + 2
    assert differing(one, {}) == differing({}, one) == 4


def test_the_counts_of_a_recipe_fix_every_pool(recipe: Recipe) -> None:
    overrides = recipe.counted().overrides
    assert overrides["fc1.kernel"].count == 2 and overrides["fc2.kernel"].count == 1
    assert overrides["fc3.kernel"].excluded


def test_counts_that_kept_a_budget_are_not_held_against_it_again(recipe: Recipe) -> None:
    limited = replace(recipe, plan=replace(recipe.plan, budget=Budget("milliseconds", 0.1)))
    assert limited.counted().budget is None, "other weights zip, and other moments last, a little longer"


def test_masks_that_are_not_the_recipes_are_refused(tmp_path: Path, recipe: Recipe) -> None:
    file = written(tmp_path, recipe)
    artefacts.write_masks(paths.masks_file(tmp_path), {"fc1.kernel": mask(0, 0, 0, 1)})
    with pytest.raises(BadSetting, match="other masks than the recipe names"):
        read_recipe(file)
    paths.masks_file(tmp_path).write_bytes(b"damaged")
    with pytest.raises(RefusedFile, match="no masks that could be read"):
        read_recipe(file)


def test_a_recipe_reaches_no_file_outside_its_folder(tmp_path: Path, recipe: Recipe) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    assert recipe.masks is not None
    artefacts.write_masks(tmp_path / "outside.safetensors", recipe.masks)
    file = write_recipe(inside, recipe)
    values = yaml.safe_load(file.read_text())
    values["masks"]["file"] = "../outside.safetensors"
    file.write_text(yaml.safe_dump(values))
    assert read_recipe(file).masks is None


def test_a_bare_plan_is_a_recipe_with_nothing_to_check(tmp_path: Path, recipe: Recipe) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(recipe.plan.to_yaml())
    back = read_recipe(file)
    assert back.plan == recipe.plan and back.digest == "" and back.counts == {}


@pytest.mark.parametrize(
    "setting",
    [
        "overrides: [1]",
        "overrides: {fc1.kernel: {count: 2.5}}",
        "overrides: {fc1.kernel: {excluded: 1}}",
        "seed: 1.5",
        "seed: true",
        "criterion: [magnitude]",
        "output: 5",
        "schedule: {name: iterative, steps: 2.5}",
        "recovery: {epochs: 1, batch_size: 8.5}",
        "recovery: {learning_rate: 1e-3}",
        "sparsity: null",
    ],
)
def test_settings_of_the_wrong_kind_are_refused_before_anything_is_run(tmp_path, setting):
    path = tmp_path / "plan.yaml"
    path.write_text(f"model: sample:iris-mlp\ndata: {{name: iris}}\n{setting}\n")

    with pytest.raises(BadSetting):
        read_recipe(path)


def test_an_architecture_that_is_no_text_is_read_as_a_name(tmp_path, recipe):
    path = written(tmp_path, recipe)
    values = yaml.safe_load(path.read_text())
    values["model"]["architecture"] = 5
    path.write_text(yaml.safe_dump(values))

    source = read_recipe(path).source

    assert source is not None
    assert source.architecture == "5"
