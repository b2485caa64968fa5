"""Hostile and unusable files are refused in one sentence; nothing in them is run, nothing outside them is read."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import layers as k

from core.backends.keras import BACKEND
from core.errors import BadModel, BadSetting, BadWeights, NothingPrunable, RefusedFile

ROOT = Path(__file__).parents[3]


def dense(units=3):
    return keras.Sequential([keras.Input((4,)), k.Dense(units, name="fc")], name="net")


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "good.keras"
    dense().save(path)
    return path


@pytest.fixture
def good_h5(tmp_path):
    path = tmp_path / "good.h5"
    keras.src.legacy.saving.legacy_h5_format.save_model_to_hdf5(dense(), str(path))
    return path


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(path, contents, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


def reconfigured(path, change):
    """The file with its configuration changed."""
    contents = members(path)
    config = json.loads(contents["config.json"])
    change(config)
    contents["config.json"] = json.dumps(config).encode()
    return packed(path, contents)


def layer(config):
    return config["config"]["layers"][-1]


def refused(path, match):
    with pytest.raises(RefusedFile, match=match) as caught:
        BACKEND.vet(path)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")
    with pytest.raises(RefusedFile):
        BACKEND.load(path)


def test_a_plain_file_passes_and_opens(good, good_h5):
    for path in (good, good_h5):
        assert BACKEND.load(path).arrays()["fc.kernel"].shape == (3, 4)


def test_vetting_imports_no_framework(good, good_h5):
    code = (
        "import sys; from pathlib import Path; from core.backends.keras import BACKEND;"
        "[BACKEND.vet(Path(p)) for p in sys.argv[1:]];"
        "sys.exit('keras' in sys.modules or 'tensorflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(good), str(good_h5)], cwd=ROOT, check=True)


def mark(path):
    Path(path).touch()


def test_a_lambda_is_never_run(tmp_path):
    touched = str(tmp_path / "touched")
    inner = keras.Sequential([keras.Input((4,)), k.Lambda(lambda x: x, name="evil")])
    models = {
        "plain": keras.Sequential([keras.Input((4,)), k.Lambda(lambda x: (mark(touched), x)[1])]),
        "nested": keras.Sequential([keras.Input((4,)), inner]),
        "wrapped": keras.Sequential([keras.Input((4, 4)), k.TimeDistributed(k.Lambda(lambda x: x, output_shape=(4,)))]),
    }
    Path(touched).unlink()
    for name, model in models.items():
        path = tmp_path / f"{name}.keras"
        model.save(path)
        refused(path, "has a Lambda")
        old = tmp_path / f"{name}.h5"
        keras.src.legacy.saving.legacy_h5_format.save_model_to_hdf5(model, str(old))
        refused(old, "has a Lambda")
    assert not Path(touched).exists()


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (
            lambda c: layer(c)["config"].update(activation={"class_name": "__lambda__", "config": {"value": "x"}}),
            "Lambda",
        ),
        (
            lambda c: layer(c)["config"].update(
                activation={"class_name": "function", "config": "system", "module": "os", "registered_name": "system"}
            ),
            "os.system",
        ),
        (lambda c: layer(c).update(module="evil.layers"), "evil.layers.Dense"),
        (lambda c: layer(c).update(module="kerasevil"), "kerasevil.Dense"),
        (lambda c: layer(c).update(registered_name="mine>Dense"), "mine>Dense"),
        (lambda c: layer(c).update(class_name="TFSMLayer"), "TFSMLayer"),
        (lambda c: layer(c).update(class_name="TorchModuleWrapper"), "TorchModuleWrapper"),
        (lambda c: layer(c).update(class_name="StringLookup", config={"vocabulary": "/etc/passwd"}), "StringLookup"),
        (lambda c: layer(c).update(class_name="TFOpLambda"), "operation of TensorFlow 2"),
        (lambda c: layer(c).update(class_name=["Dense"]), "damaged configuration"),
        (lambda c: layer(c)["config"].update(units=10**10), "declares a layer of units 10000000000"),
        (
            lambda c: layer(c)["config"].update(
                kernel_initializer={"class_name": "__typespec__", "config": [], "module": "tensorflow"}
            ),
            "tensorflow.__typespec__",
        ),
        (lambda c: c.update(class_name="MyModel"), "subclassed model"),
        (lambda c: c["config"].pop("layers"), "subclassed model"),
    ],
)
def test_a_configuration_that_is_not_plain_keras_is_refused(good, change, match):
    refused(reconfigured(good, change), match)


def test_the_training_configuration_is_not_looked_at(good):
    def change(config):
        config["compile_config"] = {"loss": {"class_name": "function", "module": "evil", "config": "loss"}}

    assert BACKEND.load(reconfigured(good, change)).classes == 3


def test_a_configuration_nested_without_end_is_refused(good):
    contents = members(good)
    contents["config.json"] = b'{"class_name": "Sequential", "config": {"layers": ' + b"[" * 5000 + b"]" * 5000 + b"}}"
    refused(packed(good, contents), "damaged|deeper")


@pytest.mark.parametrize("name", ["assets/words.txt", "../escape", "/etc/passwd", "model.weights.npz", "run.py"])
def test_members_that_do_not_belong_are_refused(good, name):
    refused(packed(good, {**members(good), name: b"x"}), "member|name|path|folder")


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_missing_members_are_named(good, name):
    contents = members(good)
    del contents[name]
    refused(packed(good, contents), name)


def test_a_zip_bomb_is_refused(good):
    contents = {**members(good), "model.weights.h5": bytes(8 << 20)}
    refused(packed(good, contents, zipfile.ZIP_DEFLATED), r"\.")


def test_truncated_files_are_refused(good, good_h5):
    for path in (good, good_h5):
        whole = path.read_bytes()
        for share in (0.1, 0.5, 0.9):
            path.write_bytes(whole[: int(len(whole) * share)])
            refused(path, "damaged|archive|cut short|no HDF5")


def test_names_that_lie_are_told(good, good_h5, tmp_path):
    refused(good.rename(tmp_path / "x.h5"), "rename it to end in .keras")
    refused(good_h5.rename(tmp_path / "y.keras"), "rename it to end in .h5")


def test_weights_alone_are_not_a_network(tmp_path):
    dense().save_weights(tmp_path / "some.weights.h5")
    refused(tmp_path / "some.weights.h5", "weights only")
    refused((tmp_path / "some.weights.h5").rename(tmp_path / "some.h5"), "weights only")


def external_link(file, outside):
    file["model_weights"]["more"] = h5py.ExternalLink(str(outside), "/secret")


def soft_link(file, outside):
    file["more"] = h5py.SoftLink("/model_weights")


def external_storage(file, outside):
    file.create_dataset("more", (16,), "u1", external=[(str(outside), 0, 16)])


def virtual_dataset(file, outside):
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource(str(outside), "secret", (4,))
    file.create_virtual_dataset("more", layout)


def promised(file, outside):
    file.create_dataset("more", (1 << 28,), "f4", chunks=(1 << 20,), compression="gzip")


def strings(file, outside):
    file.create_dataset("more", data=["a", "b"], dtype=h5py.string_dtype())


def named_type(file, outside):
    file["more"] = np.dtype("f4")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (external_link, "link that points elsewhere"),
        (soft_link, "link that points elsewhere"),
        (external_storage, "data in other files"),
        (virtual_dataset, "data in other files"),
        (promised, "promises 1073741824 bytes"),
        (strings, "no numbers"),
        (named_type, "no Keras file has"),
    ],
)
def test_hdf5_that_points_out_or_promises_too_much_is_refused(good, good_h5, tmp_path, change, match):
    outside = tmp_path / "outside.h5"
    with h5py.File(outside, "w") as file:
        file["secret"] = np.ones(4, "f4")
    with h5py.File(good_h5, "a") as file:
        change(file, outside)
    refused(good_h5, match)
    contents = members(good)
    inner = tmp_path / "inner.h5"
    inner.write_bytes(contents["model.weights.h5"])
    with h5py.File(inner, "a") as file:
        file.require_group("model_weights")
        change(file, outside)
    refused(packed(good, {**contents, "model.weights.h5": inner.read_bytes()}), match)


def test_an_h5_without_a_network_is_refused(tmp_path):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["x"] = np.ones(3)
    refused(tmp_path / "data.h5", "no Keras network")


def test_an_architecture_is_not_needed(good):
    with pytest.raises(BadSetting, match="its own architecture"):
        BACKEND.load(good, "sample:iris-mlp")


def test_a_configuration_keras_cannot_build_is_a_bad_model(good):
    with pytest.raises(BadModel, match="could not build"):
        BACKEND.load(reconfigured(good, lambda c: layer(c)["config"].update(activation="no_such_function")))


def test_weights_that_are_no_numbers_are_named(tmp_path):
    model = dense()
    model.get_layer("fc").bias.assign([1.0, np.nan, 0.0])
    model.save(tmp_path / "nan.keras")
    with pytest.raises(BadWeights, match="fc.bias.*NaN"):
        BACKEND.load(tmp_path / "nan.keras")


def test_nothing_prunable_is_said(tmp_path):
    keras.Sequential([keras.Input((4,)), k.LayerNormalization()]).save(tmp_path / "norm.keras")
    with pytest.raises(NothingPrunable):
        BACKEND.load(tmp_path / "norm.keras")


def test_two_inputs_are_taken_and_text_among_them_is_not(tmp_path):
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    keras.Model([a, b], k.Dense(2)(k.Add()([a, b]))).save(tmp_path / "two.keras")
    assert BACKEND.load(tmp_path / "two.keras").input_names == ("a", "b")
    text = keras.Input((1,), dtype="string", name="text")
    keras.Model([a, text], k.Dense(2)(a)).save(tmp_path / "text.keras")
    with pytest.raises(BadModel, match="takes text"):
        BACKEND.load(tmp_path / "text.keras")


def test_every_layer_of_keras_is_either_allowed_or_known_to_be_refused():
    """A new Keras with new layers makes somebody think about them."""
    from core.backends.keras.configs import LAYERS

    exported = {n for n, x in vars(k).items() if isinstance(x, type) and issubclass(x, k.Layer)}
    refused_on_purpose = exported - LAYERS
    assert {"Lambda", "TFSMLayer", "TorchModuleWrapper", "StringLookup", "TextVectorization"} <= refused_on_purpose
    assert all(
        hasattr(k, name) or hasattr(keras, name) or "Convolution" in name or "Pool" in name or name == "Functional"
        for name in LAYERS
    )
