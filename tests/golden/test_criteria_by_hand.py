"""Every criterion on numbers that a reader can check with a pencil; the formulas are the papers'."""

import numpy as np
import pytest

from core.criteria import CRITERIA, Signals
from core.plan import DataChoice, Plan
from core.pruning import pools
from core.structures import Fold

RNG = np.random.default_rng(0)
#: Two samples that see one weight each: H = ½ (1, 0)(1, 0)ᵀ + ½ (0, 2)(0, 2)ᵀ = diag(½, 2).
APART = [[1, 0], [0, 2]]
#: Two samples that share a weight: H = ½ [[2, 1], [1, 1]].
TOGETHER = [[1, 0], [1, 1]]


def plan(criterion, structure="unstructured", **settings) -> Plan:
    return Plan("sample:none@pytorch", DataChoice("iris"), criterion, structure, **settings)


def scores(network, parts, criterion, structure="unstructured", **settings) -> list[float]:
    (pool,) = pools(network, plan(criterion, structure, **settings), parts).values()
    return pool.scores.tolist()


def entries(criterion: str, weight, **given) -> np.ndarray:
    arrays = {name: np.array(value, np.float32) for name, value in given.items()}
    return CRITERIA[criterion].entries(Signals(np.array(weight, np.float32), **arrays), RNG)


def rows(criterion: str, weight, **given) -> np.ndarray:
    arrays = {name: np.array(value, np.float32) for name, value in given.items()}
    return CRITERIA[criterion].rows(Signals(np.array(weight, np.float32), **arrays), RNG)


def test_squared_magnitude():
    np.testing.assert_array_equal(entries("squared_magnitude", [[1, -2], [3, -4]]), [[1, 4], [9, 16]])
    np.testing.assert_array_equal(rows("squared_magnitude", [[1, -2], [3, -4]]), [2.5, 12.5])


def test_squared_gradient_is_the_mean_of_squares(regression, samples):
    """Each sample a batch, w = (1, 2), t = 0: errors 1 and 4, g = (1, 0) and (0, 8); mean of squares (½, 32)."""
    network, parts = regression(1, 2), samples(APART, [0, 0])
    assert scores(network, parts, "squared_gradient", calibration_size=1) == [0.5, 32]


def test_snip_is_the_share_of_the_absolute_product():
    """Lee et al. 2019: |g w| / Σ |g w|; g w = 2, 0, 0, -4, so the shares are 2 / 6 and 4 / 6."""
    found = entries("snip", [[1, -2], [3, -4]], gradient=[[2, 0], [0, 1]])
    np.testing.assert_array_equal(found, [[2, 0], [0, 4]])
    np.testing.assert_allclose(found / found.sum(), [[1 / 3, 0], [0, 2 / 3]], rtol=1e-6)


def test_snip_takes_the_gradient_of_all_batches_before_the_absolute_value(regression, samples):
    """x = (1, 0) twice, targets 0 and 2 around w x = 1: gradients 1 and -1 cancel, and so they do in SNIP."""
    assert scores(regression(1, 1), samples([[1, 0], [1, 0]], [0, 2]), "snip", calibration_size=1) == [0, 0]


def test_grasp(regression, samples):
    """The loss ½ (w x / T)²: H = diag(½, 2) / T², g = H w = (½, 4) / T², H g = (¼, 8) / T⁴, w ⊙ H g = (¼, 16) / T⁴.

    Wang et al. 2020 score S = -w ⊙ H g and remove the largest: -¼, the first. T = 200.
    """
    found = scores(regression(1, 2), samples(APART, [0, 0]), "grasp")
    assert found == pytest.approx([0.25 / 200**4, 16 / 200**4], rel=1e-6)


def test_grasp_removes_the_largest_signed_score_not_the_smallest_size():
    """S = -w ⊙ H g = 3 and -1: the first goes, though |S| would spare it."""
    found = entries("grasp", [[1, 1]], hessian_gradient=[[-3, 1]])
    assert found.argmin() == 0


