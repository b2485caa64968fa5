"""People take turns; the latest wish for a chart wins."""

import threading
import time

import pytest

from core.errors import Superseded
from core.lab import turns as module
from core.lab.turns import Turns


def crowd(turns, people):
    """One thread per name in ``people``, all waiting in that order before the first is served. Who was, in order."""
    served, threads = [], []

    def work(ticket):
        with turns.slot(ticket):
            served.append(ticket.person)

    with turns.slot(turns.ask("gate", "")):
        for number, person in enumerate(people, 1):
            threads.append(threading.Thread(target=work, args=(turns.ask(person, ""),)))
            threads[-1].start()
            while sum(map(len, turns._waiting.values())) < number:
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    return served


def test_somebody_with_one_request_does_not_wait_for_all_of_a_busy_person():
    served = crowd(Turns(1), ["busy"] * 6 + ["quiet"])
    assert served == ["busy", "quiet"] + ["busy"] * 5


def test_everybody_is_served_and_a_persons_own_requests_keep_their_order():
    turns, served = Turns(1), []

    def work(ticket, number):
        with turns.slot(ticket):
            served.append(number)
            time.sleep(0.005)

    threads = [threading.Thread(target=work, args=(turns.ask("a", ""), number)) for number in range(5)]
    for thread in threads:
        thread.start()
        time.sleep(0.002)
    for thread in threads:
        thread.join()
    assert served == [0, 1, 2, 3, 4]


def test_no_more_compute_at_once_than_there_are_slots():
    turns, now, most = Turns(2), [0], [0]
    lock = threading.Lock()

    def work(person):
        with turns.slot(turns.ask(person, "")):
            with lock:
                now[0] += 1
                most[0] = max(most[0], now[0])
            time.sleep(0.01)
            with lock:
                now[0] -= 1

    threads = [threading.Thread(target=work, args=(str(i % 3),)) for i in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] == 2


def test_a_newer_wish_for_the_same_chart_ends_the_older_one_at_its_next_breath():
    turns = Turns()
    older = turns.ask("ann", "accuracy")
    with turns.slot(older):
        turns.breathe(older)
        turns.ask("ann", "accuracy")
        with pytest.raises(Superseded):
            turns.breathe(older)


def test_another_chart_or_another_person_supersedes_nothing():
    turns = Turns()
    older = turns.ask("ann", "accuracy")
    turns.ask("ann", "histograms")
    turns.ask("bob", "accuracy")
    turns.ask("", "")
    with turns.slot(older):
        turns.breathe(older)


def test_a_request_that_waits_is_superseded_without_a_turn():
    turns, ended = Turns(1), threading.Event()
    with turns.slot(turns.ask("bob", "x")):
        older = turns.ask("ann", "x")

        def wait():
            with pytest.raises(Superseded), turns.slot(older):
                pass
            ended.set()

        threading.Thread(target=wait).start()
        time.sleep(0.02)
        turns.ask("ann", "x")
        assert ended.wait(2)


def test_a_long_computation_lets_others_go_first(monkeypatch):
    monkeypatch.setattr(module, "SLICE", 0.01)
    turns, order = Turns(1), []
    entered = threading.Event()

    def long():
        ticket = turns.ask("long", "")
        with turns.slot(ticket):
            entered.set()
            for _ in range(40):
                time.sleep(0.005)
                turns.breathe(ticket)
            order.append("long")

    def short():
        with turns.slot(turns.ask("short", "")):
            order.append("short")

    first = threading.Thread(target=long)
    first.start()
    entered.wait()
    second = threading.Thread(target=short)
    second.start()
    first.join()
    second.join()
    assert order == ["short", "long"]


def test_who_hung_up_is_no_longer_computed_for():
    turns = Turns()
    ticket = turns.ask("ann", "x", gone=lambda: True)
    with pytest.raises(Superseded), turns.slot(ticket):
        turns.breathe(ticket)


def test_while_away_others_compute():
    turns = Turns(1)
    ticket = turns.ask("ann", "")
    with turns.slot(ticket):
        with turns.away(ticket):
            assert crowd(turns, ["bob"]) == ["bob"]
        turns.breathe(ticket)
    assert crowd(turns, ["cy"]) == ["cy"]
