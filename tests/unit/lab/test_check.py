"""A file that misbehaves while it is opened costs a throw-away process, and one sentence."""

import time

import pytest

from core.errors import RefusedFile
from core.lab import check


@pytest.fixture
def opening(tiny_command, model_file):
    def run(seconds=20.0, memory=None, **misbehaviour):
        path = check.Path(model_file(**misbehaviour)["path"])
        check.tried("tiny", path, seconds=seconds, memory=memory, command=(*tiny_command, "check"))

    return run


def test_a_good_file_passes(opening):
    opening()


def test_a_file_that_hangs_is_given_up(opening):
    begin = time.monotonic()
    with pytest.raises(RefusedFile, match="still not open after 2 seconds"):
        opening(seconds=2, hangs=True)
    assert time.monotonic() - begin < 6


def test_a_file_that_eats_memory_is_stopped(opening):
    with pytest.raises(RefusedFile, match="needs more than 0.4 GiB of memory"):
        opening(memory=400 << 20, eats=True)


def test_a_file_that_takes_the_process_down_is_refused(opening):
    with pytest.raises(RefusedFile, match="brought down"):
        opening(dies=True)


def test_what_the_backend_says_is_what_is_told(tiny_command, tmp_path):
    (tmp_path / "model.txt").write_text("nothing")
    with pytest.raises(RefusedFile, match="is not a tiny model"):
        check.tried("tiny", tmp_path / "model.txt", command=(*tiny_command, "check"))
