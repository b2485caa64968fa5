"""What every compression promises."""

import pkgutil
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import core.compression
from core.compression import COMPRESSIONS, PRESETS, Compressed, Context, content, read
from core.errors import UnknownName
from core.plan import STARTS, Compression, DataChoice, Plan
from tests.unit.training.tiny_network import tiny

PLAN = Plan("tiny", DataChoice("clusters"))
#: Those that work on weights alone, whatever the network is.
ON_ARRAYS = [name for name in COMPRESSIONS if name in ("float16", "int8", "sharing", "coding")]
#: Weights as pruning leaves them: exact zeros, tiny and huge numbers, equal ones.
KERNELS = arrays(
    np.float32,
    (12, 4),
    elements=st.one_of(st.just(0.0), st.sampled_from([0.5, -0.25]), st.floats(-1e4, 1e4, width=32)),
)


def applied(method, model, **settings):
    return COMPRESSIONS[method].apply(Compressed(model), Compression(method, **settings), Context(PLAN))


def test_every_file_in_the_folder_is_registered():
    files = {m.name for m in pkgutil.iter_modules(core.compression.__path__) if m.name[0] != "_"}
    assert {type(one).__module__.rsplit(".", 1)[1] for one in COMPRESSIONS.values()} == files


@pytest.mark.parametrize("method", COMPRESSIONS.values(), ids=COMPRESSIONS)
def test_each_says_what_it_is_and_obeys_settings_there_are(method):
    assert method.name == method.name.lower()
    assert method.title[0].isupper() or method.title[0].isdigit()
    assert method.note.endswith(".")
    assert method.formula and method.reference
    assert set(method.settings) <= {field.name for field in fields(Compression)} - {"method"}
    assert not method.trains(Compression(method.name))
    assert not method.refuses(Compression(method.name))


def test_a_name_nobody_knows_is_answered_with_those_that_are():
    with pytest.raises(UnknownName, match="float16"):
        COMPRESSIONS["nonsense"]
    with pytest.raises(UnknownName, match="deep-compression"):
        PRESETS["nonsense"]


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_presets_are_plans_with_names_there_are(preset):
    plan = preset.applied(PLAN)
    assert plan.compression and all(one.method in COMPRESSIONS for one in plan.compression)
    assert Plan.from_yaml(plan.to_yaml()) == plan
    chosen = preset.applied(Plan("tiny", DataChoice("clusters"), sparsity=0.3))
    assert chosen.sparsity == 0.3


@pytest.mark.parametrize("method", ON_ARRAYS)
@settings(max_examples=25, derandomize=True, database=None, deadline=None)
@given(kernel=KERNELS, start=st.sampled_from(STARTS), bits=st.integers(1, 5))
def test_zeros_stay_zeros_and_the_file_reads_back_as_the_network_says(tmp_path_factory, method, kernel, start, bits):
    kernel = np.tile(kernel, (1, 20))  # large enough to be worth sharing
    model = tiny(80).with_arrays({"fc1.kernel": kernel})
    found = applied(method, model, start=start, bits=bits)
    assert not found.model.arrays()["fc1.kernel"][kernel == 0].any()
    for coded in (found, applied("coding", found.model), Compressed(found.model, found.kept, coded=True)):
        file = tmp_path_factory.getbasetemp() / "compressed.safetensors"
        file.write_bytes(content(coded))
        back = read(file)
        assert back.keys() == found.model.arrays().keys()
        for name, array in found.model.arrays().items():
            assert back[name].dtype == np.float32
            np.testing.assert_array_equal(back[name], array)


@pytest.mark.parametrize("method", ON_ARRAYS)
def test_the_same_again_and_the_network_that_came_is_as_it_was(method):
    model = tiny(40, 30, seed=3)
    before = {name: array.copy() for name, array in model.arrays().items()}
    one, other = applied(method, model, bits=2), applied(method, model, bits=2)
    assert content(one) == content(other)
    for name, array in before.items():
        np.testing.assert_array_equal(model.arrays()[name], array)


@pytest.mark.parametrize("method", ON_ARRAYS)
def test_what_loses_nothing_says_so(method):
    model = tiny(40, 30, seed=4)
    found = applied(method, model, bits=2)
    same = all(np.array_equal(found.model.arrays()[name], array) for name, array in model.arrays().items())
    assert same == COMPRESSIONS[method].lossless


def test_steps_build_on_each_other():
    """Half precision halves the shared values, not the indices; whatever comes after sharing keeps them shared."""
    model = tiny(width=40, hidden=30, seed=1)
    sizes = [len(content(Compressed(model)))]
    found = Compressed(model)
    for choice in (Compression("sharing", bits=3), Compression("float16"), Compression("coding")):
        found = COMPRESSIONS[choice.method].apply(found, choice, Context(PLAN))
        sizes.append(len(content(found)))
    assert sizes == sorted(sizes, reverse=True)
    assert found.kept["fc1.kernel"].book.dtype == np.float16
    assert len(np.unique(found.model.arrays()["fc1.kernel"])) <= 8
