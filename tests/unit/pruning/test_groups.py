"""Which channels go together, on graphs drawn by hand."""

import gc

import numpy as np
import pytest

from core.graph import Group, Member, Op
from core.groups import _KNOWN, groups, left_out


def members(group: Group) -> dict[tuple[str, int], list[int]]:
    return {(m.array, m.axis): m.channel.tolist() for m in group.members}


def by_name(graph) -> dict[str, Group]:
    return {group.name: group for group in groups(graph)}


def test_a_chain_has_one_group_per_hidden_layer_with_its_consumers_columns(sketch):
    sketch.input(4)
    sketch.linear("a", 3)
    sketch.same(Op.ELEMENTWISE)
    sketch.linear("b", 2, bias=False)
    (group,) = groups(sketch.drawn())
    assert (group.name, group.channels, group.cuttable, group.reason) == ("a", 3, True, "")
    assert members(group) == {("a.kernel", 0): [0, 1, 2], ("a.bias", 0): [0, 1, 2], ("b.kernel", 1): [0, 1, 2]}
    assert [m.array for m in group.members if m.produces] == ["a.kernel"]


def test_layers_that_make_the_output_are_in_no_group(sketch):
    sketch.input(4)
    sketch.linear("a", 3)
    sketch.same(Op.SOFTMAX, axis=0)
    graph = sketch.drawn()
    assert groups(graph) == ()
    assert left_out(graph) == {"a": "the network's output is never cut"}


def test_flattened_pictures_give_every_channel_a_run_of_columns(sketch):
    sketch.input(1, 2, 2)
    sketch.conv("c", 3)
    sketch.flatten()
    sketch.linear("f", 2)
    assert members(by_name(sketch.drawn())["c"])["f.kernel", 1] == [0] * 4 + [1] * 4 + [2] * 4


def test_channels_last_flattened_give_every_channel_a_comb_of_columns(sketch):
    sketch.input(1, 2, 2)
    sketch.conv("c", 3)
    sketch.add(Op.PERMUTE, (2, 2, 3), axes=(1, 2, 0))
    sketch.flatten()
    sketch.linear("f", 2)
    assert members(by_name(sketch.drawn())["c"])["f.kernel", 1] == [0, 1, 2] * 4


def test_batch_norm_goes_with_the_channels(sketch):
    sketch.input(1, 4, 4)
    sketch.conv("c", 3)
    sketch.norm("n")
    sketch.conv("d", 2)
    assert {m.array for m in by_name(sketch.drawn())["c"].members} == {
        *("c.kernel", "c.bias", "n.scale", "n.shift", "n.mean", "n.variance", "d.kernel"),
    }


def test_a_residual_sum_makes_two_producers_one_group(sketch):
    sketch.input(1, 4, 4)
    first = sketch.conv("c", 3)
    second = sketch.conv("d", 3)
    sketch.same(Op.ADD, first, second)
    sketch.flatten()
    sketch.linear("f", 2)
    (group,) = groups(sketch.drawn())
    assert [m.array for m in group.members if m.produces] == ["c.kernel", "d.kernel"]
    assert members(group)["d.kernel", 1] == [0, 1, 2]


def test_concatenated_producers_stay_apart_and_share_a_consumer(sketch):
    start = sketch.input(4)
    one = sketch.linear("a", 2, (start,))
    other = sketch.linear("b", 3, (start,))
    sketch.add(Op.CONCAT, (5,), inputs=(one, other), axis=0)
    sketch.linear("c", 2)
    found = by_name(sketch.drawn())
    assert members(found["a"])["c.kernel", 1] == [0, 1, -1, -1, -1]
    assert members(found["b"])["c.kernel", 1] == [-1, -1, 0, 1, 2]


def test_the_input_concatenated_to_channels_has_none_itself(sketch):
    start = sketch.input(4)
    one = sketch.linear("a", 2, (start,))
    sketch.add(Op.CONCAT, (6,), inputs=(start, one), axis=0)
    sketch.linear("c", 2)
    assert members(by_name(sketch.drawn())["a"])["c.kernel", 1] == [-1] * 4 + [0, 1]


