"""The same network in both frameworks: the same scores, masks and accuracy, as the definitions have it.

Every structure is compared on every sample under the magnitude; every criterion on two of the eight samples, in turn.
With TOPIARY_THOROUGH=1 it is every criterion on every sample (some minutes).
"""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from core.criteria import CRITERIA
from core.scores import Scores
from core.structures import STRUCTURES
from sample_models import SAMPLES

#: Two processes measure for minutes before the first test is asked.
pytestmark = pytest.mark.timeout(1800)
ROOT = Path(__file__).resolve().parents[4]
FRAMEWORKS = ("pytorch", "keras")
PRESENT = [name for name, sample in SAMPLES.items() if all(sample.path(f).is_file() for f in FRAMEWORKS)]
RANKED = [
    (c.name, s) for c in CRITERIA.values() for s in ("unstructured", "removable") if c.ranks(s) and c.name != "random"
]
THOROUGH = bool(os.environ.get("TOPIARY_THOROUGH"))
#: TensorFlow compiles these for many seconds where a network has loops over time or attention: they are compared on
#: others. What they are of such networks, tests/unit/keras/test_derivatives.py holds against loops and differences.
COSTLY = ("hessian", "fisher", "squared_gradient", "woodfisher")
SEQUENCES = ("mnist1d-gru", "mnist1d-transformer")


def samples_of(turn: int, criterion: str) -> list[str]:
    """Where a criterion is compared: on two samples, in turn."""
    if THOROUGH or criterion == "magnitude":
        return PRESENT
    among = [sample for sample in PRESENT if criterion not in COSTLY or sample not in SEQUENCES]
    return [sample for place, sample in enumerate(among) if (place + turn) % (len(among) // 2) == 0][:2]


#: Sample, criterion, structure.
CASES = [
    (sample, criterion, structure)
    for turn, (criterion, structure) in enumerate(RANKED)
    for sample in samples_of(turn, criterion)
] + [(sample, "magnitude", s) for sample in PRESENT for s in STRUCTURES if s not in ("unstructured", "removable")]
AMOUNTS = ("0.0", "0.5", "0.8", "0.9")
#: Largest difference of scores, as a share of the largest score of a pool.
NEAR = 1e-5


def test_every_criterion_is_compared_somewhere_and_every_sample_takes_part():
    assert {case[1:] for case in CASES} >= set(RANKED)
    assert {case[0] for case in CASES} == set(PRESENT)


@pytest.fixture(scope="session")
def measured(tmp_path_factory):
    """Both frameworks at once, each in a process of its own."""
    folder = tmp_path_factory.mktemp("twins")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": "tensorflow", "OMP_NUM_THREADS": "1"}
    script, cases = str(Path(__file__).with_name("measured.py")), folder / "cases.json"
    cases.write_text(json.dumps(CASES))

    def run(framework):
        command = [sys.executable, script, framework, str(folder / f"{framework}.npz"), str(cases)]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    with ThreadPoolExecutor(len(FRAMEWORKS)) as together:
        for done in together.map(run, FRAMEWORKS):
            assert done.returncode == 0, done.stderr[-3000:]
    return {framework: dict(np.load(folder / f"{framework}.npz")) for framework in FRAMEWORKS}


def under(measured, prefix):
    """The arrays of both frameworks below a prefix, by the rest of their names."""
    both = [{n.removeprefix(prefix): a for n, a in measured[f].items() if n.startswith(prefix)} for f in FRAMEWORKS]
    assert both[0].keys() == both[1].keys()
    return both


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("sample", PRESENT)
def test_pools_have_the_same_names(measured, sample, structure):
    one, other = (sorted(measured[f][f"pools/{sample}/{structure}"]) for f in FRAMEWORKS)
    assert one == other
    assert one or structure != "unstructured"


@pytest.mark.parametrize("sample", PRESENT)
def test_the_same_criteria_have_nothing_to_go_by(measured, sample):
    """No batch normalisation, no pictures, no ReLU, no heads; too many single weights for ablation."""
    one, other = ({n for n in measured[f] if n.startswith(f"refused/{sample}/")} for f in FRAMEWORKS)
    assert one == other


@pytest.mark.parametrize(("sample", "criterion", "structure"), CASES)
def test_scores_agree(measured, sample, criterion, structure):
    one, other = under(measured, f"scores/{sample}/{criterion}/{structure}/")
    assert one or f"refused/{sample}/{criterion}/{structure}" in measured["pytorch"]
    for pool, scores in one.items():
        largest = np.abs(scores).max()
        np.testing.assert_allclose(other[pool], scores, rtol=0, atol=NEAR * largest, err_msg=pool)


@pytest.mark.parametrize(("sample", "criterion", "structure"), CASES)
def test_masks_agree_except_as_near_to_the_cut_as_scores_may_differ(measured, sample, criterion, structure):
    scores, _ = under(measured, f"scores/{sample}/{criterion}/{structure}/")
    ranked = {name: STRUCTURES[structure].comparable(Scores(found), None).whole() for name, found in scores.items()}
    for amount in AMOUNTS:
        one, other = under(measured, f"gone/{sample}/{criterion}/{structure}/{amount}/")
        cut = max((ranked[pool][gone].max() for pool, gone in one.items() if gone.any()), default=0)
        for pool, gone in one.items():
            differing = ranked[pool][gone != other[pool]]
            assert (np.abs(differing - cut) <= 4 * NEAR * ranked[pool].max()).all(), (amount, pool)


@pytest.mark.parametrize(("sample", "criterion", "structure"), CASES)
def test_accuracy_agrees(measured, sample, criterion, structure):
    one, other = under(measured, f"accuracy/{sample}/{criterion}/{structure}/")
    for amount, accuracy in one.items():
        assert abs(accuracy - other[amount]) <= 1e-4, amount
