"""A lab belongs to processes, told apart by number and create time."""

import os
import subprocess
import sys
import threading
import time

from core.lab.owners import Owners, created


def test_a_living_process_has_a_create_time_and_a_dead_one_none():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert created(child.pid) is not None
    child.kill()
    time.sleep(0.2)
    assert created(child.pid) is None, "killed and not yet collected is gone, too"
    child.communicate()
    assert created(child.pid) is None


def test_a_number_given_out_again_is_somebody_else():
    owners = Owners()
    owners.add(os.getpid(), created(os.getpid()) - 3600)
    begin = time.monotonic()
    owners.wait()
    assert time.monotonic() - begin < 1


def test_it_waits_for_the_last_of_several():
    children = [subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) for _ in range(2)]
    owners, ended = Owners(), threading.Event()
    for child in children:
        owners.add(child.pid, created(child.pid))
    threading.Thread(target=lambda: (owners.wait(), ended.set()), daemon=True).start()
    children[0].kill()
    children[0].communicate()
    assert not ended.wait(1)
    children[1].kill()
    children[1].communicate()
    assert ended.wait(5)


def test_a_clock_set_by_a_second_ends_no_lab():
    owners, ended = Owners(), threading.Event()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owners.add(child.pid, created(child.pid) + 1)
    threading.Thread(target=lambda: (owners.wait(), ended.set()), daemon=True).start()
    assert not ended.wait(1)
    child.kill()
    child.communicate()
    assert ended.wait(5)
