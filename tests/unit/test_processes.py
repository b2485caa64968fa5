"""Processes are told apart by number and birth."""

import os
import subprocess
import sys
import time

import psutil
import pytest

from core.processes import alive, birth


def test_a_living_process_has_a_birth_and_a_dead_one_none():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    born = birth(child.pid)
    assert alive(child.pid, born) and born != birth(os.getpid())
    child.kill()
    time.sleep(0.2)
    assert birth(child.pid) is None, "killed and not yet collected is gone, too"
    child.communicate()
    assert not alive(child.pid, born) and not alive(child.pid, None)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system keeps the time a process was made")
def test_setting_the_clock_makes_no_process_another(monkeypatch):
    born, told = birth(os.getpid()), psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: told(self) + 3600)
    assert alive(os.getpid(), born)
