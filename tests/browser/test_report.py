"""A report in a real browser: offline, narrow, without scripts, on paper."""

import re

import pytest

from core.jobs.job import Event, JobState, Run
from core.measurement import Measurement
from core.plan import DataChoice, Plan, Recovery
from core.reporting import of_run, write

DENSE = Measurement(
    "test", 360, 360, accuracy=0.98, f1_macro=0.98, loss=0.1, parameters=31294, nonzero=31294, macs=109224,
    effective_macs=109224, dense_bytes=125912, zipped_bytes=116616, sparse_bytes=125944,
)  # fmt: skip
PRUNED = Measurement.from_dict({**DENSE.to_dict(), "accuracy": 0.97, "nonzero": 3365, "sparsity": 0.9})


@pytest.fixture
def report(tmp_path):
    """The page of a run that learned for two epochs."""
    plan = Plan("sample:digits-lenet5@pytorch", DataChoice("digits"), sparsity=0.9, recovery=Recovery(epochs=2))
    run = Run("a", "w", None, "", plan, JobState.DONE, created=1.0, started=1.0, ended=9.0, before=DENSE, after=PRUNED)
    told = [("point", {"phase": "dense", "step": 0, "epoch": 0, "measurement": DENSE.to_dict()})]
    for epoch in (1, 2):
        values = {"epoch": epoch, "epochs": 2, "step": 1, "loss": 0.5, "accuracy": 0.9, "validation_loss": 0.4}
        told.append(("epoch", {**values, "phase": "recover", "validation_accuracy": 0.95}))
        point = {"phase": "epoch", "step": 1, "epoch": epoch, "measurement": PRUNED.to_dict()}
        told.append(("point", point))
    layers = [{"name": f"block{number}_convolution", "parameters": 4608, "nonzero": 460} for number in range(30)]
    told.append(("finished", {"layers": layers}))
    events = [Event(number, "a", 1.0, kind, data) for number, (kind, data) in enumerate(told, 1)]
    return write([of_run(run, events, tmp_path)], tmp_path / "report.html")


def opened(chromium, file, **how):
    page = chromium.new_context(offline=True, **how).new_page()
    page.problems = []
    page.on("console", lambda message: page.problems.append(message.text))
    page.on("request", lambda request: page.problems.append(request.url) if request.url != file.as_uri() else None)
    page.goto(file.as_uri())
    return page


def test_a_report_is_read_offline_on_a_phone_and_its_recipe_is_copied(chromium, report):
    page = opened(chromium, report, viewport={"width": 420, "height": 900}, color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") == 420
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 22, 20)"
    page.locator(".copy").click()
    assert page.locator(".copy").inner_text() == "Copied"
    assert page.problems == []
    page.context.close()


def test_a_report_prints_light_on_whole_pages(chromium, report):
    page = opened(chromium, report, color_scheme="dark", java_script_enabled=False)
    assert not page.locator(".copy").is_visible() and "criterion: magnitude" in page.locator("pre").inner_text()
    printed = page.pdf(prefer_css_page_size=True)
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 6
    (box,) = {found.decode() for found in re.findall(rb"/MediaBox\s*\[([^\]]*)\]", printed)}
    assert [round(float(side)) for side in box.split()] == [0, 0, 595, 842], "A4"
    page.emulate_media(media="print")
    colour = page.locator("body").evaluate("node => getComputedStyle(node).backgroundColor")
    assert colour == "rgb(255, 255, 255)"
    page.context.close()
