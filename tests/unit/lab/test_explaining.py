"""A layer explained: responses are what flows, a cut is the whole group's, what changes is counted right."""

import json
import subprocess
import sys
import zlib
from base64 import b64decode
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from core.backends._base import Batch
from core.charts.explaining import effect_facts, probability_rows, recall_rows, told_line, unit_tiles
from core.charts.theme import LIGHT
from core.errors import BadSetting
from core.explaining import cut_masks, effect, responses, strengths, units_of, worth_of
from core.groups import groups
from core.lab import explaining
from core.lab.library import Library
from core.plan import DataChoice, Plan
from core.pruning import cuts
from core.references import resolve
from core.steps import decision_of

ROOT = Path(__file__).parents[3]
CONV = {"weight": "conv1.kernel", "class": 3, "number": 4}


class Alone:
    """A caller nobody waits for."""

    def breathe(self, done: int = 0, total: int = 0) -> None: ...

    def check(self) -> None: ...

    def away(self):
        return nullcontext()


def opened(name: str, data: str, framework: str, home: Path):
    """Library, model and plan, as the lab's process has them."""
    library, plan = Library(framework, home), Plan(f"sample:{name}@{framework}", DataChoice(data))
    return library, library.model({"path": str(resolve(plan.model, home).path)}, Alone()), plan


def told(framework: str, home: Path) -> dict[str, object]:
    """What the two frameworks must agree on."""
    library, model, plan = opened("digits-lenet5", "digits", framework, home)
    given = explaining.respond(library, model, plan, CONV, Alone())
    lost = explaining.without(library, model, plan, {**CONV, "unit": int(given["shown"][0])}, Alone())
    picture = given["sample"]["inputs"][0]["values"]
    return {
        "order": [int(unit) for unit in given["shown"]],
        "strengths": [float(one) for one in given["strengths"]],
        "map": np.asarray(given["responses"][0]).tolist(),
        "seen": np.asarray(picture).tolist(),
        "flipped": lost["flipped"],
        "accuracy": lost["accuracy"],
        "hurt": [one["index"] for one in lost["hurt"][:3]],
    }


@pytest.fixture(scope="module")
def lenet(tmp_path_factory):
    return opened("digits-lenet5", "digits", "pytorch", tmp_path_factory.mktemp("home"))


@pytest.mark.parametrize(("weight", "unit"), [("conv1.kernel", 3), ("conv2.kernel", 5), ("fc1.kernel", 7)])
def test_what_a_cut_changes_is_what_the_cut_network_says(lenet, weight, unit):
    library, model, plan = lenet
    network, graph = model.network, model.network.graph()
    masks = cut_masks(graph, units_of(graph, weight), unit)
    smaller = network.cut(cuts(graph, decision_of(masks, Plan("m", plan.data, structure="channel"), graph)))
    x = library.parts(model, plan.data, Alone()).x_validation[:50]
    np.testing.assert_allclose(network.predict(x, masks), smaller.predict(x), atol=1e-4)


def test_a_channel_responds_as_it_leaves_its_activation(lenet):
    library, model, plan = lenet
    network = model.network
    units = units_of(network.graph(), "conv1.kernel")
    x = library.parts(model, plan.data, Alone()).x_validation[:1]
    found = responses(network, units, x)
    assert found.shape == (16, 8, 8) and (found >= 0).all(), "behind the ReLU, on its full size"
    tap = next(iter(network.taps([Batch(x, np.zeros(1, np.int64))], [units.place.tap])))[units.place.tap]
    np.testing.assert_array_equal(found, tap.value[0])


def test_units_come_strongest_first_or_by_what_the_criterion_says(lenet):
    library, model, plan = lenet
    strong = explaining.respond(library, model, plan, CONV, Alone())
    assert list(strong["strengths"]) == sorted(strong["strengths"], reverse=True)
    ranked = explaining.respond(library, model, plan, {**CONV, "order": "criterion"}, Alone())
    kernel = model.network.arrays()["conv1.kernel"]
    expected = np.argsort(-np.abs(kernel).reshape(16, -1).mean(axis=1), kind="stable")
    assert list(ranked["shown"]) == list(expected)


def test_a_sample_is_found_by_class_and_number_and_by_its_index(lenet):
    library, model, plan = lenet
    by_number = explaining.respond(library, model, plan, CONV, Alone())["sample"]
    labels = library.parts(model, plan.data, Alone()).y_validation
    assert by_number["index"] == np.flatnonzero(labels == 3)[4] and by_number["of"] == (labels == 3).sum()
    again = explaining.respond(library, model, plan, {**CONV, "index": by_number["index"]}, Alone())["sample"]
    assert (again["number"], again["label"]) == (4, 3)
    most = explaining.respond(library, model, plan, {**CONV, "number": 10**6}, Alone())["sample"]
    assert most["number"] == most["of"] - 1


def test_outputs_are_shown_but_never_cut(lenet):
    library, model, plan = lenet
    asked = {**CONV, "weight": "fc3.kernel"}
    given = explaining.respond(library, model, plan, asked, Alone())
    assert (given["unit"], given["count"], given["cuttable"]) == ("output", 10, False)
    with pytest.raises(BadSetting, match="network's output is never cut"):
        explaining.without(library, model, plan, {**asked, "unit": 0}, Alone())
    with pytest.raises(BadSetting, match="no channels that could be looked at"):
        units_of(model.network.graph(), "nothing.kernel")
    with pytest.raises(BadSetting, match="count from 0 to 15"):
        explaining.without(library, model, plan, {**CONV, "unit": 16}, Alone())


