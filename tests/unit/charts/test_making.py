"""How far a format is, and what it was compared on, in words."""

from core.charts.making import compared_on, progress_line, share
from core.export_queue.work import Phase, State, Work
from core.exports import Made

WORK = Work("onnx", "model.pt2", "net", asked=1.0)
MADE = Made("onnx-int8", "net.int8.onnx", 3, 1.5, "", 0.1, 4.0, 2000, 0.9, 0.9, "accuracy", 5, 6, 1.0)


def test_a_format_on_its_way_says_what_is_done_how_long_already_and_how_long_it_takes():
    assert (progress_line(WORK, 2, 9.0), share(WORK, 9.0)) == ("Waits for 2 others", 0.0)
    now = Work("onnx", "model.pt2", "net", 1.0, State.WORKING, began=3.0, phase=Phase.WRITING)
    assert progress_line(now, 0, 9.0) == "Writing · 6 s"
    known = Work("onnx", "model.pt2", "net", 1.0, State.WORKING, 3.0, Phase.WRITING, expected=12.0)
    assert (progress_line(known, 0, 9.0), share(known, 9.0)) == ("Writing · 6 s of about 12 s", 0.5)
    assert share(known, 99.0) < 1


def test_it_is_said_on_how_many_samples_a_copy_was_compared():
    def on(**values):
        return compared_on(Made(**{**vars(MADE), **values}))

    assert on(of_samples=2000, calibrated=512) == "on all 2,000 test samples; calibrated on 512 training samples"
    assert on(of_samples=10_000) == "on the first 2,000 of 10,000 test samples"
    assert on() == "on 2,000 test samples", "kept by an earlier version"
    assert on(accuracy=None, samples=64, of_samples=64) == "on 64 samples"
