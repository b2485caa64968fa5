"""What low rank keeps of each kernel, as bars and words."""

import pytest

from core.charts.singular_values import panel, singular_rows
from core.factors import Spectrum
from core.plan import Compression

#: Squares 16, 4, 4, 1, 0 of 25; two factors of rank r have 15 r entries, the kernel 50.
ANSWER = {
    "kernels": [
        {"name": "fc1.kernel", "rows": 10, "columns": 5, "values": [4.0, 2.0, 2.0, 1.0, 0.0]},
        {"name": "fc2.kernel", "rows": 1, "columns": 10, "values": [3.0]},
    ],
    "refused": {"gru.kernel": "it is recurrent"},
}


def test_kept_and_left_out_ranks_with_the_energy_up_to_each():
    found = panel(ANSWER, Compression("low-rank", energy=0.8))
    first, second = found.cuts
    assert [row["state"] for row in first.rows] == ["kept", "kept", "left out", "left out", "left out"]
    assert [row["energy"] for row in first.rows] == pytest.approx([0.64, 0.8, 0.96, 1.0, 1.0])
    assert (first.rank, first.most, first.title) == (2, 3, "fc1")
    assert first.words.replace("\N{NO-BREAK SPACE}", " ") == "rank 2 of 5 keeps 80.0 %, 30 of 50 weights"
    assert (second.rank, second.most) == (None, 0)
    assert "no rank makes it smaller" in second.words
    assert found.words == "1 of 3 kernels become two factors: 40 of 60 weights"


def test_a_rank_by_hand_and_a_kernel_left_whole():
    cut = panel(ANSWER, Compression("low-rank", energy=0.8, ranks={"fc1.kernel": 1})).cuts[0]
    assert cut.rank == 1
    cut = panel(ANSWER, Compression("low-rank", energy=0.8, ranks={"fc1.kernel": 4})).cuts[0]
    assert cut.rank is None
    assert {row["state"] for row in cut.rows} == {"kept"}


def test_a_choice_that_cannot_be_is_said_and_draws_all_the_same():
    found = panel(ANSWER, Compression("low-rank", share=0.01))
    assert "cannot be had: with rank 1 everywhere" in found.problem
    assert [cut.rank for cut in found.cuts] == [1, None]


def test_of_very_many_values_several_share_a_bar_but_none_lies_across_the_cut():
    values = [float(i) for i in range(1000, 0, -1)]
    rows = singular_rows(Spectrum("k", 1000, 4000, values), 13)
    assert len(rows) <= 97
    assert [row["end"] for row in rows if row["state"] == "kept"][-1] == 13.5
    assert rows[0]["ranks"] == "1–11"
    assert rows[0]["value"] == 1000
    assert rows[-1]["energy"] == pytest.approx(1)


def test_without_kernels_there_is_a_sentence():
    found = panel({"kernels": [], "refused": {"gru.kernel": "it is recurrent"}}, Compression("low-rank"))
    assert not found.cuts
    assert "no dense or ungrouped convolution kernel" in found.words