@pytest.mark.parametrize(
    ("name", "weight", "unit", "shape"),
    [
        ("mnist1d-gru", "gru.recurrent", "hidden unit", (64, 32)),
        ("mnist1d-transformer", None, "attention head", None),
    ],
)
def test_recurrent_layers_have_hidden_units_and_attention_has_heads(tmp_path, name, weight, unit, shape):
    library, model, plan = opened(name, "mnist1d", "pytorch", tmp_path)
    graph = model.network.graph()
    weight = weight or next(one.name for one in graph.weights() if one.role == "query")
    units = units_of(graph, weight)
    assert units.unit == unit and units.group is not None and units.count == units.group.channels
    x = library.parts(model, plan.data, Alone()).x_validation[:1]
    found = responses(model.network, units, x)
    assert len(found) == units.count and found.ndim == 2 and (shape is None or found.shape == shape)
    lost = explaining.without(library, model, plan, {"weight": weight, "unit": 0, "class": 0, "number": 0}, Alone())
    assert lost["accuracy"][1] <= lost["accuracy"][0]


def test_both_frameworks_explain_alike(tmp_path):
    ask = f"""import sys, json; sys.path[:0] = [{str(ROOT)!r}, {str(Path(__file__).parent)!r}]
from pathlib import Path
from test_explaining import told
print(json.dumps(told("keras", Path({str(tmp_path)!r}))))"""
    done = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    there, here = json.loads(done.stdout.strip().splitlines()[-1]), told("pytorch", tmp_path)
    for name in ("order", "flipped", "hurt"):
        assert there[name] == here[name]
    for name in ("strengths", "map", "seen", "accuracy"):
        np.testing.assert_allclose(there[name], here[name], atol=1e-4)


def test_what_a_cut_does_counted_by_hand():
    """Four samples of two classes: the second flips to wrong, the fourth to right."""
    before = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.7, 0.3]])
    after = np.array([[0.8, 0.2], [0.3, 0.7], [0.2, 0.8], [0.4, 0.6]])
    found = effect(before, after, np.array([0, 0, 1, 1]))
    assert (found.flipped, found.lost, found.won, found.samples) == (2, 1, 1, 4)
    assert found.accuracy == (0.75, 0.75) and found.recall == ((1.0, 0.5), (0.5, 1.0))
    assert list(found.hurt) == [1, 0] and np.allclose(found.drop, [0.3, 0.1])
    values = {**vars(found), "before": before[1], "after": after[1]}
    names = ["no", "yes"]
    assert [row["change"] for row in recall_rows(values, names)] == [-0.5, 0.5]
    pairs = [(row["class"], row["when"], row["probability"]) for row in probability_rows(values, names)]
    assert pairs == [
        ("no", "as it is", 0.6),
        ("no", "without it", 0.3),
        ("yes", "as it is", 0.4),
        ("yes", "without it", 0.7),
    ]
    facts = {name: (number, of) for name, number, of in effect_facts(values, names)}
    assert facts["Predictions that flip"][0] == "2" and facts["Classes that lose"] == ("1", "no")


def test_a_unit_is_worth_the_mean_of_its_rows(lenet):
    graph = lenet[1].network.graph()
    units = units_of(graph, "fc1.kernel")
    scores = np.arange(120 * 128, dtype=np.float32).reshape(120, 128)
    np.testing.assert_allclose(worth_of({"fc1.kernel": scores}, units), scores.mean(axis=1), rtol=1e-6)
    name = next(group.name for group in groups(graph) if group.name.startswith("fc1"))
    np.testing.assert_array_equal(worth_of({name: np.arange(120, dtype=np.float32)}, units), np.arange(120))
    assert worth_of({}, units) is None


def test_pictures_show_strength_as_opacity_on_one_scale():
    maps = np.zeros((2, 2, 2), np.float32)
    maps[0, 0, 1], maps[1, 1, 0] = 4.0, -2.0
    answer = {"unit": "channel", "shown": [5, 1], "responses": maps, "strengths": strengths(maps), "worth": None}
    first, second = (pixels(tile["image"]) for tile in unit_tiles(answer, LIGHT))
    assert list(first[0, 1]) == [0x1C, 0x7F, 0x6B, 255] and first[0, 0, 3] == 0
    assert list(second[1, 0][:3]) == [0x3D, 0x6F, 0xB6] and 120 < second[1, 0, 3] < 135


def pixels(uri: str) -> np.ndarray:
    """The picture of a 2 x 2 image address."""
    raw = b64decode(uri.partition(",")[2])
    start = raw.index(b"IDAT") + 4
    lines = zlib.decompressobj().decompress(raw[start:])
    return np.frombuffer(lines, np.uint8).reshape(2, 9)[:, 1:].reshape(2, 2, 4)


def test_values_of_a_regression_are_told_as_values():
    answer = {"told": np.array([1.234]), "wanted": np.array([1.0]), "sample": {"label": None}, "classes": []}
    assert told_line(answer) == "says 1.23, is 1.00"
    facts = effect_facts({"r2": [0.9, 0.8], "mae": [1.0, 2.0], "moved": 0.5, "before": [1.0], "after": [2.0]}, [])
    assert facts[0] == ("R² without it", "0.800", "from 0.900") and facts[-1] == ("This sample", "2.00", "from 1.00")
