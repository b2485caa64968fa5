"""The neutral graph says what the network does, whatever Keras calls it."""

import keras
import numpy as np
import pytest
from keras import layers as k

from core.backends.keras.network import Network
from core.backends.keras.walk import NOMINAL
from core.graph import Op
from core.groups import groups, left_out


def nodes(model):
    return {node.name: node for node in model.graph().nodes}


def test_activations_inside_layers_are_nodes_of_their_own(opened):
    model = opened(
        keras.Sequential([keras.Input((4,)), k.Dense(5, activation="gelu", name="a"), k.Dense(3, "softmax", name="b")])
    )
    found = nodes(model)
    assert [(n.op, n.inputs) for n in found.values()][1:] == [
        (Op.LINEAR, tuple(found)[:1]),
        (Op.ELEMENTWISE, ("a",)),
        (Op.LINEAR, ("a/gelu",)),
        (Op.SOFTMAX, ("b",)),
        (Op.OUTPUT, ("b/softmax",)),
    ]
    assert found["a"].layer == "a" and found["a/gelu"].layer is None
    assert model.graph().classes == {"a": "Dense", "b": "Dense"}


def test_a_shared_layer_is_two_nodes_of_one_layer(opened):
    entry = keras.Input((4,))
    shared = k.Dense(4, name="shared")
    model = opened(keras.Model(entry, k.Dense(2, name="end")(shared(shared(entry)))))
    assert [n.name for n in model.graph().nodes if n.layer == "shared"] == ["shared", "shared@2"]
    assert [w.name for w in model.graph().weights()] == ["shared.kernel", "end.kernel"]


def test_nested_models_are_flattened_and_prefixed(opened):
    inner = keras.Sequential([keras.Input((None, None, 2)), k.Conv2D(3, 3, name="conv")], name="inner")
    middle_in = keras.Input((8, 8, 2))
    middle = keras.Model(middle_in, inner(middle_in), name="middle")
    entry = keras.Input((8, 8, 2))
    model = opened(keras.Model(entry, k.Dense(2, name="fc")(k.Flatten()(middle(entry)))))
    assert model.arrays()["middle.inner.conv.kernel"].shape == (3, 2, 3, 3)
    assert nodes(model)["middle.inner.conv"].shape == (6, 6, 3)


def test_open_axes_count_as_nominal(opened):
    entry = keras.Input((None, 4))
    model = opened(keras.Model(entry, k.Dense(2)(k.GlobalAveragePooling1D()(k.Conv1D(3, 3, name="conv")(entry)))))
    assert nodes(model)["conv"].shape == (NOMINAL - 2, 3)
    assert model.input_shapes == ((None, 4),)
    assert any("any size" in note for note in model.notes)
    assert model.predict(np.zeros((2, 11, 4), np.float32)).shape == (2, 2)


def test_channels_first_is_read_from_the_configuration(opened):
    entry = keras.Input((3, 8, 8))
    x = k.Conv2D(4, 3, data_format="channels_first", name="conv")(entry)
    x = k.BatchNormalization(axis=1, name="norm")(x)
    x = k.GlobalAveragePooling2D(data_format="channels_first", name="pool")(x)
    found = nodes(opened(keras.Model(entry, k.Dense(2)(x))))
    assert found["conv"].shape == (4, 6, 6) and found["conv"].attrs == {"groups": 1, "channel_axis": 0}
    assert found["norm"].attrs == {"channel_axis": 0}
    assert found["pool"].attrs == {"axes": (1, 2), "keepdims": False}


def test_operations_of_keras_ops(opened):
    ops = keras.ops
    entry = keras.Input((6, 6, 4))
    x = k.Conv2D(4, 1, name="conv")(entry)
    y = ops.relu(x) * 0.5 + x
    y = ops.concatenate([y, x], axis=-1)[:, 1:, :]
    y = ops.transpose(ops.mean(y, axis=1), (0, 2, 1))
    y = ops.softmax(ops.reshape(y, (-1, 48)))
    network = keras.Model(entry, k.Dense(2, name="fc")(y))
    graph = opened(keras.models.model_from_json(network.to_json())).graph()  # files keep lists where there were tuples
    found = [(n.op, dict(n.attrs)) for n in graph.nodes if n.layer is None][1:-1]
    assert found == [
        (Op.ELEMENTWISE, {}),
        (Op.ELEMENTWISE, {}),
        (Op.ADD, {}),
        (Op.CONCAT, {"axis": 2}),
        (Op.SLICE, {"axis": 0, "start": 1, "stop": 6, "step": 1}),
        (Op.REDUCE, {"axes": (0,), "keepdims": False}),
        (Op.PERMUTE, {"axes": (1, 0)}),
        (Op.RESHAPE, {"inner": True}),
        (Op.SOFTMAX, {"axis": 0}),
    ]


def test_slices_are_read_axis_by_axis(opened):
    entry = keras.Input((6, 4))
    x = keras.ops.stack([entry, entry])[0][..., 1:3][:, None, ::2, 0]  # the samples behind another axis: opaque
    model = opened(keras.Model(entry, k.Dense(2, name="fc")(x)))
    found = [(n.op, n.shape, dict(n.attrs)) for n in model.graph().nodes if n.op in (Op.SLICE, Op.RESHAPE, Op.OPAQUE)]
    assert found[2:] == [
        (Op.SLICE, (6, 2), {"axis": 1, "start": 1, "stop": 3, "step": 1}),
        (Op.RESHAPE, (1, 6, 2), {}),
        (Op.SLICE, (1, 3, 2), {"axis": 1, "start": 0, "stop": 6, "step": 2}),
        (Op.SLICE, (1, 3), {"axis": 2, "index": 0}),
    ]


