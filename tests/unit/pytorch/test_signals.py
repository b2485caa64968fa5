"""Signals against formulas written out in numpy, loops over samples, and differences of losses."""

import threading

import numpy as np
import pytest
import torch
from torch import nn

from core.backends._base import Batch
from core.backends.pytorch import persample
from core.errors import BadModel, BadSetting, EmptyData, WrongLabels, WrongShape
from core.masks import Mask

W1 = np.array([[0.5, -1.0], [0.25, 0.75], [-0.5, 0.5]])
B1 = np.array([0.1, -0.2, 0.3])
W2 = np.array([[1.0, -0.5, 0.25], [-0.75, 0.5, 1.0]])
B2 = np.array([0.05, -0.05])
X = np.array([[1.0, 2.0], [-1.0, 0.5], [0.25, -0.75]])
Y = np.array([0, 1, 1])
WEIGHT = np.array([0.5, 2.0, 0.5])


def by_hand(w1, w2, x=X, y=Y, temperature=1.0):
    """Each sample's loss of tanh(x W1' + b1) W2' + b2, and its gradients with respect to both kernels."""
    hidden = np.tanh(x @ w1.T + B1)
    logits = (hidden @ w2.T + B2) / temperature
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    slope = (probabilities - np.eye(2)[y]) / temperature
    into = slope @ w2 * (1 - hidden**2)
    losses = -np.log(probabilities[np.arange(len(y)), y])
    return losses, np.einsum("no,ni->noi", into, x), np.einsum("no,ni->noi", slope, hidden)


@pytest.fixture(scope="module")
def small(opened_once):
    network = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2))
    model = opened_once(network, (2,))
    values = {"0.kernel": W1, "0.bias": B1, "2.kernel": W2, "2.bias": B2}
    return model.with_arrays({name: array.astype(np.float32) for name, array in values.items()})


def weighted(w=WEIGHT):
    return Batch(X.astype(np.float32), Y, w.astype(np.float32))


