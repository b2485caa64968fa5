"""A real lab process with a tiny framework: asked, overtaken, killed, started twice, and left alone."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from core.errors import BadSetting, LabLost, PruneError, RefusedFile, Superseded, UnknownName
from core.lab import endpoint
from core.lab.client import Lab
from core.processes import birth

PROJECT = Path(__file__).resolve().parents[3]


def until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def test_it_starts_on_demand_and_answers(own_lab, model_file):
    assert own_lab.pid is None
    found = own_lab.ask("describe", {"model": model_file()})
    assert (found["framework"], found["parameters"], found["macs"]) == ("tiny", 4, 4)
    assert found["layers"][0]["name"] == "fc"
    assert own_lab.pid is not None


def test_warming_does_not_wait_and_the_next_question_finds_it(own_lab):
    begin = time.monotonic()
    own_lab.warm()
    assert time.monotonic() - begin < 0.5
    assert own_lab.ask("ready", {})["environment"] == {"tiny": "1"}


def test_a_lab_of_this_machine_is_readable_by_its_owner_only(lab):
    lab.ask("ready", {})
    assert endpoint.endpoint_file(lab.root, "tiny").stat().st_mode & 0o077 == 0
    assert endpoint.folder(lab.root).stat().st_mode & 0o077 == 0


def test_a_home_too_deep_for_a_socket_works_all_the_same(tmp_path, tiny_command):
    deep = Lab("tiny", tmp_path / ("deep" * 20) / ("er" * 20), command=tiny_command)
    assert deep.ask("ready", {})["environment"] == {"tiny": "1"}
    os.kill(deep.pid, signal.SIGKILL)


def test_a_preview_of_everything_says_what_goes_and_what_it_costs(lab, model_file, data_file, plan):
    found = lab.ask("preview", {"model": model_file(), "plan": plan(data_file())})
    assert found["finished"]
    assert [(p["name"], p["size"], p["removed"]) for p in found["pools"]] == [("fc.kernel", 4, 1)]
    assert found["measurement"]["samples"] == found["measurement"]["of_samples"] == 400
    assert found["measurement"]["half_width"] is None
    assert found["measurement"]["nonzero"] == 3
    assert found["dense"]["nonzero"] == 4
    assert len(found["recall_now"]) == len(found["recall_dense"]) == len(found["classes"]) == 2


def test_with_a_budget_an_estimate_comes_first_and_is_refined_in_place(lab, model_file, data_file, plan):
    question = {"model": model_file(pause=0.02), "plan": plan(data_file(6000)), "budget": 0.1}
    seen = []
    while not seen or not seen[-1]["finished"]:
        seen.append(lab.ask("preview", question))
        assert len(seen) < 40
    counts = [one["measurement"]["samples"] for one in seen]
    assert len(counts) > 1 and counts == sorted(counts)
    assert seen[0]["measurement"]["half_width"] > 0
    assert seen[0]["dense"]["samples"] == counts[0]
    assert seen[-1]["measurement"]["half_width"] is None
    whole = lab.ask("preview", {**question, "budget": None})
    assert whole["seconds"] < 0.1
    assert whole["measurement"] == seen[-1]["measurement"]


def test_histograms_add_up_to_the_sizes(lab, model_file, data_file, plan):
    question = {"model": model_file(shape=(2, 2)), "plan": plan(data_file()), "bins": 16}
    (pool,) = lab.ask("histograms", question)["pools"]
    assert pool["counts"].sum() == pool["log_counts"].sum() == pool["weight_counts"].sum() == pool["size"] == 4
    assert len(pool["edges"]) == 17
    assert lab.ask("layer", {**question, "layer": "fc"})["weights"][0]["picture"].shape == (2, 2)


def test_a_measurement_is_kept(lab, model_file, data_file):
    question = {"model": model_file(pause=0.3), "data": data_file(), "split": "test", "limit": None}
    first = lab.ask("measure", question)
    begin = time.monotonic()
    assert lab.ask("measure", question) == first
    assert time.monotonic() - begin < 0.2


def test_errors_keep_their_name_and_the_line_stays_usable(lab, model_file, data_file, plan):
    model = model_file()
    with pytest.raises(UnknownName, match="There is no criterion"):
        lab.ask("preview", {"model": model, "plan": plan(data_file(), criterion="taste")})
    with pytest.raises(BadSetting, match="lacks 'plan'"):
        lab.ask("preview", {"model": model})
    with pytest.raises(UnknownName, match="There is no question"):
        lab.ask("sing", {})
    with pytest.raises(RefusedFile, match="cannot be read"):
        lab.ask("describe", {"model": {"path": str(lab.root / "gone.npz")}})
    assert lab.ask("describe", {"model": model})["framework"] == "tiny"


def test_an_oversized_question_is_refused_before_it_is_sent(lab):
    with pytest.raises(BadSetting, match="MiB long"):
        lab.ask("ready", {"x": "a" * (9 << 20)})


def test_a_newer_question_overtakes_an_older_one_at_once(lab, model_file, data_file, plan):
    model, data = model_file(pause=0.05), data_file(6000)
    lab.ask("describe", {"model": model})
    ends = {}

    def older():
        with suppress(Superseded):
            lab.ask("preview", {"model": model, "plan": plan(data, sparsity=0.25)}, person="ann", chart="c")
            ends["answered"] = True
        ends["older"] = time.monotonic()

    thread = threading.Thread(target=older)
    thread.start()
    time.sleep(0.4)
    begin = time.monotonic()
    lab.ask("preview", {"model": model, "plan": plan(data, sparsity=0.5), "budget": 0.01}, person="ann", chart="c")
    thread.join()
    assert "answered" not in ends
    assert ends["older"] - begin < 0.3


def test_people_take_turns(lab, model_file, data_file, plan):
    """Three requests of one person that take seconds do not hold up another person's small one."""
    slow, quick, data = model_file("slow", pause=0.04), model_file("quick", seed=1), data_file(4000)
    for model in (slow, quick):
        lab.ask("preview", {"model": model, "plan": plan(data), "budget": 0.01})
    threads = [
        threading.Thread(
            target=lab.ask,
            args=("preview", {"model": slow, "plan": plan(data, seed=seed)}),
            kwargs={"person": "busy", "chart": str(seed)},
        )
        for seed in (1, 2, 3)
    ]
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    begin = time.monotonic()
    lab.ask("preview", {"model": quick, "plan": plan(data, sparsity=0.5), "budget": 0.1}, person="quiet", chart="c")
    waited = time.monotonic() - begin
    busy = sum(thread.is_alive() for thread in threads)
    for thread in threads:
        thread.join()
    assert busy >= 1, "the busy person's requests were over too soon to tell"
    assert waited < 1.0


