"""Recipe: a plan in YAML with what it was made for and what came of it, so that it can be done again and checked.

::

    topiary: 1
    plan:   {model: …, data: …, criterion: …, …}
    model:  {sha256: …, kernels: …, framework: …, architecture: …}    # kernels: equal in both frameworks
    data:   {fingerprint: …}
    counts: {conv1.kernel: 98, …}                                     # units removed of each pool, exactly
    masks:  {file: masks.safetensors, digest: …}
    environment: {…}
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from core import artefacts, paths
from core.backends import backend
from core.backends._base import LoadedModel, Masks
from core.errors import BadSetting
from core.masks import digest
from core.plan import Override, Plan

if TYPE_CHECKING:
    from core.datasets import Parts
    from core.pruning import Decision

VERSION = 1
_HEAD = "# A Topiary recipe. Do it again with: python -m core run recipe.yaml -o OUT_DIR\n"


@dataclass(frozen=True)
class Source:
    """The file a network came from, and the architecture that was named for bare weights."""

    sha256: str
    architecture: str | None = None

    @classmethod
    def of(cls, path: Path, architecture: str | None = None) -> "Source":
        """The source with that file's hash."""
        with path.open("rb") as file:
            return cls(hashlib.file_digest(file, "sha256").hexdigest(), architecture)


@dataclass(frozen=True)
class Recipe:
    """A plan, what it was made for, and what came of it.

    ``kernels`` is :func:`kernels_of` the dense network, ``data`` the fingerprint of the data, ``counts`` the units
    removed by pool, ``digest`` that of the masks; ``masks`` are there when their file lies beside the recipe.
    """

    plan: Plan
    kernels: str
    framework: str
    data: str
    counts: Mapping[str, int]
    digest: str
    source: Source | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    masks: Masks | None = None

    def stored_for(self, model: LoadedModel) -> Masks | None:
        """The stored masks, if they are there and were made for these weights (in whichever framework)."""
        return self.masks if self.masks is not None and kernels_of(model) == self.kernels else None

    def counted(self) -> Plan:
        """The plan with every pool's count fixed as it came out: what is chosen anew has the same shape.

        A budget has done its work then; other weights, or another moment, may cost a little more than it allowed.
        """
        counts = {name: Override(count=count) for name, count in self.counts.items()}
        return replace(self.plan, overrides={**counts, **_excluded(self.plan)}, budget=None)

    def differing(self, masks: Masks) -> int | None:
        """How many entries differ from the recipe's masks; None when that cannot be told without them."""
        if digest(masks) == self.digest:
            return 0
        return None if self.masks is None else differing(self.masks, masks)


def _excluded(plan: Plan) -> dict[str, Override]:
    return {name: given for name, given in plan.overrides.items() if given.excluded}


def differing(one: Masks, other: Masks) -> int:
    """Entries that one keeps and the other does not; an array without a mask is whole."""
    count = 0
    for name in {*one, *other}:
        if name in one and name in other and one[name].kept.shape == other[name].kept.shape:
            count += int(np.count_nonzero(one[name].kept ^ other[name].kept))
        else:
            count += sum(masks[name].removed for masks in (one, other) if name in masks)
    return count


def kernels_of(model: LoadedModel) -> str:
    """SHA-256 over the prunable kernels by name: equal for twins in both frameworks."""
    sha, arrays = hashlib.sha256(), model.arrays()
    for weight in sorted(model.graph().weights(), key=lambda weight: weight.name):
        sha.update(f"{weight.name} {weight.shape}\n".encode())
        sha.update(np.ascontiguousarray(arrays[weight.name], dtype=np.float32).data)
    return sha.hexdigest()


def recipe_of(
    plan: Plan, model: LoadedModel, parts: "Parts", decision: "Decision", source: Source | None = None
) -> Recipe:
    """The recipe of a run on the dense ``model``."""
    return Recipe(
        plan=plan,
        kernels=kernels_of(model),
        framework=model.framework,
        data=parts.fingerprint,
        counts=dict(decision.removed),
        digest=digest(decision.masks),
        source=source,
        environment={name: str(value) for name, value in backend(model.framework).environment().items()},
        masks=decision.masks,
    )


def write_recipe(folder: Path, recipe: Recipe) -> Path:
    """Write ``recipe.yaml``; its masks are written by whoever has them."""
    model: dict[str, Any] = {"kernels": recipe.kernels, "framework": recipe.framework}
    if recipe.source is not None:
        model |= {"sha256": recipe.source.sha256, "architecture": recipe.source.architecture}
    values = {
        "topiary": VERSION,
        "plan": recipe.plan.to_dict(),
        "model": model,
        "data": {"fingerprint": recipe.data},
        "counts": dict(recipe.counts),
        "masks": {"file": paths.masks_file(folder).name, "digest": recipe.digest},
        "environment": dict(recipe.environment),
    }
    text = _HEAD + yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    return artefacts.write_text(paths.recipe_file(folder), text)


def read_recipe(path: Path) -> Recipe:
    """The recipe of a file, with its masks if they lie beside it.

    A bare plan in YAML (:meth:`Plan.to_yaml`) is a recipe too, with nothing to check it against.

    Raises:
        BadSetting: The file is not there, is no recipe, or its masks are not those it was written with.
        RefusedFile: The masks' file is damaged.
    """
    values = _mapping(path)
    if "topiary" not in values:
        return Recipe(Plan.from_dict(values), "", "", "", {}, "")
    if values["topiary"] != VERSION:
        raise BadSetting(f'"{path.name}" is a recipe of version {values["topiary"]}; this reads version {VERSION}.')
    try:
        recipe = _recipe(values)
    except (KeyError, TypeError, AttributeError, ValueError) as err:
        if isinstance(err, BadSetting):
            raise
        raise BadSetting(f'"{path.name}" is an incomplete recipe: {err}.') from err
    return replace(recipe, masks=_masks(paths.masks_file(path.parent), recipe))


def _mapping(path: Path) -> Mapping[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as err:
        raise BadSetting(f'The recipe "{path}" cannot be read: {getattr(err, "strerror", None) or err}.') from err
    except yaml.YAMLError as err:
        first = str(err).splitlines()[0]
        raise BadSetting(f'"{path.name}" is not YAML: {first}.') from err
    if not isinstance(values, Mapping):
        raise BadSetting(f'"{path.name}" is not a recipe: a mapping of settings is expected.')
    return values


def _recipe(values: Mapping[str, Any]) -> Recipe:
    model = values["model"]
    return Recipe(
        plan=Plan.from_dict(values["plan"]),
        kernels=str(model["kernels"]),
        framework=str(model["framework"]),
        data=str(values["data"]["fingerprint"]),
        counts={str(name): int(count) for name, count in values["counts"].items()},
        digest=str(values["masks"]["digest"]),
        source=_source(model) if "sha256" in model else None,
        environment=values.get("environment") or {},
    )


def _source(model: Mapping[str, Any]) -> Source:
    architecture = model.get("architecture")
    return Source(str(model["sha256"]), None if architecture is None else str(architecture))


def _masks(path: Path, recipe: Recipe) -> Masks | None:
    """The name of the file is ours, not the recipe's: a recipe reaches nothing outside its folder."""
    if not path.exists():
        return None
    masks = artefacts.read_masks(path)
    if digest(masks) != recipe.digest:
        raise BadSetting(f'"{path.name}" beside the recipe holds other masks than the recipe names; remove one.')
    return masks