@pytest.mark.parametrize("multiplier", [1, 2])
def test_depthwise_rows_go_with_the_channel_they_read(sketch, multiplier):
    sketch.input(1, 4, 4)
    sketch.conv("c", 3)
    sketch.depthwise("w", multiplier)
    sketch.conv("d", 2)
    sketch.flatten()
    sketch.linear("f", 2)
    graph = sketch.drawn()
    found = members(by_name(graph)["c"])
    rows = np.repeat([0, 1, 2], multiplier).tolist()
    assert found["w.depthwise", 0] == found["w.bias", 0] == found["d.kernel", 1] == rows
    assert left_out(graph)["w"].startswith("a depthwise kernel goes with")


def test_a_shared_layer_that_sees_the_same_channels_is_one_member(sketch):
    start = sketch.input(4)
    sketch.linear("a", 3, (start,))
    once = sketch.linear("s", 3)
    sketch.add(Op.ADD, (3,), inputs=("n1", once))
    twice = sketch.add(Op.LINEAR, (3,), "s")
    sketch.linear("b", 2, (twice,))
    group = by_name(sketch.drawn())["a"]
    assert group.cuttable
    assert len([m for m in group.members if m.array == "s.kernel"]) == 2  # its rows and its columns


def test_channels_that_a_shared_layer_reads_at_the_same_place_go_together(sketch):
    start = sketch.input(4)
    one, other = sketch.linear("a", 3, (start,)), sketch.linear("b", 3, (start,))
    sketch.linear("s", 2, (one,))
    second = sketch.add(Op.LINEAR, (2,), "s", (other,))
    sketch.add(Op.ADD, (2,), inputs=("n3", second))
    sketch.linear("out", 2)
    found = by_name(sketch.drawn())
    assert found.keys() == {"a", "s"}
    expected = {("a.kernel", 0), ("a.bias", 0), ("b.kernel", 0), ("b.bias", 0), ("s.kernel", 1)}
    assert found["a"].cuttable
    assert members(found["a"]) == dict.fromkeys(expected, [0, 1, 2])


def test_a_shared_layer_that_also_reads_the_input_keeps_the_channels(sketch):
    start = sketch.input(3)
    sketch.linear("s", 2, (start,))
    made = sketch.linear("a", 3, (start,))
    sketch.add(Op.ADD, (2,), inputs=("n1", sketch.add(Op.LINEAR, (2,), "s", (made,))))
    sketch.linear("out", 2)
    found = by_name(sketch.drawn())
    assert found["s"].cuttable
    assert '"s.kernel" is also used where' in found["a"].reason


def frozen(sketch, op: Op, shape: tuple[int, ...], **attrs) -> Group:
    """Two convolutions, then that operation, then a layer that makes the output."""
    sketch.input(1, 4, 4)
    sketch.conv("c", 3)
    layer = attrs.pop("layer", None)
    sketch.add(op, shape, layer, **attrs)
    sketch.flatten()
    sketch.linear("f", 2)
    return by_name(sketch.drawn())["c"]


@pytest.mark.parametrize(
    ("op", "shape", "attrs", "reason"),
    [
        (Op.LAYER_NORM, (3, 4, 4), {"layer": "norm1", "axes": (0, 1, 2)}, ""),
        (Op.GROUP_NORM, (3, 4, 4), {"layer": "g", "groups": 3, "channel_axis": 0}, ""),
        (Op.GROUP_NORM, (3, 4, 4), {"layer": "g", "groups": 1, "channel_axis": 0}, ""),
        (Op.GRU, (4, 5), {"layer": "gru", "hidden": 5}, "gru gru"),
        (Op.OPAQUE, (7,), {}, "opaque n2"),
        (Op.SOFTMAX, (3, 4, 4), {"axis": 0}, "softmax n2 across channels"),
        (Op.REDUCE, (4, 4), {"axes": (0,), "keepdims": False}, "averaged with other channels"),
        (Op.SLICE, (2, 4, 4), {"axis": 0, "start": 0, "stop": 2, "step": 1}, "chosen by position"),
        (Op.RESHAPE, (3, 16), {}, ""),
        (Op.RESHAPE, (6, 8), {}, "taken apart"),
        (Op.ADD, (3, 4, 4), {}, ""),
        (Op.POOL, (3, 2, 2), {"channel_axis": 0}, ""),
        (Op.REDUCE, (3,), {"axes": (1, 2), "keepdims": False}, ""),
        (Op.REDUCE, (3, 1, 1), {"axes": (1, 2), "keepdims": True}, ""),
        (Op.SLICE, (3, 4), {"axis": 1, "index": 0}, ""),
    ],
)
def test_what_cannot_do_without_a_channel_freezes_it_and_says_so(sketch, op, shape, attrs, reason):
    group = frozen(sketch, op, shape, **attrs)
    assert group.cuttable == (reason == "")
    assert reason in group.reason
    if reason:
        assert group.reason.endswith("zeroed only")
        assert members(group) == {("c.kernel", 0): [0, 1, 2], ("c.bias", 0): [0, 1, 2]}