def test_fisher_squares_the_gradient_of_each_sample(regression, samples):
    """w = (1, 2), t = 0: errors 1 and 3, g = (1, 0) and (3, 3); F = ((1 + 9) / 2, 9 / 2); ½ F w² = (2.5, 9).

    The gradient of the batch, (2, 1.5), squared would give ½ (4 · 1, 2.25 · 4) = (2, 4.5).
    """
    network, parts = regression(1, 2), samples(TOGETHER, [0, 0])
    assert scores(network, parts, "fisher") == [2.5, 9]


def test_fisher_is_a_mean_over_samples_however_they_are_batched(regression, samples):
    """Three samples in batches of two and one. Errors 1, 3, 1: F = ((1 + 9 + 1) / 3, 9 / 3)."""
    parts = samples([*TOGETHER, [1, 0]], [0, 0, 0])
    for size in (1, 2, 3):
        found = scores(regression(1, 2), parts, "fisher", calibration_size=size)
        assert found == pytest.approx([11 / 6, 6], rel=1e-6)


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize(
    ("criterion", "x", "expected"),
    [
        # Errors 1, 3, 1, so g = (1, 0), (3, 3), (1, 0), on average (5/3, 1).
        ("gradient", [*TOGETHER, [1, 0]], [5 / 3, 1]),
        ("snip", [*TOGETHER, [1, 0]], [5 / 3, 2]),
        # H = ⅓ [[3, 1], [1, 1]], H g = (2, 8/9), w ⊙ H g = (2, 16/9), all of it over T⁴.
        ("grasp", [*TOGETHER, [1, 0]], [2 / 200**4, 16 / 9 / 200**4]),
        # H = diag(2/3, 4/3): ½ H w² = (1/3, 8/3).
        ("obd", [*APART, [1, 0]], [1 / 3, 8 / 3]),
    ],
)
def test_a_small_last_batch_counts_as_little_as_it_holds(regression, samples, criterion, x, expected, size):
    """Three samples in batches of two and one, w = (1, 2), t = 0: these scores know samples, not batches."""
    found = scores(regression(1, 2), samples(x, [0, 0, 0]), criterion, calibration_size=size)
    assert found == pytest.approx(expected, rel=1e-6)


def test_fisher_of_a_channel_sums_activation_times_gradient(regression, samples):
    """Theis et al. 2018: Δ = 1/(2N) Σ (Σ a ∂ℓ/∂a)²; a = 1 and 3, ∂ℓ/∂a = a: (1² + 9²) / 4 = 20.5."""
    found = rows("fisher", [[1, 2]], activation_fisher=[(1 + 81) / 2])
    np.testing.assert_array_equal(found, [20.5])


def test_woodfisher_is_the_damped_fisher(regression, samples):
    """½ w² (F + λ) with F = (5, 4.5) from above, λ = 1e-5."""
    found = scores(regression(1, 2), samples(TOGETHER, [0, 0]), "woodfisher")
    assert found == pytest.approx([0.5 * (5 + 1e-5), 2 * (4.5 + 1e-5)], rel=1e-6)


def test_woodfisher_is_surgeons_saliency_with_the_inverse_by_woodbury():
    """One weight, one sample, g = 3: F⁻¹ = 1/λ - (1/λ)² g² / (1 + g²/λ) = 1 / (λ + g²); w² / (2 F⁻¹) for w = 2."""
    damping, g, w = 1e-5, 3.0, 2.0
    inverse = 1 / damping - (g / damping) ** 2 / (1 + g**2 / damping)
    assert entries("woodfisher", [[w]], fisher=[[g**2]])[0, 0] == pytest.approx(w**2 / (2 * inverse), rel=1e-4)


def test_hessian_of_a_diagonal_is_exact_with_any_random_vectors(regression, samples):
    """z ⊙ H z = diag(H) z² = diag(H) = (½, 2): ½ H w² = (¼, 4) for w = (1, 2)."""
    assert scores(regression(1, 2), samples(APART, [0, 0]), "hessian") == [0.25, 4]
    assert scores(regression(1, 2), samples(APART, [0, 0]), "obd") == [0.25, 4]


