"""A lab belongs to processes, told apart by number and birth."""

import os
import subprocess
import sys
import threading
import time

from core.lab.owners import Owners
from core.processes import birth


def test_a_number_given_out_again_is_somebody_else():
    owners = Owners()
    owners.add(os.getpid(), "another birth")
    begin = time.monotonic()
    owners.wait()
    assert time.monotonic() - begin < 1


def test_it_waits_for_the_last_of_several():
    children = [subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) for _ in range(2)]
    owners, ended = Owners(), threading.Event()
    for child in children:
        owners.add(child.pid, birth(child.pid))
    threading.Thread(target=lambda: (owners.wait(), ended.set()), daemon=True).start()
    children[0].kill()
    children[0].communicate()
    assert not ended.wait(1)
    children[1].kill()
    children[1].communicate()
    assert ended.wait(5)
