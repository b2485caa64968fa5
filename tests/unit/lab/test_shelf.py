"""Costly things are made once for everybody and leave in the order they were last wanted."""

import threading
import time
from contextlib import contextmanager, nullcontext

import pytest

from core.errors import Superseded
from core.lab.shelf import Shelf, held


class Patient:
    def __init__(self):
        self.went_away = False

    def breathe(self, done=0, total=0):
        pass

    def check(self):
        pass

    def away(self):
        self.went_away = True
        return nullcontext()


def put(shelf, key, size=10, made=None):
    def make():
        (made if made is not None else []).append(key)
        return key

    return shelf.get(key, make, lambda thing: size, Patient())


def test_a_thing_is_made_once():
    shelf, made = Shelf(100), []
    assert [put(shelf, ("a",), made=made) for _ in range(3)] == [("a",)] * 3
    assert made == [("a",)]


def test_the_longest_unused_leaves_first():
    shelf = Shelf(30)
    for name in "abc":
        put(shelf, (name,))
    put(shelf, ("a",))
    put(shelf, ("d",))
    assert [(name,) in shelf for name in "abcd"] == [True, False, True, True]
    assert shelf.nbytes == 30


def test_the_newest_stays_even_if_it_is_too_large():
    shelf = Shelf(30)
    put(shelf, ("a",))
    put(shelf, ("huge",), size=1000)
    assert ("huge",) in shelf
    assert ("a",) not in shelf


def test_what_was_made_from_a_model_leaves_with_it():
    shelf = Shelf(50)
    model = ("model", "x")
    put(shelf, model)
    put(shelf, ("pools", model))
    put(shelf, ("pools", (*model, "logits")))
    put(shelf, ("other",))
    put(shelf, ("large",), size=35)
    assert model not in shelf
    assert ("pools", model) not in shelf
    assert ("pools", (*model, "logits")) not in shelf
    assert ("other",) in shelf


def test_while_one_makes_others_wait_without_computing_and_get_the_same():
    shelf, made, others = Shelf(100), [], [Patient() for _ in range(3)]

    def make():
        made.append(1)
        time.sleep(0.1)
        return object()

    got = []
    threads = [
        threading.Thread(target=lambda one=one: got.append(shelf.get(("a",), make, lambda t: 1, one))) for one in others
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert len(set(map(id, got))) == 1
    assert sum(one.went_away for one in others) == 2


def test_when_the_maker_is_stopped_the_next_makes_it():
    shelf = Shelf(100)

    def stopped():
        raise Superseded

    with pytest.raises(Superseded):
        shelf.get(("a",), stopped, lambda t: 1, Patient())
    assert put(shelf, ("a",)) == ("a",)


def test_who_is_stopped_while_waiting_leaves_the_lock_to_others():
    class Overtaken(Patient):
        @contextmanager
        def away(self):
            yield
            raise Superseded

    class Gone(Patient):
        def check(self):
            raise Superseded

    lock = threading.Lock()
    for caller in (Overtaken(), Gone()):
        lock.acquire()
        threading.Timer(0.1, lock.release).start()
        with pytest.raises(Superseded), held(lock, caller):
            pytest.fail("it was let in")
        assert lock.acquire(timeout=2)
        lock.release()