def test_a_reason_names_the_class_and_the_layer(sketch):
    sketch.input(4)
    sketch.linear("a", 3)
    sketch.add(Op.OPAQUE, (3,), "sort1")
    sketch.classes["sort1"] = "Sorting"
    sketch.linear("b", 2)
    assert by_name(sketch.drawn())["a"].reason == "reaches Sorting sort1: zeroed only"


def test_channels_at_the_same_place_of_every_group_of_a_convolution_go_together(sketch):
    sketch.input(1, 4, 4)
    sketch.conv("c", 4)
    sketch.conv("g", 6, groups=2)
    sketch.conv("d", 2)
    found = by_name(sketch.drawn())
    assert members(found["c"]) == {
        **dict.fromkeys([("c.kernel", 0), ("c.bias", 0)], [0, 1, 0, 1]),
        ("g.kernel", 1): [0, 1],
    }
    assert members(found["g"])["g.kernel", 0] == members(found["g"])["d.kernel", 1] == [0, 1, 2] * 2
    assert found["g"].channels == 3


def test_channels_at_the_same_place_of_every_group_of_a_normalisation_go_together(sketch):
    sketch.input(1, 4, 4)
    sketch.conv("c", 6)
    sketch.group_norm("n", 2)
    sketch.conv("d", 2)
    group = by_name(sketch.drawn())["c"]
    assert members(group)["n.scale", 0] == members(group)["d.kernel", 1] == [0, 1, 2] * 2
    assert "GroupNorm n counts zeroed channels" in group.estimated


def test_layer_normalisation_goes_with_the_channels(sketch):
    sketch.input(4)
    sketch.linear("a", 3)
    sketch.layer_norm("n")
    sketch.linear("b", 2)
    group = by_name(sketch.drawn())["a"]
    assert group.estimated == ""
    assert members(group)["n.scale", 0] == members(group)["n.shift", 0] == [0, 1, 2]


def test_a_normalisation_without_scale_makes_the_preview_an_estimate(sketch):
    sketch.input(4)
    sketch.linear("a", 3)
    sketch.same(Op.LAYER_NORM, axes=(0,))
    sketch.linear("b", 2)
    group = by_name(sketch.drawn())["a"]
    assert group.cuttable
    assert "counts zeroed channels among its statistics until they are cut" in group.estimated


@pytest.mark.parametrize(("op", "gates"), [(Op.GRU, 3), (Op.LSTM, 4)])
def test_a_hidden_unit_goes_with_all_gates_its_column_and_its_consumers(sketch, op, gates):
    sketch.input(5, 2)
    sketch.linear("a", 4)
    sketch.recurrent("r", op, 3)
    sketch.linear("b", 2)
    found = by_name(sketch.drawn())
    rows = [0, 1, 2] * gates
    assert (found["r"].kind, found["a"].kind) == ("hidden", "channel")
    assert members(found["r"]) == {
        **dict.fromkeys([("r.kernel", 0), ("r.recurrent", 0), ("r.bias", 0), ("r.recurrent_bias", 0)], rows),
        **dict.fromkeys([("r.recurrent", 1), ("b.kernel", 1)], [0, 1, 2]),
    }
    assert [m.array for m in found["r"].members if m.produces] == ["r.kernel", "r.recurrent"]
    assert members(found["a"])["r.kernel", 1] == [0, 1, 2, 3]


def test_both_directions_of_a_layer_keep_as_many_units(sketch):
    start = sketch.input(5, 2)
    ahead = sketch.recurrent("r.forward", Op.GRU, 3, (start,))
    back = sketch.recurrent("r.backward", Op.GRU, 3, (start,), twin="r.forward")
    sketch.add(Op.CONCAT, (5, 6), inputs=(ahead, back), axis=1)
    sketch.linear("b", 2)
    (group,) = groups(sketch.drawn())
    assert (group.name, group.channels) == ("r.backward", 3)
    assert members(group)["b.kernel", 1] == [0, 1, 2] * 2