def test_what_is_not_understood_is_opaque_and_named(opened):
    entry = keras.Input((4,))
    x = keras.ops.cumsum(k.Dense(4, name="a")(entry), axis=-1)
    x = k.Rescaling([1.0, 2.0, 3.0, 4.0])(x)
    x = k.EinsumDense("ab,bc->ac", output_shape=4, name="einsum")(keras.ops.add(x, np.ones(4, "float32")))
    model = opened(keras.Model(entry, k.Dense(2, name="b")(x)))
    assert [n.label for n in model.graph().nodes if n.op is Op.OPAQUE] == ["Cumsum", "Rescaling", "Add", "EinsumDense"]
    (note,) = model.notes
    assert "never cut through" in note and '"einsum" (EinsumDense)' in note
    assert model.arrays()["einsum.kernel"].shape == (4, 4)


def test_a_relu_with_a_slope_below_zero_is_called_leaky(opened):
    """It makes no zeros that could be counted."""
    layers = k.ReLU(max_value=6), k.ReLU(negative_slope=0.2), k.Dense(2, activation="relu6", name="fc")
    model = opened(keras.Sequential([keras.Input((4,)), k.Dense(3, name="first"), *layers]))
    assert [n.label for n in model.graph().nodes if n.op is Op.ELEMENTWISE] == ["relu", "leaky_relu", "relu6"]


def test_slopes_of_a_prelu_go_with_its_channels(opened):
    entry = keras.Input((4,))
    model = opened(keras.Model(entry, k.Dense(2, name="b")(k.PReLU(name="prelu")(k.Dense(4, name="a")(entry)))))
    assert nodes(model)["prelu"].op is Op.ELEMENTWISE and nodes(model)["prelu"].layer == "prelu"
    assert model.arrays()["prelu.alpha"].shape == (4,)
    (group,) = groups(model.graph())
    assert {member.array for member in group.members} == {"a.kernel", "a.bias", "prelu.alpha", "b.kernel"}


def test_recurrent_and_attention_layers_are_whole(opened):
    entry = keras.Input((5, 4))
    x = k.Bidirectional(k.LSTM(3, return_sequences=True), name="both")(entry)
    x = k.MultiHeadAttention(2, 4, name="att")(x, entry)
    model = opened(keras.Model(entry, k.Dense(2, name="fc")(k.GRU(3, name="gru")(x))))
    found = nodes(model)
    assert found["both/forward"].op is Op.LSTM and found["both/forward"].attrs == {"hidden": 3}
    assert found["both"].op is Op.CONCAT and found["both"].attrs == {"axis": 1}
    assert found["att"].inputs == ("both", tuple(found)[0], tuple(found)[0]) and found["att"].attrs == {"heads": 2}
    assert found["gru"].op is Op.GRU and found["gru"].shape == (3,)
    assert {w.name for w in model.graph().weights()} >= {"both.forward.kernel", "both.backward.recurrent", "att.query"}


@pytest.mark.parametrize("rnn", [k.GRU, k.LSTM])
def test_states_that_are_used_are_nodes(opened, rnn):
    entry = keras.Input((5, 4))
    outputs = rnn(3, return_state=True, name="rnn")(entry)
    graph = opened(keras.Model(entry, k.Dense(2)(k.Concatenate()([outputs[0], outputs[1]])))).graph()
    found = [n.op for n in graph.nodes if n.name.startswith("rnn")]
    assert found[:2] == [Op.GRU if rnn is k.GRU else Op.LSTM, Op.ELEMENTWISE]
    (group,) = groups(graph)
    assert (group.kind, group.channels, group.cuttable) == ("hidden", 3, True)
    assert [member.channel.tolist() for member in group.members if "dense" in member.array] == [[0, 1, 2, 0, 1, 2]]


def test_masks_of_padding_are_no_states(opened):
    entry = keras.Input((6,), dtype="int32")
    x = k.GRU(5, return_sequences=True, name="rnn")(k.Embedding(9, 4, mask_zero=True)(entry))
    x = k.MultiHeadAttention(2, 3, name="att")(x, x)
    model = opened(keras.Model(entry, k.Dense(2)(k.GlobalAveragePooling1D(name="pool")(x))))
    assert len(nodes(model)["rnn"].inputs) == len(nodes(model)["pool"].inputs) == 1
    assert all(group.cuttable for group in groups(model.graph()))


def test_several_outputs_end_in_one_node_shaped_as_the_first():
    entry = keras.Input((4,))
    x = k.Dense(6, name="a")(entry)
    network = Network(keras.Model(entry, [k.Dense(2, name="b")(x), k.Dense(3, name="c")(x)]))
    last = network.graph.nodes[-1]
    assert (last.op, last.inputs, last.shape) == (Op.OUTPUT, ("b", "c"), (2,))
    assert {name for name, reason in left_out(network.graph).items() if "output" in reason} == {"b", "c"}


def test_every_node_comes_after_its_inputs_and_shapes_are_positive(opened, small_cnn):
    graph = opened(small_cnn).graph()
    seen = set()
    for node in graph.nodes:
        assert set(node.inputs) <= seen and all(n > 0 for n in node.shape)
        seen.add(node.name)
    assert graph.nodes[-1].op is Op.OUTPUT