def test_hutchinson_is_off_by_the_products_of_signs(regression, samples):
    """H = [[1, ½], [½, ½]]: z ⊙ H z = (1 + ½ s, ½ + ½ s), s = z₁ z₂ in ±1; the mean of s over 8 vectors is k / 4."""
    twice = np.array(scores(regression(1, 1), samples(TOGETHER, [0, 0]), "hessian")) * 2
    assert twice[0] - twice[1] == pytest.approx(0.5)
    assert (twice[0] - 1) * 8 == pytest.approx(round((twice[0] - 1) * 8))


def test_hessian_of_a_unit_is_its_mean_trace_times_its_squares():
    """Yao et al. 2021: Tr(H) / (2 n) ‖w‖² = (½ + 2) / 4 · (1 + 4) = 3.125."""
    np.testing.assert_array_equal(rows("hessian", [[1, 2]], hessian_diagonal=[[0.5, 2]]), [3.125])
    folded = CRITERIA["hessian"].pooled(
        Signals(np.array([[1, 2]], np.float32), hessian_diagonal=np.array([[0.5, 2]], np.float32)),
        RNG,
        Fold((1, 2), (1, 2)),
    )
    np.testing.assert_array_equal(folded, [3.125])


def test_negative_curvature_counts_by_size_for_the_hessian_and_as_nothing_for_obd():
    assert entries("hessian", [[2.0]], hessian_diagonal=[[-1.0]]) == 2
    assert entries("obd", [[2.0]], hessian_diagonal=[[-1.0]]) == 0
    assert entries("obd", [[2.0]], hessian_diagonal=[[3.0]]) == 6


def test_synflow_is_what_flows_through_a_weight():
    """Tanaka et al. 2020, W₁ = [[1, -2], [3, 4]], W₂ = [[5, -6]]: the criterion hands on |∂R/∂w ⊙ w|.

    R = 5 (1 + 2) + 6 (3 + 4) = 57; through w₁₁₁ flows 1 · 5. What flows through a layer adds up to R.
    """
    first, second = np.abs([[1, -2], [3, 4]]) * [[5], [6]], np.abs([[5, -6]]) * [[3, 7]]
    assert first.sum() == second.sum() == 57
    np.testing.assert_array_equal(entries("synflow", [[1, -2], [3, 4]], flow=first), [[5, 10], [18, 24]])


def test_wanda_compares_within_the_row(regression):
    """‖x‖ = (√(3² + 4²), 1) = (5, 1): products [[5, 2], [15, 4]]. Each row's second goes first, be it 2 or 4.

    Sun et al. 2023, eq. 1 and section 3: the same share of every output row.
    """
    found = entries("wanda", [[1, -2], [3, -4]], input_norm=[[5, 1]])
    np.testing.assert_array_equal(found, [[1, 0.5], [1, 0.5]])
    steep = entries("wanda", [[1, 2, 3], [100, 200, 300]], input_norm=[[1, 1, 1]])
    np.testing.assert_allclose(steep, [[1 / 3, 2 / 3, 1]] * 2, rtol=1e-6)


def test_wanda_takes_the_norm_over_all_samples(regression, samples):
    """x = (3, 1), (4, 0), whatever the batches; w = (1, 4): products 5 and 4, so the second goes first."""
    for size in (1, 2):
        found = scores(regression(1, 4), samples([[3, 1], [4, 0]], [0, 0]), "wanda", calibration_size=size)
        assert found == [1, 0.5]
        row = scores(regression(1, 4), samples([[3, 1], [4, 0]], [0, 0]), "wanda", "block-1x2", calibration_size=size)
        assert row == [4.5]


def test_contribution_is_the_share_of_a_units_input(regression, samples):
    """E|x| = (3.5, ½), w = (1, -2): parts 3.5 and 1, shares 7/9 and 2/9. Rows of 3, -4: 10.5 / 12.5 and 2 / 12.5."""
    found = scores(regression(1, -2), samples([[3, 1], [-4, 0]], [0, 0]), "contribution")
    assert found == pytest.approx([7 / 9, 2 / 9], rel=1e-6)
    by_row = entries("contribution", [[1, -2], [3, -4]], input_mean=[[3.5, 0.5]])
    np.testing.assert_allclose(by_row, [[7 / 9, 2 / 9], [0.84, 0.16]], rtol=1e-6)
    np.testing.assert_array_equal(entries("contribution", [[1, 2]], input_mean=[[0, 0]]), [[0, 0]])