def test_gradients_of_weighted_samples_at_a_temperature_are_the_formula(small):
    (found,) = small.gradients([weighted()], temperature=3.0)
    _, first, second = by_hand(W1, W2, temperature=3.0)
    np.testing.assert_allclose(found["0.kernel"], (WEIGHT[:, None, None] * first).mean(0), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(found["2.kernel"], (WEIGHT[:, None, None] * second).mean(0), rtol=1e-5, atol=1e-7)


def test_pairs_count_as_batches_of_weight_one(small):
    (pair,) = small.gradients([(X.astype(np.float32), Y)])
    (ones,) = small.gradients([weighted(np.ones(3))])
    assert all(np.array_equal(pair[name], ones[name]) for name in pair)


def test_squared_gradients_are_means_over_single_samples(small):
    (found,) = small.squared_gradients([weighted()])
    _, first, second = by_hand(W1, W2)
    assert set(found) == {"0.kernel", "2.kernel"}
    np.testing.assert_allclose(found["0.kernel"], (WEIGHT[:, None, None] * first**2).mean(0), rtol=1e-5)
    np.testing.assert_allclose(found["2.kernel"], (WEIGHT[:, None, None] * second**2).mean(0), rtol=1e-5)


def test_hessian_products_are_differences_of_gradients(small):
    rng = np.random.default_rng(0)
    vectors = [{"0.kernel": rng.normal(size=W1.shape), "2.kernel": rng.normal(size=W2.shape)} for _ in range(2)]
    (found,) = small.hessian_products([weighted()], vectors, temperature=2.0)
    for vector, product in zip(vectors, found, strict=True):
        ends = []
        for step in (1e-5, -1e-5):
            _, *slopes = by_hand(W1 + step * vector["0.kernel"], W2 + step * vector["2.kernel"], temperature=2.0)
            ends.append([(WEIGHT[:, None, None] * slope).mean(0) for slope in slopes])
        for name, up, down in zip(("0.kernel", "2.kernel"), *ends, strict=True):
            np.testing.assert_allclose(product[name], (up - down) / 2e-5, rtol=1e-4, atol=1e-6)


def test_a_hessian_is_of_the_named_weights_only(small):
    vector = {"0.kernel": np.ones_like(W1)}
    (found,) = small.hessian_products([weighted()], [vector])
    assert list(found[0]) == ["0.kernel"]
    whole = {**vector, "2.kernel": np.zeros_like(W2)}
    ((expected,),) = small.hessian_products([weighted()], [whole])
    np.testing.assert_allclose(found[0]["0.kernel"], expected["0.kernel"], rtol=1e-6)


def test_taps_show_values_and_gradients_of_the_sum(small):
    nodes = small.graph().nodes
    names = [node.name for node in nodes if node.op.value in ("input", "elementwise")]
    (found,) = small.taps([weighted()], names, gradients=True)
    hidden = np.tanh(X @ W1.T + B1)
    np.testing.assert_allclose(found[names[1]].value, hidden, rtol=1e-6)
    for place, tap in ((0, found[names[0]]),):
        for row in range(3):
            for column in range(2):
                moved = [X.copy(), X.copy()]
                moved[0][row, column] += 1e-6
                moved[1][row, column] -= 1e-6
                up, down = (WEIGHT @ by_hand(W1, W2, x)[0] for x in moved)
                assert tap.gradient[row, column] == pytest.approx((up - down) / 2e-6, rel=1e-4), place


def test_flow_is_that_of_absolute_values_on_ones(small):
    flow = small.synaptic_flow()
    inner = np.abs(W1) @ np.ones(2) + np.abs(B1)
    slope = np.abs(W2).sum(0) * (1 - np.tanh(inner) ** 2)
    np.testing.assert_allclose(flow["0.kernel"], slope[:, None] * np.abs(W1), rtol=1e-6)
    np.testing.assert_allclose(flow["2.kernel"], np.tanh(inner) * np.abs(W2), rtol=1e-6)


@pytest.mark.parametrize(("end", "classes"), [(nn.Softmax(1), 3), (nn.Sigmoid(), 1)])
def test_a_probability_has_the_slopes_of_its_logits_however_sure_or_wrong(opened, end, classes):
    """A probability of 1 has no slope left in single precision, one that is clipped none at all."""
    torch.manual_seed(0)
    first, last = nn.Linear(2, 3), nn.Linear(3, classes)
    last.weight.data *= 200
    soft, plain = (opened(nn.Sequential(first, nn.Tanh(), last, *more), (2,)) for more in ((end,), ()))
    batch = Batch(X.astype(np.float32), Y, WEIGHT.astype(np.float32))
    vector = {name: np.ones(plain.arrays()[name].shape, np.float32) for name in ("0.kernel", "2.kernel")}
    place = next(node.name for node in plain.graph().nodes if node.op.value == "elementwise")

    def signals(model):
        yield from model.gradients([batch])
        yield from model.squared_gradients([batch])
        yield from next(model.hessian_products([batch], [vector]))
        yield {place: next(model.taps([batch], [place], gradients=True))[place].gradient}

    confident = soft.predict(batch.x)
    assert (np.minimum(confident, 1 - confident) < 1e-7).any()
    for found, expected in zip(signals(soft), signals(plain), strict=True):
        assert all(np.abs(found[name] - array).max() <= 1e-6 * np.abs(array).max() for name, array in expected.items())
    output = soft.graph().nodes[-2].name
    (tap,) = soft.taps([batch], [output], gradients=True)
    np.testing.assert_allclose(tap[output].value, confident, atol=1e-6)


def test_what_cuts_off_at_zero_is_called_a_relu(opened):
    layers = (nn.ReLU6(), nn.Hardtanh(0, 2), nn.Hardtanh())
    labels = [node.label for node in opened(nn.Sequential(nn.Linear(2, 3), *layers), (2,)).graph().nodes]
    assert labels[2:5] == ["relu6", "relu6", "hardtanh"]


class Everything(nn.Module):
    """One of each kind of layer with kernels."""

    def __init__(self):
        super().__init__()
        self.up, self.norm = nn.ConvTranspose1d(2, 6, 2, stride=2), nn.BatchNorm1d(6)
        self.grouped, self.deep = nn.Conv1d(6, 6, 3, padding=1, groups=3), nn.Conv1d(6, 6, 3, groups=6, bias=False)
        self.attention, self.after = nn.MultiheadAttention(6, 2, batch_first=True), nn.LayerNorm(6)
        self.gru = nn.GRU(6, 4, num_layers=2, bidirectional=True, batch_first=True)
        self.lstm = nn.LSTM(8, 3)
        self.shared, self.fc = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x):
        x = torch.relu(self.deep(self.grouped(self.norm(self.up(x))))).transpose(1, 2)
        x = self.after(x + self.attention(x, x, x, need_weights=False)[0])
        x, (last, _) = self.lstm(self.gru(x)[0].transpose(0, 1))
        return self.fc(self.shared(torch.tanh(self.shared(last[-1]))) + x.mean(0))


