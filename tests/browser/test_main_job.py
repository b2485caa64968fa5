"""The whole main job in a real browser, once per framework: what a person came for."""

import re
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

import numpy as np
import pytest
from driving import idle, ours

from core import datasets
from core.plan import DataChoice
from sample_models import SAMPLES

pytestmark = [pytest.mark.browser, pytest.mark.timeout(420)]

SAMPLE = SAMPLES["digits-lenet5"]
#: Opens the exported file with the plain framework, nothing of this project on the path.
PLAIN = {
    "pytorch": "import torch; y = torch.export.load(p).module()(torch.from_numpy(x)).detach().numpy()",
    "keras": "import keras; y = keras.models.load_model(p, compile=False).predict(x.transpose(0, 2, 3, 1), verbose=0)",
}
#: Counts how often a script starts to run, in the page itself.
COUNT_RUNS = """() => {
  const app = document.querySelector("[data-testid='stApp']");
  let last = app.dataset.testScriptState; window.runs = 0;
  new MutationObserver(() => {
    const now = app.dataset.testScriptState;
    if (now === "running" && last !== "running") window.runs += 1;
    last = now;
  }).observe(app, {attributes: true, attributeFilter: ["data-test-script-state"]});
}"""
BARS = """() => {
  const host = document.querySelector(".st-key-threshold_fc1 [data-testid='stBidiComponentIsolated']");
  const find = (n) => n.querySelector?.("svg .bars") ?? (n.shadowRoot && find(n.shadowRoot))
    ?? [...(n.children ?? [])].map(find).find(Boolean);
  return [...find(host).children].map((bar) => getComputedStyle(bar).fill);
}"""


def go(page, name: str) -> None:
    page.locator("[data-testid='stSidebar']").get_by_text(name, exact=True).first.click()
    page.get_by_role("heading", name=name, exact=True).wait_for()
    idle(page)


def choose_sample(page, framework: str) -> None:
    if framework == "keras":
        page.locator(".st-key-framework").get_by_text("Keras").click()
        idle(page)
    page.locator(f".st-key-sample label:has-text('{SAMPLE.title}')").click()
    page.get_by_text(f"dense {100 * SAMPLE.accuracy[framework]:.2f} %").wait_for(timeout=90_000)
    idle(page)


def drag_fc1(page) -> None:
    """Drag the threshold of fc1 to the right; bars change before release, one rerun comes after."""
    svg = page.locator(".st-key-threshold_fc1 svg").first
    svg.wait_for(timeout=60_000)
    idle(page)
    page.evaluate(COUNT_RUNS)
    before = page.evaluate(BARS)
    box = svg.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 1, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.3 * box["width"], middle, steps=6)
    during = page.evaluate(BARS)
    runs_before_release = page.evaluate("() => window.runs")
    page.mouse.up()
    assert sum(a != b for a, b in zip(before, during, strict=True)) >= 3, "bars did not change while dragging"
    assert len(set(during)) == 2, "kept and pruned have one fill each"
    assert runs_before_release == 0, "the server was asked before release"
    page.wait_for_function("() => window.runs >= 1")
    idle(page)
    page.wait_for_timeout(1000)
    assert page.evaluate("() => window.runs") == 1, "one drag, one rerun"


def complaints(page) -> list[str]:
    """Errors in the console, but for Streamlit's own on a deep link: it probes two addresses that are not there,
    and a fresh server does not know the app's pages before it ran the app once."""
    return [p for p in page.problems if "404" not in p and "does not seem to exist" not in p]


def marks(page) -> int:
    """Points drawn on the accuracy-against-size chart."""
    return page.locator(".st-key-tradeoff svg.marks g.mark-symbol path").count()


@pytest.mark.parametrize("framework", ["pytorch", "keras"])
def test_the_main_job_from_a_sample_to_a_file_that_opens_anywhere(server, page, framework, tmp_path):
    page.goto(server.url)
    idle(page)
    choose_sample(page, framework)

    go(page, "Inspect")
    page.locator(".st-key-wall, [data-testid='stVegaLiteChart']").first.wait_for(timeout=60_000)

    go(page, "Prune")
    drag_fc1(page)
    result = page.locator(".st-key-result").inner_text()
    assert "accuracy" in result
    assert f"{SAMPLE.parameters:,}" not in result, "weights left did not answer the drag"

    go(page, "Train")
    epochs = page.locator(".st-key-epochs input").first
    epochs.fill("40")
    epochs.press("Enter")
    idle(page)
    page.locator(".st-key-start_run button").click()
    page.get_by_text("epoch 2", exact=False).first.wait_for(timeout=120_000)

    go(page, "Compare")
    page.locator(".st-key-tradeoff svg.marks").wait_for(timeout=30_000)
    first = marks(page)
    page.wait_for_function(
        "n => document.querySelectorAll('.st-key-tradeoff svg.marks g.mark-symbol path').length > n",
        arg=first,
        timeout=60_000,
    )

    workspace = urllib.parse.parse_qs(urllib.parse.urlparse(page.url).query)["ws"][0]
    assert complaints(page) == []
    server.kill()
    assert ours(server.home), "the run ended with the server"
    server.start()
    page.goto(f"{server.url}/train?ws={workspace}")
    page.problems.clear()  # the page whose server was killed complained, as it should
    idle(page)
    page.get_by_role("heading", name="Train", exact=True).wait_for()
    page.get_by_text(re.compile(r"^done")).first.wait_for(timeout=180_000)

    go(page, "Export")
    page.get_by_text("largest difference in outputs", exact=False).wait_for(timeout=120_000)
    with page.expect_download() as waiting:
        page.locator(".st-key-download_model button").click()
    exported = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(exported)
    assert opens_plainly(framework, exported, tmp_path) > 0.9

    assert complaints(page) == []
    server.kill()
    until = time.monotonic() + 20
    while ours(server.home) and time.monotonic() < until:
        time.sleep(0.3)
    assert ours(server.home) == [], "an orphan is left behind"


def opens_plainly(framework: str, exported: Path, folder: Path) -> float:
    """Test accuracy of the exported file in a clean process with the plain framework."""
    parts = datasets.load(DataChoice("digits"))
    np.savez(folder / "x.npz", x=parts.x_test, y=parts.y_test)
    program = (
        f"import numpy as np\np = {str(exported)!r}\nd = np.load({str(folder / 'x.npz')!r})\nx = d['x']\n"
        f"{PLAIN[framework]}\nprint((y.argmax(1) == d['y']).mean())"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return float(done.stdout.split()[-1])
