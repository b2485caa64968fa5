"""What every registered data set promises."""

import gzip
import io
import pkgutil
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

import core.datasets
from core.datasets import DATASETS, SPLITS, load
from core.plan import DataChoice

ROOT = Path(core.datasets.__file__).parents[2]
BUNDLED = [name for name in DATASETS if name not in ("mnist", "fashion-mnist", "cifar10")]


@pytest.fixture(scope="module")
def cached(tmp_path_factory):
    """Files of the right format where Keras keeps data, small, so that nothing is downloaded."""
    home = tmp_path_factory.mktemp("keras")
    folder = home / "datasets"
    (folder / "fashion-mnist").mkdir(parents=True)
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (11_000, 28, 28), np.uint8), rng.permutation(np.arange(11_000) % 10).astype(np.uint8)
    np.savez(folder / "mnist.npz", x_train=x, y_train=y, x_test=x[:500], y_test=y[:500])
    for part, count in (("train", 11_000), ("t10k", 500)):
        pictures, labels = bytes(16) + x[:count].tobytes(), bytes(8) + y[:count].tobytes()
        (folder / "fashion-mnist" / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(pictures, 1))
        (folder / "fashion-mnist" / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels, 1))
    with tarfile.open(folder / "cifar-10-binary.tar.gz", "w:gz", compresslevel=1) as archive:
        for name in [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]:
            records = rng.integers(0, 256, (1_100, 3073), np.uint8)
            records[:, 0] = np.arange(1_100) % 10
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            member.size = records.size
            archive.addfile(member, io.BytesIO(records.tobytes()))
    return home


@pytest.fixture(scope="module", params=list(DATASETS))
def parts(request, cached):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_HOME", str(cached))
        yield load(DataChoice(request.param))


def test_arrays_are_float32_samples_and_int64_labels_of_one_length(parts):
    for part in SPLITS:
        x, y = parts.split(part)
        assert (x.dtype, y.dtype) == (np.float32, np.int64 if parts.task == "classes" else np.float32)
        assert y.ndim == (1 if parts.task == "classes" else 2)
        assert len(x) == len(y) > 0
        assert x.shape[1:] == parts.sample_shape
        assert x.flags.c_contiguous
        assert x.flags.writeable
        assert np.isfinite(x).all()


def test_samples_have_the_axes_of_their_kind(parts):
    assert len(parts.sample_shape) == {"picture": 3, "series": 2, "table": 1}[parts.sample_kind]


def test_every_class_is_in_every_part(parts):
    for part in SPLITS:
        if parts.task == "classes":
            assert set(parts.split(part)[1]) == set(range(len(parts.classes)))


def test_targets_of_a_regression_are_spread_alike_in_every_part(parts):
    if parts.task == "values":
        assert parts.classes == ()
        means = [parts.split(part)[1].mean() for part in SPLITS]
        assert np.ptp(means) < 0.2 * parts.y_train.std()


def test_pictures_lie_in_0_to_1(parts):
    if parts.sample_kind == "picture":
        assert (parts.x_train.min(), parts.x_train.max()) == (0, 1)


def test_it_names_itself_and_carries_a_fingerprint(parts):
    assert DATASETS[parts.name].name == parts.name
    assert DATASETS[parts.name].title
    assert DATASETS[parts.name].note.endswith(".")
    assert len(parts.fingerprint) == 64
    assert not parts.own


@pytest.mark.parametrize("name", BUNDLED)
def test_it_is_the_same_every_time(name):
    assert load(DataChoice(name)).fingerprint == load(DataChoice(name)).fingerprint


@pytest.mark.parametrize("name", BUNDLED)
def test_no_sample_is_in_two_parts_more_often_than_the_data_repeats_it(name):
    parts = load(DataChoice(name))
    rows = np.concatenate([x.reshape(len(x), -1) for x in (parts.x_train, parts.x_validation, parts.x_test)])
    repeated = len(rows) - len(np.unique(rows, axis=0))
    assert repeated <= {"iris": 1}.get(name, 0)


@pytest.mark.parametrize("scaling", ["unit", "standard"])
def test_every_scaling_gives_finite_values(parts, scaling):
    from core.datasets import scaled

    assert np.isfinite(scaled(parts, scaling).x_test).all()


def test_importing_and_loading_need_no_framework():
    code = (
        "import sys; from core.datasets import load; from core.plan import DataChoice; load(DataChoice('digits'));"
        "print([name for name in ('torch', 'tensorflow', 'keras', 'pandas', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_file_in_the_folder_is_registered():
    files = {module.name for module in pkgutil.iter_modules(core.datasets.__path__) if module.name[0] != "_"}
    assert {type(dataset).__module__.rsplit(".", 1)[1] for dataset in DATASETS.values()} == files