@pytest.fixture(scope="module")
def model(opened_once):
    torch.manual_seed(0)
    return opened_once(Everything(), (2, 4))


@pytest.fixture
def batch(batch_of):
    return Batch(batch_of((2, 4), 5), np.arange(5) % 3, np.linspace(0.5, 1.5, 5).astype(np.float32))


@pytest.fixture
def masks(model, masks_of):
    return masks_of(model, share=0.3)


def test_squares_are_those_of_a_loop_over_samples(model, batch, masks):
    (found,) = model.squared_gradients([batch], masks)
    singles = [(batch.x[row : row + 1], batch.y[row : row + 1]) for row in range(5)]
    rows = list(model.gradients(singles, masks))
    assert set(found) == {weight.name for weight in model.graph().weights()}
    for name, square in found.items():
        expected = sum(w * np.square(row[name]) for w, row in zip(batch.weight, rows, strict=True)) / 5
        np.testing.assert_allclose(square, expected, rtol=1e-4, atol=1e-6 * expected.max(), err_msg=name)


def test_second_derivatives_go_through_attention_and_recurrence(model, batch, masks):
    weights = [weight.name for weight in model.graph().weights()]
    rng = np.random.default_rng(0)
    vector = {name: rng.normal(size=model.arrays()[name].shape).astype(np.float32) for name in weights}
    ((found,),) = model.hessian_products([batch], [vector], masks)
    slopes = []
    for step in (2e-3, -2e-3):
        # Masked entries count as zero and are varied like the others.
        moved = {name: np.where(masks[name].kept, model.arrays()[name], 0) + np.float32(step) * vector[name]
                 for name in weights}  # fmt: skip
        (slope,) = model.with_arrays(moved).gradients([batch])
        slopes.append(slope)
    for name in weights:
        expected = (slopes[0][name] - slopes[1][name]) / 4e-3
        scale = max(np.abs(expected).max(), 1e-3)
        np.testing.assert_allclose(found[name], expected, atol=0.02 * scale, err_msg=name)


def test_every_node_can_be_looked_at(model, batch):
    names = [node.name for node in model.graph().nodes]
    (found,) = model.taps([batch], names)
    for node in model.graph().nodes:
        assert found[node.name].value.shape == (5, *node.shape)
    output = next(node for node in model.graph().nodes if node.op.value == "output")
    np.testing.assert_allclose(found[output.inputs[0]].value, model.predict(batch.x), atol=1e-6)


def test_a_gradient_at_a_place_does_not_depend_on_what_else_is_looked_at(model, batch, masks):
    names = [node.name for node in model.graph().nodes]
    (together,) = model.taps([batch], names, masks, gradients=True)
    for name in names:
        (alone,) = model.taps([batch], [name], masks, gradients=True)
        scale = np.abs(alone[name].gradient).max() + 1e-6
        np.testing.assert_allclose(together[name].gradient, alone[name].gradient, atol=1e-5 * scale, err_msg=name)


def test_a_gradient_at_the_input_is_the_slope_of_the_losses(model, batch, masks):
    name = model.graph().nodes[0].name
    (found,) = model.taps([batch], [name], masks, gradients=True)
    assert model.graph().nodes[0].op.value == "input"
    plain = model.masked(masks).module.double()
    x = torch.from_numpy(batch.x).double().requires_grad_()
    loss = nn.functional.cross_entropy(plain(x), torch.from_numpy(batch.y), reduction="none")
    (expected,) = torch.autograd.grad(loss @ torch.from_numpy(batch.weight).double(), x)
    np.testing.assert_allclose(found[name].gradient, expected.numpy(), rtol=1e-3, atol=1e-6)


