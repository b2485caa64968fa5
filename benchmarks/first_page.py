"""Seconds from `streamlit run` to a first page a person can use, in a real browser.

    python benchmarks/first_page.py

A fresh home each time. Beside it the same for a page that only says "hello": no page of this server can be quicker.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "browser")]

import shutil

import psutil
from driving import FLAGS, Server, ours
from playwright.sync_api import Browser, sync_playwright

#: A card that can be clicked.
SIGN = ".st-key-sample [data-testid='stRadioOption']"
HELLO = 'import streamlit as st\n\nst.title("Model")\n'


def seconds(browser: Browser, script: Path, sign: str) -> tuple[float, float, float]:
    """Until the server answers, until the page is there, and the server's memory in MB then."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), script)
        begun = time.perf_counter()
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        try:
            answered = server.start()
            page.goto(server.url)
            page.locator(sign).first.wait_for()
            usable = time.perf_counter() - begun
            return answered, usable, psutil.Process(server.process.pid).memory_info().rss / 1e6
        finally:
            page.close()
            server.kill()
            for process in ours(Path(folder)):
                process.kill()


def main(rounds: int = 7) -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        hello = Path(folder) / "hello.py"
        hello.write_text(HELLO)
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        cases = {
            "a page that says hello": (hello, "h1"),
            "Topiary": (ROOT / "app.py", ".st-key-sample [data-testid='stRadioOption']"),
        }
        found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in cases}
        for _ in range(rounds):
            for name, case in cases.items():
                found[name].append(seconds(browser, *case))
        browser.close()
    print(f"{'median of ' + str(rounds):24s} {'server answers':>15s} {'page usable':>12s} {'server MB':>10s}")
    for name, rows in found.items():
        answered, usable, memory = (statistics.median(column) for column in zip(*rows, strict=True))
        print(f"{name:24s} {answered:13.2f} s {usable:10.2f} s {memory:10.0f}")


if __name__ == "__main__":
    main()
