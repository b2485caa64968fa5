"""Plan: everything that decides a run, frozen and validated; the same object in page, job and recipe."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from math import isnan
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_type_hints

import yaml

from core.errors import BadSetting

SCALINGS = ("raw", "unit", "standard")
OPTIMISERS = ("adam", "sgd", "adamw")
RATE_SCHEDULES = ("constant", "cosine", "step")
OUTPUTS = ("logits", "probabilities", "log_probabilities", "sigmoid", "sigmoid_logit", "regression")
#: How calibration samples are drawn: all alike, or in proportion to their loss and weighted back.
CALIBRATIONS = ("uniform", "by_loss")
#: Where the shared values of weight sharing begin.
STARTS = ("linear", "density", "random", "k-means++")
#: What early stopping and "keep the best" go by; "auto" is accuracy, or R² of a regression.
TARGETS = ("auto", "accuracy", "f1_macro", "loss")


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
        _must(self.threshold is None or not isnan(self.threshold), "A threshold is a number; got NaN.")


@dataclass(frozen=True)
class Limits:
    """Bounds on every pool, kept whatever the allocation would do; what they hold back goes elsewhere.

    ``most`` is the largest share a pool may lose, ``least`` the units it keeps at least (channels, heads, blocks …),
    ``multiple`` makes the number of kept channels a multiple (4, 8, 16) where that is possible. ``guard`` keeps at
    least one unit of every pool, so that no layer empties.
    """

    most: float = 1.0
    least: int = 1
    multiple: int = 1
    guard: bool = True

    def __post_init__(self) -> None:
        _must(0 < self.most <= 1, f"The largest share a layer may lose must be above 0 and at most 1; got {self.most}.")
        _must(self.least >= 0, f"The units a layer keeps are at least 0; got {self.least}.")
        _must(1 <= self.multiple <= 1024, f"Channels are rounded to multiples of 1 to 1024; got {self.multiple}.")


@dataclass(frozen=True)
class Budget:
    """What the pruned network may cost at most: a measure of ``core.budgets.BUDGETS`` and its limit, in its unit.

    With a budget the sparsity is found, not given.
    """

    measure: str
    limit: float

    def __post_init__(self) -> None:
        _must(self.limit > 0, f"A budget must be above 0; got {self.limit}.")


@dataclass(frozen=True)
class Sharing:
    """What single allocations can be told beside the amount.

    ``deviations``: the threshold as a multiple of each layer's standard deviation (None finds the multiple that gives
    the sparsity). ``drawn``: of the units below the threshold this share goes, drawn by importance; 1 takes all.
    ``power``: exponent of ERK's ratio.
    """

    deviations: float | None = None
    drawn: float = 1.0
    power: float = 1.0

    def __post_init__(self) -> None:
        given = self.deviations
        _must(given is None or 0 <= given <= 100, f"Multiples of the deviation are 0 to 100; got {given}.")
        _must(0 < self.drawn <= 1, f"The share drawn must be above 0 and at most 1; got {self.drawn}.")
        _must(0 <= self.power <= 4, f"The power of ERK must be 0 to 4; got {self.power}.")


@dataclass(frozen=True)
class Preparation:
    """Training before the first pruning step, with the optimiser, rate and batch size of the recovery.

    ``fresh`` starts from newly drawn weights (by the plan's seed) instead of the model's own. ``penalty`` and
    ``strength`` make the training itself sparse (``core.penalties.PENALTIES``).
    """

    epochs: int = 0
    fresh: bool = False
    penalty: str = "none"
    strength: float = 1e-4

    def __post_init__(self) -> None:
        _must(0 <= self.epochs <= 10_000, f"Epochs must be 0 to 10000; got {self.epochs}.")
        _must(0 <= self.strength <= 10, f"The penalty's strength must be 0 to 10; got {self.strength}.")


@dataclass(frozen=True)
class ScheduleChoice:
    """When pruning happens: in ``steps``, with ``epochs_between`` of fine-tuning after each but the last.

    ``initial`` is the sparsity that gradual schedules begin with. Dynamic ones change the mask while training goes on:
    every ``interval`` batches the share ``drop`` of the kept weights is exchanged (RigL), or the masks are decided
    anew (Dynamic Network Surgery), until the share ``until`` of the recovery's batches is done.
    """

    name: str = "one-shot"
    steps: int = 1
    epochs_between: int = 1
    initial: float = 0.0
    interval: int = 100
    drop: float = 0.3
    until: float = 0.75

    def __post_init__(self) -> None:
        _must(1 <= self.steps <= 200, f"Steps must be 1 to 200; got {self.steps}.")
        _must(0 <= self.epochs_between <= 1000, f"Epochs between steps must be 0 to 1000; got {self.epochs_between}.")
        _must(0 <= self.initial < 1, f"The initial sparsity must be at least 0 and below 1; got {self.initial}.")
        _must(1 <= self.interval <= 1_000_000, f"The interval must be 1 to 1000000 batches; got {self.interval}.")
        _must(0 < self.drop <= 1, f"The share exchanged must be above 0 and at most 1; got {self.drop}.")
        _must(
            0 < self.until <= 1, f"The share of training with changes must be above 0 and at most 1; got {self.until}."
        )


@dataclass(frozen=True)
class Recovery:
    """Training after pruning. ``patience`` 0 switches early stopping off.

    ``method`` is a name of ``core.recovery.RECOVERIES``. ``rewind_epoch`` is the preparation's epoch to go back to
    (``rewind-early``). ``temperature`` and ``teacher_weight`` are for distillation. ``class_weights`` weighs classes by
    how rare they are. ``target`` is what early stopping and ``keep_best`` go by. ``recalibrate`` measures batch
    normalisation anew after every pruning step.
    """

    epochs: int = 0
    optimiser: str = "adam"
    learning_rate: float = 1e-3
    rate_schedule: str = "constant"
    batch_size: int = 64
    patience: int = 0
    keep_best: bool = True
    method: str = "fine-tune"
    rewind_epoch: int = 1
    temperature: float = 4.0
    teacher_weight: float = 0.5
    class_weights: bool = False
    target: str = "auto"
    recalibrate: bool = False

    def __post_init__(self) -> None:
        _must(0 <= self.epochs <= 10_000, f"Epochs must be 0 to 10000; got {self.epochs}.")
        _one_of(self.optimiser, OPTIMISERS, "Optimiser")
        _one_of(self.rate_schedule, RATE_SCHEDULES, "Learning rate schedule")
        rate = self.learning_rate
        _must(0 < rate <= 10, f"The learning rate must be above 0 and at most 10; got {rate}.")
        _must(1 <= self.batch_size <= 65_536, f"The batch size must be 1 to 65536; got {self.batch_size}.")
        _must(self.patience >= 0, f"Patience is at least 0; got {self.patience}.")
        _must(self.rewind_epoch >= 0, f"The epoch to rewind to is at least 0; got {self.rewind_epoch}.")
        _must(0 < self.temperature <= 100, f"The temperature must be above 0 and at most 100; got {self.temperature}.")
        _must(0 <= self.teacher_weight <= 1, f"The teacher's weight must be 0 to 1; got {self.teacher_weight}.")
        _one_of(self.target, TARGETS, "Target")


@dataclass(frozen=True)
class Compression:
    """One step of compression after pruning and recovery: a method of ``core.compression.COMPRESSIONS``, and what
    single methods can be told.

    ``bits`` of a shared value in fully connected and recurrent layers, ``conv_bits`` in convolutions; ``start`` is
    where the shared values begin (``STARTS``), ``epochs`` for how long they are fine-tuned. ``energy`` is the share of
    the squared singular values that low rank keeps, ``share`` instead the share of parameters that may remain, and
    ``ranks`` fixes single Weights. ``sparsity`` is that of pruned factors.
    """

    method: str
    bits: int = 5
    conv_bits: int = 8
    start: str = "linear"
    epochs: int = 0
    energy: float = 0.95
    share: float | None = None
    ranks: Mapping[str, int] = field(default_factory=dict)
    sparsity: float = 0.5

    def __post_init__(self) -> None:
        for bits in (self.bits, self.conv_bits):
            _must(1 <= bits <= 12, f"A shared value has 1 to 12 bits; got {bits}.")
        _one_of(self.start, STARTS, "Start")
        _must(0 <= self.epochs <= 1000, f"Epochs must be 0 to 1000; got {self.epochs}.")
        _must(0 < self.energy <= 1, f"The energy kept must be above 0 and at most 1; got {self.energy}.")
        share = self.share
        _must(share is None or 0 < share <= 1, f"The share that remains must be above 0 and at most 1; got {share}.")
        _must(isinstance(self.ranks, Mapping), f'"ranks" is a mapping of weights to ranks; got {self.ranks!r}.')
        known = all(isinstance(rank, Integral) and rank >= 1 for rank in self.ranks.values())
        _must(known, "A rank is a whole number of at least 1.")
        _must(0 <= self.sparsity < 1, f"Sparsity must be at least 0 and below 1; got {self.sparsity}.")


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
        calibration: How their samples are drawn (``CALIBRATIONS``).
        limits, budget, sharing: Bounds, what the network may cost, and what single allocations can be told.
        preparation: Training before the first pruning step.
        compression: What is done to the pruned network, in this order.

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
    preparation: Preparation = Preparation()
    limits: Limits = Limits()
    sharing: Sharing = Sharing()
    budget: Budget | None = None
    compression: tuple[Compression, ...] = ()
    calibration: str = "uniform"
    calibration_batches: int = 8
    calibration_size: int = 64
    seed: int = 0
    output: str | None = None

    def __post_init__(self) -> None:
        _must(0 <= self.sparsity < 1, f"Sparsity must be at least 0 and below 1; got {self.sparsity}.")
        _must(self.calibration_batches >= 1, "At least one calibration batch is needed.")
        _must(self.calibration_size >= 1, "A calibration batch holds at least one sample.")
        _must(self.seed >= 0, f"The seed is at least 0; got {self.seed}.")
        _one_of(self.calibration, CALIBRATIONS, "Calibration")
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
        for name, kind in _PARTS.items():
            if name in known and (known[name], name) != (None, "budget"):
                known[name] = _built(kind, known[name], name)
        overrides = known.get("overrides") or {}
        _must(isinstance(overrides, Mapping), '"overrides" must be a mapping of pools to settings.')
        known["overrides"] = {pool: _built(Override, given, f"overrides.{pool}") for pool, given in overrides.items()}
        steps = known.get("compression") or ()
        _must(isinstance(steps, list | tuple), '"compression" must be a list of steps.')
        known["compression"] = tuple(_built(Compression, given, f"compression[{i}]") for i, given in enumerate(steps))
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


#: Settings that are made of settings.
_PARTS: Mapping[str, type] = {
    "data": DataChoice,
    "schedule": ScheduleChoice,
    "recovery": Recovery,
    "preparation": Preparation,
    "limits": Limits,
    "sharing": Sharing,
    "budget": Budget,
}


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