def test_hidden_states_and_contexts_are_what_the_kernels_take(model, batch):
    graph = model.graph()
    attention = next(node for node in graph.nodes if node.op.value == "attention")
    passes = [node for node in graph.nodes if node.op.value in ("gru", "lstm")]
    names = [
        f"{attention.name}:context",
        attention.name,
        *(f"{n.name}:hidden" for n in passes),
        *(n.name for n in passes),
    ]
    (found,) = model.taps([batch], names)
    arrays = model.arrays()
    context = found[names[0]].value
    assert context.shape == (5, 6, 6)
    np.testing.assert_allclose(
        context @ arrays["attention.out"].T + arrays["attention.out_bias"], found[attention.name].value, atol=1e-5
    )
    for node in passes:
        hidden, value = found[f"{node.name}:hidden"].value, found[node.name].value
        assert hidden.shape == (5, 6, node.attrs["hidden"])
        np.testing.assert_array_equal(hidden, value[:, ::-1] if node.attrs.get("reverse") else value)


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM])
def test_the_gradient_of_a_hidden_state_counts_what_it_does_later(kind, opened, batch_of):
    torch.manual_seed(0)

    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.states, self.fc = kind(2, 3, batch_first=True), nn.Linear(3, 2)

        def forward(self, x):
            return self.fc(self.states(x)[0][:, -1])

    model = opened(Last(), (4, 2))
    x, y = batch_of((4, 2), 3), np.array([0, 1, 1])
    place = next(node.name for node in model.graph().nodes if node.op.value in ("gru", "lstm"))
    (found,) = model.taps([(x, y)], [place, f"{place}:hidden"], gradients=True)
    states, after = found[f"{place}:hidden"], found[place]
    assert not after.gradient[:, :-1].any() and states.gradient[:, 0].any()
    np.testing.assert_allclose(states.gradient[:, -1], after.gradient[:, -1], rtol=1e-6)
    if kind is nn.GRU:  # all that the first steps do goes through the state after them
        arrays = {name: array.astype(np.float64) for name, array in model.arrays().items()}
        h, step = states.value[:, 2].astype(np.float64), x[:, 3] @ arrays["states.kernel"].T + arrays["states.bias"]

        def end(h):
            own = h @ arrays["states.recurrent"].T + arrays["states.recurrent_bias"]
            r, z = (1 / (1 + np.exp(-(step + own)[:, part])) for part in (slice(3), slice(3, 6)))
            n = np.tanh(step[:, 6:] + r * own[:, 6:])
            logits = ((1 - z) * n + z * h) @ arrays["fc.kernel"].T + arrays["fc.bias"]
            return (np.log(np.exp(logits).sum(1)) - logits[np.arange(3), y]).sum()

        moves = np.eye(9).reshape(9, 3, 3) * 1e-6
        slope = np.array([(end(h + move) - end(h - move)) / 2e-6 for move in moves]).reshape(3, 3)
        np.testing.assert_allclose(states.gradient[:, 2], slope, rtol=1e-3, atol=1e-6)


def test_values_are_shown_without_labels_that_fit(small):
    name = small.graph().nodes[0].name
    (found,) = small.taps([(X.astype(np.float32), np.array([7, 8, 9]))], [name])
    assert found[name].value.shape == (3, 2) and found[name].gradient is None


def test_flow_follows_masks_and_running_statistics(opened):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2), nn.Softmax(1))
    model = opened(network, (3,))
    arrays = {name: np.abs(array.astype(np.float64)) for name, array in model.arrays().items()}
    mask = Mask(np.array([[1, 0, 1], [1, 1, 1], [0, 0, 0], [1, 1, 0]], bool))
    flow = model.synaptic_flow({"0.kernel": mask})
    kernel = np.where(mask.kept, arrays["0.kernel"], 0)
    scale = arrays["1.scale"] / np.sqrt(arrays["1.variance"] + 1e-5)
    inner = (kernel.sum(1) + arrays["0.bias"] - arrays["1.mean"]) * scale + arrays["1.shift"]
    slope = arrays["3.kernel"].sum(0) * scale * (inner > 0)
    np.testing.assert_allclose(flow["0.kernel"], slope[:, None] * kernel, rtol=1e-5)
    np.testing.assert_allclose(flow["3.kernel"], arrays["3.kernel"] * np.maximum(inner, 0), rtol=1e-5)
    assert not flow["0.kernel"][~mask.kept].any()


