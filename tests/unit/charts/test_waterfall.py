"""From dense to compressed: the rows behind the bars."""

from core.charts.quality import QUALITIES
from core.charts.waterfall import remarks, tile, waterfall_rows
from core.results import Stage

STAGES = [
    Stage("dense", "Dense", 1_066_896, 0.9813).to_dict(),
    Stage("pruned", "Pruned", 65_439, 0.9818).to_dict(),
    Stage("sharing", "Weight sharing", 21_443, 0.9803, 12.4).to_dict(),
]


def test_each_bar_begins_where_the_one_before_ended():
    rows = waterfall_rows(STAGES, QUALITIES["accuracy"])
    assert [(row["bytes"], row["before"]) for row in rows] == [
        (1_066_896, 1_066_896),
        (65_439, 1_066_896),
        (21_443, 65_439),
    ]


def test_figures_have_units_and_count_from_dense():
    first, _, last = ({k: str(v).replace("\xa0", " ") for k, v in r.items()} for r in
                      waterfall_rows(STAGES, QUALITIES["accuracy"]))  # fmt: skip
    assert first["figures"] == "1.07 MB · 98.13 %"
    assert last["figures"] == "21.4 kB · 49.8× smaller · 98.03 %"
    assert last["change"] == "−0.10 points"
    assert last["size"] == "21.4 kB (21,443 bytes)"
    assert (first["time"], last["time"]) == ("–", "12 s")


def test_a_step_that_made_the_file_larger_takes_nothing():
    grown = [*STAGES, Stage("float16", "Half precision", 22_000, 0.98).to_dict()]
    assert waterfall_rows(grown, QUALITIES["r2"])[-1]["before"] == 22_000
    assert waterfall_rows(grown, QUALITIES["r2"])[-1]["change"] == "-0.001"


def test_nothing_compressed_draws_nothing():
    assert waterfall_rows([], QUALITIES["accuracy"]) == []


def test_the_accuracy_of_another_runtimes_file_is_told_as_its_own():
    rounded = Stage("int8-activations", "8-bit weights and activations", 24_000, 0.9790, file="ONNX, 8-bit").to_dict()
    text = waterfall_rows([*STAGES, rounded], QUALITIES["accuracy"])[-1]["figures"].replace("\xa0", " ")
    assert text == "24 kB · 44.5× smaller · 97.90 % as ONNX, 8-bit"
    label, value, change = (text.replace("\xa0", " ") for text in tile([*STAGES, rounded], QUALITIES["accuracy"]))
    assert (label, value, change) == ("Accuracy, ONNX, 8-bit", "97.9 %", "−0.2 points from 98.1 %")
    assert tile(STAGES, QUALITIES["accuracy"]) is None


def test_a_step_that_made_the_file_larger_says_so_and_why():
    rounded = Stage("int8", "8-bit weights", 24_000, 0.9790, told=("5 of 5 kernels.",)).to_dict()
    said = [text.replace("\xa0", " ") for text in remarks([*STAGES, rounded])]
    assert said[0].startswith(
        "8-bit weights made the file 2.56 kB larger: it gives up the few values that weights shared"
    )
    assert said[1] == "8-bit weights: 5 of 5 kernels."
    assert remarks(STAGES) == []