def test_units_that_cannot_go_are_zeroed_in_all_their_rows(sketch):
    sketch.input(5, 2)
    sketch.recurrent("r", Op.LSTM, 3)
    sketch.same(Op.SOFTMAX, axis=1)
    sketch.linear("b", 2)
    (group,) = groups(sketch.drawn())
    assert (group.kind, group.cuttable) == ("hidden", False)
    assert {place for place, rows in members(group).items() if rows == [0, 1, 2] * 4} == {
        *(("r.kernel", 0), ("r.recurrent", 0), ("r.bias", 0), ("r.recurrent_bias", 0)),
    }


def test_heads_go_inside_an_attention_and_channels_around_it(sketch):
    sketch.input(5, 2)
    sketch.linear("a", 4)
    sketch.attention("t", 2, 4)
    sketch.linear("b", 2)
    found = by_name(sketch.drawn())
    halves = [0, 0, 1, 1]
    rows = {(f"t.{role}{end}", 0): halves for role in ("query", "key", "value") for end in ("", "_bias")}
    assert found["t.heads"].kind == "head"
    assert members(found["t.heads"]) == {**rows, ("t.out", 1): halves}
    everything = [0, 1, 2, 3]
    assert [members(found["a"])[f"t.{role}", 1] for role in ("query", "key", "value")] == [everything] * 3
    assert members(found["t"]) == dict.fromkeys([("t.out", 0), ("t.out_bias", 0), ("b.kernel", 1)], everything)


def test_heads_stay_where_the_attention_weights_are_used(sketch):
    sketch.input(5, 4)
    sketch.attention("t", 2, 4, weights=True)
    sketch.linear("b", 2)
    assert "attention weights are used" in by_name(sketch.drawn())["t.heads"].reason


def test_an_embedding_goes_with_the_channels_it_is_added_to(sketch):
    start = sketch.input(5)
    sketch.embedding("words", 7, 3, start)
    inner = sketch.linear("a", 3)
    sketch.same(Op.ADD, "n1", inner)
    sketch.linear("b", 2)
    (group,) = groups(sketch.drawn())
    assert members(group)["words.embedding", 1] == members(group)["b.kernel", 1] == [0, 1, 2]
    assert [m.array for m in group.members if m.produces] == ["a.kernel"]


def test_an_embedding_alone_ranks_nothing(sketch):
    start = sketch.input(5)
    sketch.embedding("words", 7, 3, start)
    sketch.linear("b", 2)
    assert groups(sketch.drawn()) == ()


def test_a_parameter_that_is_added_goes_with_the_channels(sketch):
    sketch.input(5, 2)
    one = sketch.linear("a", 3)
    sketch.arrays["position.parameter"] = (1, 5, 3)
    place = sketch.add(Op.OPAQUE, (5, 3), "position", ())
    sketch.add(Op.ADD, (5, 3), inputs=(one, place))
    sketch.flatten()
    sketch.linear("b", 2)
    (group,) = groups(sketch.drawn())
    assert members(group)["position.parameter", 2] == [0, 1, 2]
    assert members(group)["b.kernel", 1] == [0, 1, 2] * 5


def test_a_slope_per_channel_goes_with_it(sketch):
    sketch.input(1, 4, 4)
    sketch.conv("c", 3)
    sketch.arrays["prelu.slope"] = (3,)
    sketch.add(Op.ELEMENTWISE, (3, 4, 4), "prelu", channel_axis=0)
    sketch.conv("d", 2)
    assert members(by_name(sketch.drawn())["c"])["prelu.slope", 0] == [0, 1, 2]


def test_one_channel_multiplied_onto_many_stays(sketch):
    sketch.input(1, 4, 4)
    wide = sketch.conv("c", 3)
    gate = sketch.conv("gate", 1, (wide,))
    sketch.same(Op.MULTIPLY, wide, gate)
    sketch.flatten()
    sketch.linear("f", 2)
    found = by_name(sketch.drawn())
    assert found["c"].cuttable
    assert "spread over other channels" in found["gate"].reason


def test_a_sum_with_the_input_keeps_the_channels(sketch):
    start = sketch.input(4)
    one = sketch.linear("a", 4, (start,))
    sketch.same(Op.ADD, start, one)
    sketch.linear("b", 2)
    assert "never cut" in by_name(sketch.drawn())["a"].reason