def test_the_flow_of_tokens_starts_at_ones(opened):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Embedding(7, 4), nn.Flatten(), nn.Linear(12, 2))
    model = opened(network, (3,), dtype=torch.int64)
    flow = model.synaptic_flow()
    np.testing.assert_allclose(flow["2.kernel"], np.abs(model.arrays()["2.kernel"]), rtol=1e-6)


def test_flows_beyond_single_precision_keep_their_ranks(opened):
    model = opened(nn.Sequential(*(nn.Linear(4, 4, bias=False) for _ in range(3))), (4,))
    arrays = {f"{n}.kernel": np.random.default_rng(n).random((4, 4)).astype(np.float32) for n in range(3)}
    flow = model.with_arrays(arrays).synaptic_flow()
    large = model.with_arrays({name: array * np.float32(2**60) for name, array in arrays.items()}).synaptic_flow()
    for name in arrays:
        np.testing.assert_allclose(large[name], flow[name] * 2.0**180, rtol=1e-12)


def test_signals_change_nothing_and_threads_do_not_meet(model, batch, masks):
    before = {name: array.copy() for name, array in model.arrays().items()}
    weights = [weight.name for weight in model.graph().weights()]
    vector = {name: np.ones(model.arrays()[name].shape, np.float32) for name in weights}
    place = model.graph().nodes[0].name

    def signals(given):
        return (
            next(model.gradients([batch], given))["fc.kernel"],
            next(model.squared_gradients([batch], given))["fc.kernel"],
            next(model.hessian_products([batch], [vector], given))[0]["fc.kernel"],
            next(model.taps([batch], [place], given, gradients=True))[place].gradient,
            model.synaptic_flow(given)["fc.kernel"],
            model.recalibrated(batch.x, given).arrays()["norm.mean"],
            model.predict(batch.x, given),
        )

    expected = {True: signals(masks), False: signals(None)}
    wrong = []

    def ask(masked):
        for _ in range(3):
            found = signals(masks if masked else None)
            wrong.extend(
                i for i, (a, b) in enumerate(zip(found, expected[masked], strict=True)) if not np.allclose(a, b)
            )

    threads = [threading.Thread(target=ask, args=(masked,)) for masked in (True, False, True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert all(np.array_equal(before[name], array) for name, array in model.arrays().items())


def looped(model, x, y, masks=None):
    """Mean over samples of their squared gradients, taken one by one."""
    rows = list(model.gradients([(x[row : row + 1], y[row : row + 1]) for row in range(len(x))], masks))
    return {
        weight.name: np.mean([np.square(row[weight.name]) for row in rows], 0) for weight in model.graph().weights()
    }


def assert_squares_are_looped(model, x, y, masks=None):
    (found,) = model.squared_gradients([(x, y)], masks)
    for name, expected in looped(model, x, y, masks).items():
        np.testing.assert_allclose(found[name], expected, rtol=1e-3, atol=1e-5 * expected.max(), err_msg=name)


@pytest.mark.parametrize("layer", [
    nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2)), nn.Conv2d(4, 6, 3, padding="same"),
    nn.Conv2d(4, 8, 3, groups=4), nn.Conv2d(4, 4, 1, bias=False), nn.Conv2d(4, 6, (1, 4), padding="same", groups=2),
    nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2),
    nn.ConvTranspose2d(4, 6, (2, 3), dilation=2),
], ids=str)  # fmt: skip
def test_every_convolution_has_the_squares_of_a_loop(layer, opened, batch_of):
    torch.manual_seed(0)
    model = opened(nn.Sequential(nn.Conv2d(2, 4, 3), layer, nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
                                 nn.Linear(4 * layer.out_channels, 3)), (2, 9, 8))  # fmt: skip
    assert_squares_are_looped(model, batch_of((2, 9, 8), 4), np.array([0, 1, 2, 1]))


class Odd(nn.Module):
    """Kernels whose squares are no products: tied, read by an operation, samples folded into an axis."""

    def __init__(self, how):
        super().__init__()
        self.fc, self.out, self.how = nn.Linear(4, 4), nn.Linear(4, 2), how
        if how == "tied":
            self.again = nn.Linear(4, 4)
            self.again.weight = self.fc.weight

    def forward(self, x):
        if self.how == "folded":
            return self.out(self.fc(x.transpose(0, 1).reshape(-1, 4)).reshape(3, -1, 4).sum(0))
        x = torch.tanh(self.fc(x.sum(1)))
        if self.how == "tied":
            return self.out(self.again(x))
        if self.how == "read":
            return self.out(x @ self.fc.weight)
        return self.out(x.clone().index_fill_(1, torch.tensor([0]), 1.0))


