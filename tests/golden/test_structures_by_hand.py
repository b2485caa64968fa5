"""Units, scores and masks of structures on arrays a reader can check by eye."""

import numpy as np
import pytest

from core.criteria import CRITERIA, Signals
from core.errors import BadSetting, UnknownName
from core.graph import Graph, Node, Op
from core.structures import STRUCTURES, Fold


def single(*shape: int, op: Op = Op.LINEAR) -> Graph:
    """One Weight with another behind it, so that its rows are no output."""
    arrays = {"a.kernel": shape, "z.kernel": (2, shape[0])}
    nodes = (
        Node("x", Op.INPUT, (), (shape[1], *(4 for _ in shape[2:]))),
        Node("a", op, ("x",), (shape[0], *(4 for _ in shape[2:])), "a", {"groups": 1, "channel_axis": 0}),
        Node("p", Op.REDUCE, ("a",), (shape[0],), None, {"axes": tuple(range(1, len(shape) - 1)), "keepdims": False}),
        Node("z", Op.LINEAR, ("p",), (2,), "z"),
        Node("y", Op.OUTPUT, ("z",), (2,)),
    )
    return Graph(nodes, arrays, {})


def scored(structure: str, graph: Graph, weight: np.ndarray):
    one = STRUCTURES[structure]
    units = next(u for u in one.units(graph) if u.weights == ("a.kernel",))
    return units, one.scores(graph, units, CRITERIA["magnitude"], {"a.kernel": Signals(weight)}, 0)


def test_two_of_four():
    """Of 1 -4 2 3 the 1 and the 2 go, worth 3; of 5 1 1 2 the two ones, worth 2; of the last two inputs none."""
    weight = np.array([[1, -4, 2, 3, 5, 1, 1, 2, 9, 9]], np.float32)
    graph = single(1, 10)
    units, worth = scored("2:4", graph, weight)
    assert units.size == 2
    np.testing.assert_array_equal(worth.whole(), [3, 2])
    masks = STRUCTURES["2:4"].masks(graph, {"a.kernel": np.array([True, True])}, {"a.kernel": worth})
    np.testing.assert_array_equal(masks["a.kernel"].kept, [[0, 1, 0, 1, 1, 0, 0, 1, 1, 1]])


def test_one_of_four_of_a_convolution_runs_along_its_inputs():
    """For every output and window position: of the inputs 1 2 3 4 the 4 stays; with equal ones the last."""
    weight = np.empty((1, 4, 1, 2), np.float32)
    weight[0, :, 0, 0], weight[0, :, 0, 1] = [1, 2, 3, 4], [7, 7, 7, 7]
    graph = single(1, 4, 1, 2, op=Op.CONV)
    units, worth = scored("1:4", graph, weight)
    np.testing.assert_array_equal(worth.whole(), [6, 21])
    masks = STRUCTURES["1:4"].masks(graph, {"a.kernel": np.array([True, True])}, {"a.kernel": worth})
    np.testing.assert_array_equal(masks["a.kernel"].kept[0, :, 0, 0], [0, 0, 0, 1])
    np.testing.assert_array_equal(masks["a.kernel"].kept[0, :, 0, 1], [0, 0, 0, 1])


@pytest.mark.parametrize(("amount", "groups"), [(0.0, 0), (0.25, 50), (0.5, 100), (0.9, 100)])
def test_the_sparsity_of_n_of_m_counts_weights(amount, groups):
    """100 groups of 2:4 are 400 weights: 25 % are 100 weights, two a group; more than half cannot go."""
    assert STRUCTURES["2:4"].quota(100, amount) == groups


def test_blocks_of_two_outputs_by_two_inputs_end_at_the_edge():
    """3 x 3: the whole block 1 2 / 4 5 is worth 3, then 3 6 (4.5), 7 8 (7.5) and 9."""
    weight = np.arange(1, 10, dtype=np.float32).reshape(3, 3)
    graph = single(3, 3)
    units, worth = scored("block-2x2", graph, weight)
    np.testing.assert_array_equal(worth.whole(), [3, 4.5, 7.5, 9])
    masks = STRUCTURES["block-2x2"].masks(graph, {"a.kernel": np.array([False, True, True, False])})
    np.testing.assert_array_equal(masks["a.kernel"].kept, [[1, 1, 0], [1, 1, 0], [0, 0, 1]])


@pytest.mark.parametrize(
    ("structure", "scores"),
    [("kernel", [0.5, 2.5, 4.5, 6.5]), ("row", [1.5, 5.5]), ("column", [2.5, 4.5])],
)
def test_kernels_rows_and_columns_are_worth_the_mean_of_their_weights(structure, scores):
    weight = np.arange(8, dtype=np.float32).reshape(2, 2, 1, 2)
    _, worth = scored(structure, single(2, 2, 1, 2, op=Op.CONV), weight)
    np.testing.assert_array_equal(worth.whole(), scores)


def test_a_row_leaves_its_bias_and_a_channel_takes_it():
    graph = single(3, 2)
    graph = Graph(graph.nodes, {**graph.arrays, "a.bias": (3,)}, {})
    assert set(STRUCTURES["row"].masks(graph, {"a.kernel": np.array([True, False, False])})) == {"a.kernel"}
    assert set(STRUCTURES["channel"].masks(graph, {"a": np.array([True, False, False])})) == {
        "a.kernel",
        "a.bias",
        "z.kernel",
    }


def test_layers_to_which_a_structure_does_not_apply_say_why():
    first = single(4, 1, 3, 3, op=Op.CONV)
    assert STRUCTURES["2:4"].left_out(first)["a"] == "it has 1 input, and a group takes 4"
    assert STRUCTURES["column"].left_out(first)["a"] == "it has one input"
    assert STRUCTURES["block-4x4"].left_out(first)["a"] == "its 4 x 1 weights are fewer than one block"
    assert "no window" in STRUCTURES["kernel"].left_out(first)["z"]
    assert "output" in STRUCTURES["row"].left_out(first)["z"]
    assert "heads" in STRUCTURES["head"].left_out(first)["a"]


def test_any_n_of_m_and_any_block_can_be_asked_for_by_name():
    assert STRUCTURES["3:7"].numbers == (3, 7)
    assert STRUCTURES["block-2x8"].numbers == (2, 8)
    assert "3:7" in STRUCTURES
    assert "3:7" not in list(STRUCTURES)
    assert STRUCTURES["3:7"].whole == pytest.approx(4 / 7)
    with pytest.raises(BadSetting, match="fewer than M"):
        STRUCTURES["4:4"]
    with pytest.raises(BadSetting, match="1 to 1024"):
        STRUCTURES["block-0x4"]
    with pytest.raises(UnknownName):
        STRUCTURES["block-4"]


def test_folds_sum_alike_whatever_the_memory_order():
    rng = np.random.default_rng(0)
    array = rng.standard_normal((5, 6, 3), np.float32)
    for box in ((1, 6, 3), (5, 1, 3), (2, 4, 1), (5, 6, 3), (1, 1, 1)):
        fold = Fold((5, 6, 3), box)
        np.testing.assert_array_equal(fold.sum(array), fold.sum(np.asfortranarray(array)))
        assert fold.sum(np.ones_like(array)).tolist() == fold.size.tolist()
        assert fold.size.sum() == 90
        units = np.arange(fold.units)
        np.testing.assert_array_equal(fold.sum(fold.spread(units).astype(np.float32)), units * fold.size)
