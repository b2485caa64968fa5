"""Seconds from letting a dragged threshold go to the new accuracy on the page, one training job running beside it.

    python benchmarks/drag.py            # PyTorch
    python benchmarks/drag.py keras

A real browser, digits-lenet5, 360 validation images, 20 drags. Told too: frames while dragging, and server calls then.
"""

import shutil
import statistics
import sys
import tempfile
import time
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "browser")]

from driving import FLAGS, Server, idle, ours
from playwright.sync_api import Page, sync_playwright

from core.jobs.local import LocalEngine
from core.plan import DataChoice, Plan, Recovery

#: Notes the time of every change of the result panel, in the page itself.
WATCH = """() => {
  const panel = document.querySelector(".st-key-result"); window.changed = 0; window.frames = [];
  new MutationObserver(() => { window.changed = performance.now(); }).observe(panel,
    {subtree: true, childList: true, characterData: true, attributes: false});
  const frame = (t) => { window.frames.push(t); requestAnimationFrame(frame); }; requestAnimationFrame(frame);
  window.addEventListener("pointerup", () => { window.released = performance.now(); }, true);
}"""


def drag(page: Page, to: float) -> float:
    """Seconds from release to the result that answers it."""
    box = page.locator(".st-key-threshold_fc1 svg").first.bounding_box()
    knob = page.locator(".st-key-threshold_fc1 .knob").first.bounding_box()
    assert box is not None and knob is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(knob["x"] + knob["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + to * box["width"], middle, steps=20)
    page.evaluate("() => { window.changed = 0; }")
    page.mouse.up()
    page.wait_for_function("() => window.changed > window.released", timeout=20_000)
    page.wait_for_timeout(700)
    idle(page)
    return float(page.evaluate("() => window.changed - window.released")) / 1000


def main(framework: str, drags: int = 20) -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        server = Server(Path(folder))
        server.start()
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        try:
            page.goto(server.url)
            idle(page)
            page.locator(".st-key-framework").get_by_text("Keras" if framework == "keras" else "PyTorch").click()
            idle(page)
            page.locator(".st-key-sample label:has-text('LeNet-5')").click()
            page.locator(".st-key-network, [data-testid='stMain'] table").first.wait_for(timeout=90_000)
            idle(page)
            workspace = urllib.parse.parse_qs(urllib.parse.urlparse(page.url).query)["ws"][0]
            plan = Plan(
                f"sample:digits-lenet5@{framework}", DataChoice("digits"), sparsity=0.8, recovery=Recovery(epochs=2000)
            )
            engine = LocalEngine(Path(folder))
            run = engine.submit(plan, workspace=workspace)
            while not any(event.kind == "epoch" for event in engine.events(run)):
                time.sleep(0.5)
            page.goto(f"{server.url}/prune?ws={workspace}")
            page.locator(".st-key-threshold_fc1 svg").first.wait_for(timeout=60_000)
            idle(page)
            page.wait_for_timeout(2000)
            page.evaluate(WATCH)
            drag(page, 0.2)
            times = [drag(page, 0.1 + 0.3 * (i % 5) / 5 + 0.01 * i) for i in range(drags)]
            frames = page.evaluate("() => window.frames.slice(1).map((t, i) => t - window.frames[i])")
            state = engine.get(run).state
            engine.cancel(run)
        finally:
            browser.close()
            server.kill()
            for process in ours(Path(folder)):
                process.kill()
    low, middle, high = statistics.quantiles(times, n=4)
    print(f"{framework}, a job {state} beside it, {drags} drags, release to new result on the page")
    print(f"median {middle:.3f} s, quartiles {low:.3f} to {high:.3f} s, slowest {max(times):.3f} s")
    late = sorted(frames)[int(0.95 * len(frames))]
    print(f"frames: median {statistics.median(frames):.1f} ms, 95th percentile {late:.1f} ms")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "pytorch")