@pytest.mark.parametrize("how", ["tied", "read", "folded", "in place"])
def test_kernels_used_in_odd_ways_have_the_squares_of_a_loop(how, opened, batch_of, monkeypatch):
    torch.manual_seed(0)
    model = opened(Odd(how), (3, 4))
    assert_squares_are_looped(model, batch_of((3, 4), 4), np.array([0, 1, 1, 0]))
    monkeypatch.setattr(persample, "_BYTES", 0)  # no room for two at once: one sample after the other
    assert_squares_are_looped(model, batch_of((3, 4), 4), np.array([0, 1, 1, 0]))


def test_attention_without_some_heads_gives_all_signals(opened, batch_of):
    torch.manual_seed(0)

    class Attending(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention, self.fc = nn.MultiheadAttention(6, 3, batch_first=True), nn.Linear(6, 3)

        def forward(self, x):
            return self.fc(self.attention(x, x, x, need_weights=False)[0].mean(1))

    model = opened(Attending(), (4, 6))
    kept = np.array([0, 1, 4, 5])
    names = [f"attention.{part}{end}" for part in ("query", "key", "value") for end in ("", "_bias")]
    smaller = model.cut({**{(name, 0): kept for name in names}, ("attention.out", 1): kept})
    x, y = batch_of((4, 6), 5), np.arange(5) % 3
    assert_squares_are_looped(smaller, x, y)
    place = next(node.name for node in smaller.graph().nodes if node.op.value == "attention")
    (taps,) = smaller.taps([(x, y)], [f"{place}:context"])
    assert next(iter(taps.values())).value.shape == (5, 4, 4)
    vector = {weight.name: np.ones(weight.shape, np.float32) for weight in smaller.graph().weights()}
    assert next(smaller.hessian_products([(x, y)], [vector]))[0]["attention.query"].any()
    assert smaller.synaptic_flow()["attention.value"].any()


def test_what_does_not_fit_is_said_in_a_sentence(small):
    x = X.astype(np.float32)
    with pytest.raises(WrongLabels, match="0 to 2.*2 classes"):
        next(small.gradients([(x, np.array([0, 1, 2]))]))
    with pytest.raises(WrongLabels, match="3 samples and 2 labels"):
        next(small.squared_gradients([(x, Y[:2])]))
    with pytest.raises(WrongLabels, match="whole number"):
        next(small.gradients([(x, Y.astype(np.float32))]))
    with pytest.raises(EmptyData):
        next(small.gradients([(x[:0], Y[:0])]))
    with pytest.raises(WrongShape):
        next(small.taps([(x[:, :1], Y)], [small.graph().nodes[0].name]))
    with pytest.raises(BadSetting, match="Weights of samples"):
        next(small.gradients([Batch(x, Y, np.array([1, np.nan, 1], np.float32))]))
    with pytest.raises(BadSetting, match='no operation "nowhere"'):
        next(small.taps([(x, Y)], ["nowhere"]))
    with pytest.raises(BadSetting, match="shows nothing"):
        next(small.taps([(x, Y)], [f"{small.graph().nodes[0].name}:hidden"]))
    with pytest.raises(BadSetting, match='no Weight "0.bias"'):
        next(small.hessian_products([(x, Y)], [{"0.bias": B1}]))
    with pytest.raises(BadSetting, match="shape"):
        next(small.hessian_products([(x, Y)], [{"0.kernel": B1}]))
    with pytest.raises(BadSetting, match="different Weights"):
        next(small.hessian_products([(x, Y)], [{"0.kernel": W1}, {"2.kernel": W2}]))
    with pytest.raises(BadSetting, match="temperature"):
        next(small.gradients([(x, Y)], temperature=0.0))


def test_a_network_of_a_fixed_batch_says_so(opened):
    class Fixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 2)

        def forward(self, x):
            return self.fc(x) + torch.arange(3.0)[:, None] * x.sum()

    model = opened(Fixed(), (4,), batch=3)
    assert model.facts.only_batch == 3
    with pytest.raises(BadModel, match="exactly 3"):
        next(model.gradients([(np.ones((2, 4), np.float32), np.array([0, 1]))]))
