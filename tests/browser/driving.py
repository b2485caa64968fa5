"""A real server and a real browser."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[2]
#: How Chromium is started.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run"]


class Server:
    """`streamlit run app.py` on a port of its own; can be killed and started again."""

    def __init__(self, home: Path, script: Path = ROOT / "app.py") -> None:
        self.home, self.script = home, script
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start and wait until it answers; returns the seconds it took."""
        begun = time.perf_counter()
        command = [sys.executable, "-m", "streamlit", "run", str(self.script), "--server.port", str(self.port)]
        env = {**os.environ, "TOPIARY_HOME": str(self.home)}
        with (self.home / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--server.headless", "true"],
                cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        while time.perf_counter() - begun < 60:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1) as answer:
                    if answer.status == 200:
                        return time.perf_counter() - begun
            except OSError:
                time.sleep(0.05)
        raise AssertionError("the server did not start: " + (self.home / "server.log").read_text())

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()


def ours(home: Path) -> list[psutil.Process]:
    """Living processes that work for this home."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        words = " ".join(process.info["cmdline"] or ())
        if str(home) in words and process.pid != os.getpid():
            found.append(process)
    return found


def idle(page: Page, seconds: float = 60) -> None:
    """Wait until the page is connected and no script runs."""
    app = "[data-testid='stApp']"
    page.wait_for_selector(f"{app}[data-test-connection-state='CONNECTED']", timeout=seconds * 1000)
    page.wait_for_selector(f"{app}[data-test-script-state='notRunning']", timeout=seconds * 1000)
