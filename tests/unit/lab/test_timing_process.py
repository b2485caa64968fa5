"""The process that measures for the lab: its answer, its refusals, and its end."""

import sys
import tempfile
import threading
import time

import psutil
import pytest

from core.errors import BadModel, Superseded, Unavailable
from core.lab.server import Talk
from core.lab.shrinking import measured
from core.lab.turns import Turns
from core.lab.wire import WAITING
from core.measures.turn import turn

ANSWER = """
import json, time
print(json.dumps({"progress": [1, 2]}), flush=True)
print("half a li")
print(json.dumps({"progress": [2, 2]}), flush=True)
print(json.dumps({"answer": {"threads": 2}}), flush=True)
"""


class Asking:
    """Somebody who waits, as long as they like."""

    def __init__(self, patience=10_000):
        self.told, self.patience = [], patience

    def breathe(self, done=0, total=0):
        self.patience -= 1
        if total:
            self.told.append((done, total))
        if not self.patience:
            raise Superseded


def test_speed_is_measured_by_one_at_a_time_and_who_waits_may_give_up(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended, order = threading.Event(), []

    def waits():
        order.append("waits")
        ended.set()
        time.sleep(0.01)

    def another():
        with turn(waits):
            order.append("another")

    with turn(waits):
        thread = threading.Thread(target=another)
        thread.start()
        ended.wait(10)
        with pytest.raises(Superseded), turn(Asking(patience=1).breathe):
            raise AssertionError
        order.append("one")
    thread.join()
    assert order[0] == "waits" and [one for one in order if one != "waits"] == ["one", "another"]


def test_whoever_waits_for_another_measuring_is_told_so():
    turns, told = Turns(), []
    ticket = turns.ask("me", "speed", lambda: False)
    with turns.slot(ticket):
        Talk(turns, ticket, lambda *far: told.append(far)).waits()
        assert not told, "not at once: most waits are short"
        talk = Talk(turns, ticket, lambda *far: told.append(far))
        until = time.monotonic() + 10
        while not told and time.monotonic() < until:
            talk.waits()
    assert told == [WAITING]


def python(script):
    return [sys.executable, "-c", script]


def test_progress_is_told_and_the_answer_is_the_last_word():
    asking = Asking()
    assert measured(python(ANSWER), 2, asking) == {"threads": 2}
    assert asking.told == [(1, 2), (2, 2)]


def test_its_temporary_files_lie_where_they_are_tidied_up(tmp_path):
    script = "import json, tempfile; print(json.dumps({'answer': {'folder': tempfile.mkdtemp()}}))"
    assert measured(python(script), 1, Asking(), str(tmp_path))["folder"].startswith(str(tmp_path))


def test_what_it_refuses_is_raised_here():
    script = 'import json; print(json.dumps({"error": "BadModel", "message": "Too odd."}))'
    with pytest.raises(BadModel, match="Too odd"):
        measured(python(script), 1, Asking())


def test_an_end_without_a_word_is_said_so():
    with pytest.raises(Unavailable, match="without an answer"):
        measured(python("import os; os._exit(9)"), 1, Asking())


def test_who_no_longer_wants_it_ends_it_at_once(tmp_path):
    pid = tmp_path / "pid"
    script = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(600)"

    class Patient(Asking):
        def breathe(self, done=0, total=0):
            if pid.is_file() and pid.read_text():
                raise Superseded

    with pytest.raises(Superseded):
        measured(python(script), 1, Patient())
    until = time.monotonic() + 20
    while psutil.pid_exists(int(pid.read_text())) and time.monotonic() < until:
        time.sleep(0.05)
    assert not psutil.pid_exists(int(pid.read_text()))