def test_producers_that_share_only_some_channels_stay(sketch):
    start = sketch.input(4)
    one, other, sum_ = (sketch.linear(n, k, (start,)) for n, k in (("a", 2), ("b", 2), ("c", 4)))
    joined = sketch.add(Op.CONCAT, (4,), inputs=(one, other), axis=0)
    sketch.same(Op.ADD, joined, sum_)
    sketch.linear("d", 2)
    assert all("share only some" in group.reason for group in groups(sketch.drawn()))


def test_a_residual_sum_into_the_output_keeps_all_its_producers(sketch):
    sketch.input(4)
    first = sketch.linear("a", 3)
    second = sketch.linear("b", 3)
    sketch.same(Op.ADD, first, second)
    assert groups(sketch.drawn()) == ()


def test_groups_come_in_graph_order_and_cover_every_index_once(sketch):
    sketch.input(1, 4, 4)
    for n in range(5):
        sketch.conv(f"c{n}", 3 + n)
        sketch.norm(f"n{n}")
    sketch.flatten()
    sketch.linear("f", 2)
    found = groups(sketch.drawn())
    assert [g.name for g in found] == [f"c{n}" for n in range(5)]
    for group in found:
        for member in group.members:
            assert isinstance(member, Member)
            assert set(member.channel.tolist()) == set(range(group.channels))


def test_an_analysis_is_forgotten_with_its_graph(sketch):
    sketch.input(4)
    sketch.linear("a", 3)
    graph = sketch.drawn()
    assert groups(graph) is groups(graph)
    place = id(graph)
    assert place in _KNOWN
    del graph
    gc.collect()
    assert place not in _KNOWN


def test_a_sum_with_an_array_of_constants_keeps_the_channels(sketch):
    sketch.input(4)
    one = sketch.linear("a", 3)
    constant = sketch.add(Op.OPAQUE, (3,), inputs=())
    sketch.same(Op.ADD, one, constant)
    sketch.linear("b", 2)
    assert "never cut" in by_name(sketch.drawn())["a"].reason


def test_names_and_order_do_not_depend_on_how_branches_are_listed(sketch):
    start = sketch.input(4)
    trunk = sketch.linear("trunk", 3, (start,))
    deep = sketch.linear("deep2", 3, (sketch.linear("deep1", 5, (trunk,)),))
    short = sketch.linear("short", 3, (trunk,))
    sketch.same(Op.ADD, deep, short)
    sketch.linear("f", 2)
    assert [g.name for g in groups(sketch.drawn())] == ["trunk", "deep1", "short"]


@pytest.mark.parametrize("inner", [True, False])
def test_channels_that_are_dealt_out_anew_go_at_the_same_place_of_every_run(sketch, inner):
    """Six channels in two runs of three, transposed: 0 3 1 4 2 5 (Zhang et al. 2018, arXiv:1707.01083, figure 1)."""
    sketch.input(1, 4, 4)
    sketch.conv("c", 6)
    sketch.add(Op.RESHAPE, (2, 3, 4, 4), inner=inner)
    sketch.add(Op.PERMUTE, (3, 2, 4, 4), axes=(1, 0, 2, 3))
    sketch.add(Op.RESHAPE, (6, 4, 4), inner=inner)
    sketch.conv("d", 2)
    group = by_name(sketch.drawn())["c"]
    assert group.cuttable == inner
    if inner:
        found = members(group)
        assert found["c.kernel", 0] == [0, 1, 2, 0, 1, 2]
        assert found["d.kernel", 1] == [0, 0, 1, 1, 2, 2]
    else:
        assert "is taken apart by" in group.reason


def test_pieces_of_one_size_lose_as_many(sketch):
    sketch.input(4)
    whole = sketch.linear("whole", 6)
    pieces = [sketch.add(Op.SLICE, (3,), inputs=(whole,), axis=0, start=3 * i, stop=3 * i + 3, step=1, pieces=2)
              for i in range(2)]  # fmt: skip
    sketch.add(Op.CONCAT, (6,), inputs=(pieces[1], pieces[0]), axis=0)
    sketch.linear("f", 2)
    group = by_name(sketch.drawn())["whole"]
    assert group.cuttable
    assert members(group)["whole.kernel", 0] == members(group)["f.kernel", 1] == [0, 1, 2, 0, 1, 2]