def test_movement_keeps_its_sign():
    """Sanh et al. 2020: weights that move towards zero have the lowest scores and go first, large or small."""
    np.testing.assert_array_equal(entries("movement", [[9, 1]], movement=[[-2, 0.5]]), [[-2, 0.5]])
    np.testing.assert_array_equal(rows("movement", [[9, 1]], movement=[[-2, 0.5]]), [-0.75])


def test_ablation_is_the_loss_that_was_measured(regression, samples):
    """w = (1, 2) fits t = (1, 4) exactly. Without the first the errors are 1 and 0, without the second 0 and 4."""
    assert scores(regression(1, 2), samples(APART, [1, 4]), "ablation") == [0.5, 8]


def test_ablation_is_negative_where_the_network_is_better_off(regression, samples):
    """t = (0, 4): the first weight only does harm, 1² / 2."""
    assert scores(regression(1, 2), samples(APART, [0, 4]), "ablation") == [-0.5, 8]


def test_batch_norm_scale_is_absolute(pictures):
    network = pictures(np.zeros((1, 2, 2, 2)), np.zeros((1, 2, 2, 2)))
    network.arrays_["n.scale"][:] = [0.5, -2]
    assert scores(network, None, "bn_scale", "channel") == [0.5, 2]


def test_the_geometric_median_goes_first():
    """He et al. 2019: rows (0, 0), (3, 4), (6, 8) are 5 and 10 apart: sums 15, 10, 15."""
    np.testing.assert_allclose(rows("fpgm", [[0, 0], [3, 4], [6, 8]]), [15, 10, 15], rtol=1e-6)


def test_fpgm_over_more_rows_than_one_block_holds():
    """Points 0 … 599 on a line: the sum of distances from i is i (i + 1) / 2 + (599 - i) (600 - i) / 2."""
    i = np.arange(600)
    found = rows("fpgm", i[:, None])
    np.testing.assert_allclose(found, i * (i + 1) / 2 + (599 - i) * (600 - i) / 2, rtol=1e-6)


MAPS = [[[[0, 1], [0, 0]], [[1, 2], [2, 4]]], [[[0, 0], [0, 0]], [[1, 0], [0, 1]]]]
SLOPES = [[[[5, 2], [5, 5]], [[1, -1], [0, 0]]], [[[7, 7], [7, 7]], [[1, 9], [9, 3]]]]


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize(
    ("criterion", "expected"),
    [
        # Zeros: 7 of 8 and 2 of 8; importance is 1 - APoZ (Hu et al. 2016).
        ("apoz", [1 / 8, 6 / 8]),
        # Sums 1 and 11 over 8 values.
        ("activation_mean", [1 / 8, 11 / 8]),
        # Ranks 1 and 0; [[1, 2], [2, 4]] is 1, the unit matrix 2 (Lin et al. 2020).
        ("hrank", [0.5, 1.5]),
        # Σ a g: 2 and 0; -1 and 4. |mean over 4 positions| averaged: ¼ and 5/8; then over √(Σ Θ²) (Molchanov 2017).
        ("activation_taylor", (np.array([0.25, 0.625]) / np.hypot(0.25, 0.625)).tolist()),
        # The same sums: ½ (2² + 0) / 2 and ½ (1 + 4²) / 2 (Theis et al. 2018).
        ("fisher", [1, 4.25]),
    ],
)
def test_what_channels_say(pictures, samples, criterion, expected, size):
    """Over all batches, however the samples are dealt out; the order of the samples is that of the calibration."""
    parts = samples(np.zeros((2, 1, 2, 2)), [0, 0])
    found = scores(pictures(MAPS, SLOPES), parts, criterion, "channel", calibration_size=size)
    assert found == pytest.approx(expected, rel=1e-6)
