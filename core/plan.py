"""Plan: everything that decides a run, frozen and validated; the same object in page, job and recipe."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_type_hints

import yaml

from core.errors import BadSetting

SCALINGS = ("raw", "unit", "standard")
OPTIMISERS = ("adam", "sgd", "adamw")
RATE_SCHEDULES = ("constant", "cosine", "step")
OUTPUTS = ("logits", "probabilities", "log_probabilities", "sigmoid", "sigmoid_logit")


def _must(condition: bool, sentence: str) -> None:
    if not condition:
        raise BadSetting(sentence)


def _one_of(value: str, choices: tuple[str, ...], what: str) -> None:
    _must(value in choices, f'{what} "{value}" is not known. Choose one of: {", ".join(choices)}.')


@dataclass(frozen=True)
class DataChoice:
    """Which data, and how its values are scaled.

    ``raw``, ``unit`` (/255 or by range) or ``standard`` (mean 0, deviation 1).
    """

    name: str
    scaling: str = "raw"

    def __post_init__(self) -> None:
        _one_of(self.scaling, SCALINGS, "Scaling")


@dataclass(frozen=True)
class Override:
    """What a person fixed for one pool (a Weight, or a channel group).

    ``count`` units go, exactly; ``threshold`` is what was dragged to get there, kept for display.
    ``excluded`` leaves the pool whole. ``locked`` keeps the count when the global amount moves.
    Without ``locked`` the count holds all the same: an override is only undone by removing it.
    """

    count: int | None = None
    threshold: float | None = None
    excluded: bool = False
    locked: bool = False

    def __post_init__(self) -> None:
        _must(self.count is None or self.count >= 0, f"A count is at least 0; got {self.count}.")


@dataclass(frozen=True)
class ScheduleChoice:
    """When pruning happens: in ``steps``, with ``epochs_between`` of fine-tuning after each but the last."""

    name: str = "one-shot"
    steps: int = 1
    epochs_between: int = 1

    def __post_init__(self) -> None:
        _must(1 <= self.steps <= 200, f"Steps must be 1 to 200; got {self.steps}.")
        _must(0 <= self.epochs_between <= 1000, f"Epochs between steps must be 0 to 1000; got {self.epochs_between}.")


@dataclass(frozen=True)
class Recovery:
    """Fine-tuning after the last pruning step. ``patience`` 0 switches early stopping off."""

    epochs: int = 0
    optimiser: str = "adam"
    learning_rate: float = 1e-3
    rate_schedule: str = "constant"
    batch_size: int = 64
    patience: int = 0
    keep_best: bool = True

    def __post_init__(self) -> None:
        _must(0 <= self.epochs <= 10_000, f"Epochs must be 0 to 10000; got {self.epochs}.")
        _one_of(self.optimiser, OPTIMISERS, "Optimiser")
        _one_of(self.rate_schedule, RATE_SCHEDULES, "Learning rate schedule")
        rate = self.learning_rate
        _must(0 < rate <= 10, f"The learning rate must be above 0 and at most 10; got {rate}.")
        _must(1 <= self.batch_size <= 65_536, f"The batch size must be 1 to 65536; got {self.batch_size}.")
        _must(self.patience >= 0, f"Patience is at least 0; got {self.patience}.")


@dataclass(frozen=True)
class Plan:
    """All settings of one run.

    Args:
        model: ``sample:NAME@FRAMEWORK`` or ``sha256:HEX`` of a stored file, or a path (command line).
        data: Data set and scaling.
        criterion, structure, allocation: Names from the registries.
        sparsity: Share of removable units to remove, in [0, 1).
        overrides: By pool name: what a person fixed.
        output: What the network's output is; None means as recognised.
        calibration_batches, calibration_size: Fixed seeded batches of the training split that signals come from.

    Raises:
        BadSetting: A value lies outside its range. (Names are checked by the registries when used.)
    """

    model: str
    data: DataChoice
    criterion: str = "magnitude"
    structure: str = "unstructured"
    allocation: str = "global"
    sparsity: float = 0.0
    overrides: Mapping[str, Override] = field(default_factory=dict)
    schedule: ScheduleChoice = ScheduleChoice()
    recovery: Recovery = Recovery()
    calibration_batches: int = 8
    calibration_size: int = 64
    seed: int = 0
    output: str | None = None

    def __post_init__(self) -> None:
        _must(0 <= self.sparsity < 1, f"Sparsity must be at least 0 and below 1; got {self.sparsity}.")
        _must(self.calibration_batches >= 1, "At least one calibration batch is needed.")
        _must(self.calibration_size >= 1, "A calibration batch holds at least one sample.")
        _must(self.seed >= 0, f"The seed is at least 0; got {self.seed}.")
        if self.output is not None:
            _one_of(self.output, OUTPUTS, "Output")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON and YAML."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Plan":
        """The plan that :meth:`to_dict` wrote.

        Raises:
            BadSetting: A key is unknown or missing, or a value lies outside its range.
        """
        known = dict(values)
        for name, kind in (("data", DataChoice), ("schedule", ScheduleChoice), ("recovery", Recovery)):
            if name in known:
                known[name] = _built(kind, known[name], name)
        overrides = known.get("overrides") or {}
        _must(isinstance(overrides, Mapping), '"overrides" must be a mapping of pools to settings.')
        known["overrides"] = {pool: _built(Override, given, f"overrides.{pool}") for pool, given in overrides.items()}
        return _built(cls, known, "plan")

    def to_yaml(self) -> str:
        """The plan as a person edits it."""
        return str(yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True))

    @classmethod
    def from_yaml(cls, text: str) -> "Plan":
        """The plan that :meth:`to_yaml` wrote.

        Raises:
            BadSetting: The text is not a YAML mapping, or as :meth:`from_dict`.
        """
        try:
            values = yaml.safe_load(text)
        except yaml.YAMLError as err:
            raise BadSetting(f"The recipe is not YAML: {err}") from err
        _must(isinstance(values, Mapping), "The recipe is not a YAML mapping of settings.")
        return cls.from_dict(values)


def _must_be(value: Any, hint: Any, where: str) -> None:
    """Refuse what a hand-written recipe gives where another kind of value is expected (``1e-3`` is text in YAML)."""
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    if all(kind in _KINDS for kind in kinds):
        known = any(isinstance(value, _KINDS[kind][0]) for kind in kinds)
        known = known and (bool in kinds or not isinstance(value, bool))
        wanted = " or ".join(_KINDS[kind][1] for kind in kinds)
        _must(known, f'"{where}" is of the wrong type: {wanted} is expected, not {value!r}.')


#: What a setting may be: the type that is looked for, and what a person calls it.
_KINDS: Mapping[Any, tuple[type, str]] = {
    int: (Integral, "a whole number"),
    float: (Real, "a number"),
    str: (str, "text"),
    bool: (bool, "true or false"),
    NoneType: (NoneType, "nothing"),
}

T = TypeVar("T")


def _built(kind: type[T], values: Any, where: str) -> T:
    if isinstance(values, kind):
        return values
    _must(isinstance(values, Mapping), f'"{where}" must be a mapping of settings; got {type(values).__name__}.')
    known, hints = [f.name for f in fields(kind)], get_type_hints(kind)  # type: ignore[arg-type]
    for name in values:
        _must(name in known, f'"{where}" has no setting "{name}". It has: {", ".join(known)}.')
        _must_be(values[name], hints[name], f"{where}.{name}")
    try:
        return kind(**values)
    except TypeError as err:
        raise BadSetting(f'"{where}" is incomplete or of the wrong type: {err}') from err
