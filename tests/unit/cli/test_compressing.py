"""``--compress`` and ``--preset``: what they stand for, and what is refused before a framework is imported."""

import pytest

from core.cli.parser import parser
from core.cli.prune import _plan
from core.compression import COMPRESSIONS, PRESETS
from core.plan import Compression, DataChoice, Plan

from .conftest import refused, topiary_here

COMMAND = ("prune", "sample:iris-mlp", "--data", "iris", "-o", "never-made")


def planned(*words: str) -> Plan:
    return _plan(parser().parse_args([*COMMAND, *words]))


def test_steps_are_told_one_by_one() -> None:
    told = ("--compress", "sharing:bits=4,conv_bits=6,start=k-means++,epochs=2", "--compress", "coding")
    ranked = "low-rank:energy=0.9,ranks.fc1.kernel=3,ranks.fc2.kernel=5"
    assert planned("--sparsity", "0.5", *told).compression == (
        Compression("sharing", bits=4, conv_bits=6, start="k-means++", epochs=2),
        Compression("coding"),
    )
    (rank,) = planned("--sparsity", "0.5", "--compress", ranked).compression
    assert (rank.energy, dict(rank.ranks)) == (0.9, {"fc1.kernel": 3, "fc2.kernel": 5})
    assert planned("--sparsity", "0.5").compression == ()


def test_a_preset_stands_as_if_it_were_typed() -> None:
    preset = PRESETS["deep-compression"]
    whole = preset.applied(Plan("sample:iris-mlp", DataChoice("iris")))
    assert planned("--preset", "deep-compression") == whole
    for words in (("--sparsity", "0.5", "--preset", preset.name), ("--preset", preset.name, "--sparsity", "0.5")):
        assert planned(*words).sparsity == 0.5
    changed = planned("--preset", preset.name, "--epochs", "1", "--compress", "int8")
    assert (changed.recovery.epochs, changed.recovery.method) == (1, whole.recovery.method)
    assert changed.compression == (Compression("int8"),)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--compress", "beauty"), 'no compression "beauty"'),
        (("--compress", "sharing:beauty=1"), 'got "sharing:beauty=1"'),
        (("--compress", "sharing:bits=few"), "METHOD:NAME=VALUE"),
        (("--compress", "sharing:bits=13"), "1 to 12 bits; got 13"),
        (("--compress", "sharing:start=beauty"), "Start"),
        (("--compress", "low-rank:ranks.fc1.kernel=0"), "at least 1"),
        (("--compress", "low-rank", "--compress", "sparse-factors"), "Low rank and Sparse factors would each"),
        (("--preset", "beauty"), 'no preset "beauty"'),
    ],
)
def test_a_wrong_step_is_one_clear_line(words: tuple[str, ...], said: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert said in refused(topiary_here(*COMMAND, "--sparsity", "0.5", *words, capture=capfd))


@pytest.mark.parametrize(("what", "registry"), [("compressions", COMPRESSIONS), ("presets", PRESETS)])
def test_they_are_listed(what: str, registry: dict[str, object], capfd: pytest.CaptureFixture[str]) -> None:
    rows = topiary_here("list", what, "--json", capture=capfd).json[what]
    assert [row["name"] for row in rows] == list(registry)
    assert all(row["note"] and row["reference"] for row in rows)
    assert all(name in topiary_here("list", what, capture=capfd).out for name in registry)
