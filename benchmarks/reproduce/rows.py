"""What is reproduced: one row for each published number, with the plan that stands for it."""

from dataclasses import dataclass, replace
from typing import Any

from core.plan import DataChoice, Plan, Preparation, Recovery, ScheduleChoice

MNIST, MNIST1D = "mnist", "mnist1d"


@dataclass(frozen=True)
class Row:
    """One line of a table.

    ``paper`` is the published figure in the unit of ``shows`` (error in %, or accuracy in %), None for a row of our
    own. ``base`` names the row whose saved network it starts from; without one fresh weights are drawn, or PyTorch's
    own initial weights are taken where ``own`` says so. ``masks`` names the row whose final masks it takes over.
    """

    key: str
    table: str
    network: str
    method: str
    plan: dict[str, Any]
    paper: float | None = None
    source: str = ""
    base: str = ""
    masks: str = ""
    data: str = MNIST
    own: bool = False

    def as_plan(self, model: str, data: DataChoice, seed: int) -> Plan:
        """The plan for one seed."""
        given = dict(self.plan)
        preparation = given.pop("preparation", Preparation(fresh=not self.base and not self.own))
        return Plan(model=model, data=data, seed=seed, preparation=preparation, **given)


def _train(epochs: int, **changes: Any) -> Recovery:
    return replace(Recovery(epochs=epochs, learning_rate=1.2e-3, rate_schedule="cosine", batch_size=100), **changes)


def _gradually(sparsity: float, epochs: int, **changes: Any) -> dict[str, Any]:
    """Magnitude, cubic in eight steps with an epoch after each: prune from the trained network."""
    plan = {
        "sparsity": sparsity,
        "schedule": ScheduleChoice("cubic", steps=8, epochs_between=1),
        "recovery": _train(epochs),
    }
    return {**plan, **changes}


def _snip(sparsity: float, epochs: int) -> dict[str, Any]:
    """One batch of 100, before any training; then three times as long and fast: sparse from the start learns slowly."""
    return {
        "criterion": "snip",
        "sparsity": sparsity,
        "calibration_batches": 1,
        "calibration_size": 100,
        "recovery": _train(3 * epochs, learning_rate=4e-3),
    }


def _surgery(sparsity: float, epochs: int) -> dict[str, Any]:
    return {
        "sparsity": sparsity,
        "schedule": ScheduleChoice("dns", interval=50, until=0.7),
        "recovery": _train(epochs),
    }


def _of_network(short: str, network: str, epochs: int, figures: dict[str, Any]) -> list[Row]:
    """SNIP's Table 1 for one network; ``figures`` has sparsity and published error for each method."""
    table, snip_table = "SNIP's Table 1", "Lee 2019, Table 1"
    dense = f"{short}-dense"
    (dns, dns_error), obd = figures["dns"], figures["obd"]
    rows = [
        Row(dense, table, network, "dense reference", {"recovery": _train(epochs)}, figures["reference"], "Lee 2019"),
        Row(
            f"{short}-han", table, network, "magnitude, gradual (Han's 12x)", _gradually(0.917, epochs),
            figures["han"], snip_table, base=dense,
        ),
        *(
            Row(f"{short}-snip-{s}", table, network, "SNIP, before training", _snip(s, epochs), e, snip_table)
            for s, e in figures["snip"]
        ),
        Row(
            f"{short}-dns", table, network, "Dynamic Network Surgery", _surgery(dns, epochs + 5),
            dns_error, snip_table, base=dense,
        ),
        Row(
            f"{short}-obd", table, network, "OBD, gradual", _gradually(obd[0], epochs, criterion="obd"),
            obd[1], snip_table, base=dense,
        ),
    ]  # fmt: skip
    best = ((s, f"{short}-best-{s}") for s, _ in figures["snip"])
    return rows + [
        Row(
            key, table, network, "ours: magnitude, LAMP, gradual, distilled",
            _gradually(s, epochs, allocation="lamp", recovery=_train(epochs, method="distil")), base=dense,
        )
        for s, key in best
    ]  # fmt: skip


#: Rounds of the lottery: 0.8^7 = 21.0 % kept, 0.8^15 = 3.5 % kept.
_ROUNDS = {"21.1 %": (7, 0.7903), "3.6 %": (15, 0.9648)}


def _lottery(epochs: int) -> list[Row]:
    table, network, source = "Lottery tickets", "LeNet-300-100", "Frankle & Carbin 2019, section 2"
    dense = {"recovery": _train(epochs, rate_schedule="constant")}
    rows = [Row("ticket-dense", table, network, "dense", dense, None, source)]
    for kept, (rounds, sparsity) in _ROUNDS.items():
        ticket = {
            "sparsity": sparsity,
            "allocation": "uniform",
            "schedule": ScheduleChoice("exponential", steps=rounds, epochs_between=epochs),
            "preparation": Preparation(epochs=epochs, fresh=True),
            "recovery": _train(epochs, rate_schedule="constant", method="rewind-initial"),
        }
        once = {"sparsity": sparsity, "allocation": "uniform", "recovery": dense["recovery"]}
        key = f"ticket-{kept.split()[0]}"
        rows += [
            Row(key, table, network, f"ticket, {kept} kept", ticket, None, source),
            Row(
                f"{key}-again", table, network, f"its mask on other weights, {kept} kept",
                once, None, source, masks=key,
            ),
            Row(
                f"{key}-random", table, network, f"random mask, {kept} kept",
                {**once, "criterion": "random"}, None, source,
            ),
        ]  # fmt: skip
    return rows


def _one_dimensional() -> list[Row]:
    """1,501 steps of batch 100 are 38 epochs; 46 of the notebook's 92 levels up to there.

    As there it starts from PyTorch's own initial weights: they are small, so that where they end says what was learnt.
    """
    table, network, source = "MNIST-1D's ticket", "residual MLP", "Greydanus & Kobak 2020, lottery notebook"
    training = Recovery(epochs=38, learning_rate=2e-2, batch_size=100)
    pruned = {"sparsity": 0.92, "allocation": "uniform", "recovery": training}
    ticket = {
        **pruned,
        "preparation": Preparation(epochs=38),
        "schedule": ScheduleChoice("iterative", steps=46, epochs_between=38),
        "recovery": replace(training, method="rewind-initial"),
    }
    return [
        Row("1d-dense", table, network, "dense", {"recovery": training}, 64.5, source, data=MNIST1D, own=True),
        Row("1d-ticket", table, network, "ticket, 92 % pruned", ticket, 73.4, source, data=MNIST1D, own=True),
        Row(
            "1d-random", table, network, "random mask, 92 % pruned", {**pruned, "criterion": "random"},
            61.6, source, data=MNIST1D, own=True,
        ),
    ]  # fmt: skip


def rows(epochs: int) -> list[Row]:
    """All rows; ``epochs`` is the length of one training of LeNet-300-100 (LeNet-5 takes two thirds)."""
    return [
        *_of_network(
            "300", "LeNet-300-100", epochs,
            {
                "reference": 1.7, "han": 1.6, "snip": ((0.95, 1.6), (0.98, 2.4)),
                "dns": (0.982, 2.0), "obd": (0.92, 2.0),
            },
        ),
        *_of_network(
            "5", "LeNet-5-Caffe", max(1, epochs * 2 // 3),
            {
                "reference": 0.9, "han": 0.8, "snip": ((0.98, 0.8), (0.99, 1.1)),
                "dns": (0.991, 0.9), "obd": (0.92, 2.7),
            },
        ),
        *_lottery(max(1, epochs // 2)),
        *_one_dimensional(),
    ]  # fmt: skip