def test_a_killed_lab_is_told_of_and_started_again_by_the_next_question(own_lab, model_file, data_file, plan):
    model, data = model_file(pause=0.05), data_file(6000)
    own_lab.ask("describe", {"model": model})
    first = own_lab.pid
    threading.Timer(0.3, os.kill, (first, signal.SIGKILL)).start()
    with pytest.raises(LabLost, match="starts again"):
        own_lab.ask("preview", {"model": model, "plan": plan(data)})
    assert own_lab.ask("describe", {"model": model})["framework"] == "tiny"
    assert own_lab.pid != first


def test_a_lab_that_died_between_two_questions_is_replaced_without_a_word(own_lab):
    own_lab.ask("ready", {})
    first = own_lab.pid
    os.kill(first, signal.SIGKILL)
    until(lambda: own_lab.pid is None)
    own_lab.ask("ready", {})
    assert own_lab.pid != first


def test_a_network_that_brings_the_lab_down_does_so_once_per_question(own_lab, model_file, data_file, plan):
    bad = {"model": model_file("bad", crash=True), "plan": plan(data_file())}
    for _ in range(2):
        with pytest.raises(LabLost):
            own_lab.ask("preview", bad)
    assert own_lab.ask("describe", {"model": model_file("good", seed=3)})["parameters"] == 4


def test_a_lab_that_cannot_start_says_why(tmp_path):
    broken = Lab("tiny", tmp_path, command=(sys.executable, "-c", "raise SystemExit('no such framework here')"))
    with pytest.raises(LabLost, match="no such framework here"):
        broken.ask("ready", {})


def test_a_question_that_takes_too_long_is_given_up_and_the_lab_lives(lab, model_file, data_file, plan):
    question = {"model": model_file(pause=0.2), "plan": plan(data_file(6000))}
    lab.ask("describe", question)
    first = lab.pid
    with pytest.raises(LabLost, match="did not answer within"):
        lab.ask("preview", question, timeout=0.5)
    lab.ask("ready", {})
    assert lab.pid == first


ASK = """
import sys, time
from pathlib import Path
from core.lab.client import Lab
lab = Lab("tiny", Path(sys.argv[1]), command=tuple(sys.argv[2:]))
lab.ask("ready", {})
print(lab.pid, flush=True)
time.sleep(60)
"""


def server(home, command):
    """A process that uses the lab; its first line is the lab's process."""
    return subprocess.Popen(
        [sys.executable, "-c", ASK, str(home), *command],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_two_servers_and_many_threads_at_once_get_one_lab(tmp_path, tiny_command):
    servers = [server(tmp_path, tiny_command) for _ in range(2)]
    ours, pids = Lab("tiny", tmp_path, command=tiny_command), set()
    threads = [threading.Thread(target=lambda: (ours.ask("ready", {}), pids.add(ours.pid))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pids |= {int(one.stdout.readline()) for one in servers}
    for one in servers:
        one.kill()
        one.wait()
        one.stdout.close()
    assert len(pids) == 1
    ours.ask("ready", {})
    assert {ours.pid} == pids, "it stays for the server that is left"
    os.kill(ours.pid, signal.SIGKILL)


def test_it_ends_with_its_last_server(tmp_path, tiny_command):
    one = server(tmp_path, tiny_command)
    pid = int(one.stdout.readline())
    born = birth(pid)
    assert born is not None
    one.kill()
    one.wait()
    one.stdout.close()
    until(lambda: birth(pid) != born)
    assert endpoint.read(tmp_path, "tiny") is None


@pytest.mark.parametrize(("misbehaviour", "sentence"), [("dies", "brought down"), ("kernel_only", None)])
def test_an_upload_is_opened_where_it_can_do_no_harm_first(lab, model_file, misbehaviour, sentence):
    model = model_file(**({} if sentence is None else {misbehaviour: True}))
    if sentence is None:
        assert lab.ask("check", {"model": model})["parameters"] == 4
        return
    with pytest.raises(RefusedFile, match=sentence):
        lab.ask("check", {"model": model})
    with pytest.raises(PruneError, match=sentence):
        lab.ask("describe", {"model": model})
    assert lab.ask("describe", {"model": model_file("good", seed=5)})["parameters"] == 4


def test_a_slow_answer_tells_how_far_it_is(lab, model_file, data_file, plan):
    told = []
    question = {"model": model_file("slow", pause=0.1), "plan": plan(data_file(6000))}
    found = lab.ask("preview", question, told=lambda done, total: told.append((done, total)))
    assert found["finished"]
    assert len(told) > 1
    assert all(0 < done <= total == 6000 for done, total in told)


def test_a_quick_answer_comes_without_words(lab, model_file):
    told = []
    lab.ask("describe", {"model": model_file()}, told=lambda *how_far: told.append(how_far))
    assert told == []
