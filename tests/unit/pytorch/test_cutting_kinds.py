"""Every kind of layer that goes with its channels, units or heads: what is left computes what the masked one did."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from core.backends.pytorch import BACKEND
from core.errors import BadModel
from core.groups import groups, left_out
from core.inputs import Several
from core.plan import DataChoice, Plan, Recovery
from core.pruning import cuts, decide, pools


class Series(nn.Module):
    """RMS normalisation, layer normalisation without shift, a factor per channel."""

    def __init__(self):
        super().__init__()
        self.first, self.rms, self.second = nn.Linear(5, 8), nn.RMSNorm(8), nn.Linear(8, 8)
        self.factor, self.norm, self.fc = nn.Parameter(torch.rand(8)), nn.LayerNorm(8, bias=False), nn.Linear(8, 3)

    def forward(self, x):
        x = self.rms(self.first(x))
        return self.fc(self.norm(x + self.factor * self.second(torch.tanh(x))).mean(1))


class Pictures(nn.Module):
    """Instance, group and layer normalisation, slopes, grouped and transposed convolutions, a flip."""

    def __init__(self):
        super().__init__()
        self.conv1, self.instance, self.slope = (
            nn.Conv2d(2, 8, 3, padding=1),
            nn.InstanceNorm2d(8, affine=True),
            nn.PReLU(8),
        )
        self.conv2, self.group = nn.Conv2d(8, 8, 3, padding=1, groups=2), nn.GroupNorm(4, 8)
        self.conv3, self.bare, self.layer = nn.Conv2d(8, 8, 1), nn.InstanceNorm2d(8), nn.LayerNorm([8, 4, 4])
        self.one, self.up = nn.PReLU(), nn.ConvTranspose2d(8, 8, 2, 2, groups=2)
        self.depthwise, self.fc = nn.ConvTranspose2d(8, 16, 2, 2, groups=8), nn.Linear(16, 3)

    def forward(self, x):
        x = self.slope(self.instance(self.conv1(x)))
        x = self.layer(self.bare(self.conv3(F.relu(self.group(self.conv2(x))))))
        return self.fc(self.depthwise(self.one(self.up(x))).flip(2).mean((2, 3)))


class Squeeze(nn.Module):
    """A gate per channel made from all channels; sizes written into a view."""

    def __init__(self):
        super().__init__()
        self.conv, self.down, self.up = nn.Conv2d(2, 8, 3, padding=1), nn.Conv2d(8, 4, 1), nn.Conv2d(4, 8, 1)
        self.fc = nn.Linear(128, 3)

    def forward(self, x):
        x = F.relu(self.conv(x))
        gate = torch.sigmoid(self.up(F.relu(self.down(F.adaptive_avg_pool2d(x, 1)))))
        return self.fc((x * gate).view(-1, 128))


class States(nn.Module):
    """The last states of a stack, both ways."""

    def __init__(self, kind):
        super().__init__()
        self.rnn, self.fc = kind(5, 4, num_layers=2, bidirectional=True, batch_first=True), nn.Linear(8, 3)

    def forward(self, x):
        state = self.rnn(x)[1]
        state = state[0] if isinstance(state, tuple) else state
        return self.fc(torch.cat([state[-2], state[-1]], 1))


class Handed(nn.Module):
    """The last states of one layer start another of the same units; a layer of its own starts a third."""

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = nn.LSTM(5, 4, batch_first=True), nn.LSTM(5, 4, batch_first=True)
        self.start, self.last, self.fc = nn.Linear(5, 6), nn.GRU(4, 6, batch_first=True), nn.Linear(6, 3)

    def forward(self, x):
        x, first = self.decoder(x, self.encoder(x)[1])[0], torch.tanh(self.start(x.mean(1)))
        return self.fc(self.last(x, first.unsqueeze(0))[0][:, -1])


class Stack(nn.Module):
    """Time first, dropout between, the whole sequence flattened."""

    def __init__(self, kind):
        super().__init__()
        self.rnn, self.fc = kind(5, 4, num_layers=2, dropout=0.1), nn.Linear(4 * 6, 3)

    def forward(self, x):
        y = self.rnn(x.transpose(0, 1))[0].transpose(0, 1)
        return self.fc(y.reshape(y.shape[0], -1))


class Patches(nn.Module):
    """A class token, positions and a factor per channel around attention; all tokens flattened."""

    def __init__(self):
        super().__init__()
        self.patches, self.token = nn.Conv2d(2, 8, 2, 2), nn.Parameter(torch.rand(1, 1, 8))
        self.position, self.factor = nn.Parameter(torch.rand(1, 5, 8)), nn.Parameter(torch.rand(8))
        self.attention, self.fc = nn.MultiheadAttention(8, 4, batch_first=True), nn.Linear(8 * 5, 3)

    def forward(self, x):
        x = self.patches(x).flatten(2).permute(0, 2, 1)
        x = torch.cat((self.token.expand(x.shape[0], -1, -1), x), 1) + self.position
        return self.fc((x + self.factor * self.attention(x, x, x)[0]).flatten(1))


class Cross(nn.Module):
    """Attention to something of another width, under a mask."""

    def __init__(self):
        super().__init__()
        self.query, self.memory = nn.Linear(5, 8), nn.Linear(5, 6)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True, kdim=6, vdim=6)
        self.fc = nn.Linear(8, 3)
        self.register_buffer("later", torch.triu(torch.ones(6, 6, dtype=torch.bool), 1))

    def forward(self, x):
        memory = self.memory(x)
        return self.fc(self.attention(self.query(x), memory, memory, attn_mask=self.later)[0].mean(1))


class Dealt(nn.Module):
    """A unit as in ShuffleNet: half the channels pass, then all are dealt out anew; a gated layer."""

    def __init__(self):
        super().__init__()
        self.stem, self.point = nn.Conv2d(2, 8, 1), nn.Conv2d(4, 4, 1)
        self.gate, self.fc = nn.Linear(8, 12), nn.Linear(6, 3)

    def forward(self, x):
        passed, other = self.stem(x).chunk(2, 1)
        x = torch.cat([passed, F.relu(self.point(other))], 1)
        n, c, h, w = x.size()
        x = x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, -1, h, w)
        value, gate = self.gate(x.mean((2, 3))).split(6, dim=1)
        return self.fc(value * torch.sigmoid(gate))


class Outputs(nn.Module):
    """Two results of one trunk."""

    def __init__(self):
        super().__init__()
        self.left, self.right, self.one, self.other = nn.Linear(5, 8), nn.Linear(5, 8), nn.Linear(8, 3), nn.Linear(8, 4)

    def forward(self, x):
        x = (torch.relu(self.left(x)) + self.right(x)).mean(1)
        return self.one(x), self.other(x)


class Free(nn.Module):
    """Normalised without scale and shift."""

    def __init__(self):
        super().__init__()
        self.first, self.fc = nn.Linear(5, 8), nn.Linear(8, 3)

    def forward(self, x):
        return self.fc(F.layer_norm(self.first(x), [8])).mean(1)


class Spread(nn.Module):
    """Mirrored edges, a gate spread by hand, branches stacked, halves that gate each other, pixels and channels dealt
    out anew, largest values with their places."""

    def __init__(self):
        super().__init__()
        self.conv, self.gate, self.other = nn.Conv2d(2, 8, 1), nn.Linear(8, 8), nn.Conv2d(8, 8, 3)
        self.wide, self.fine, self.fc = nn.Conv2d(8, 16, 1), nn.Conv2d(8, 16, 1, groups=2), nn.Linear(4, 3)
        self.deal = nn.ChannelShuffle(2)

    def forward(self, x):
        x = self.conv(x)
        x = x * torch.sigmoid(self.gate(x.amax((2, 3)))).view(-1, 8, 1, 1).expand_as(x)
        x = torch.stack([x, self.other(F.pad(x, (1, 1, 1, 1), "reflect"))], 1).mean(1)
        x = F.pixel_shuffle(self.fine(self.deal(F.glu(self.wide(x), 1))), 2)
        return self.fc(F.adaptive_max_pool2d(x, 2).flatten(2).max(2)[0])


class Again(nn.Module):
    """One layer reads what two others make, and what it made itself; the result is read at every step."""

    def __init__(self):
        super().__init__()
        self.one, self.other, self.shared = nn.Linear(5, 8), nn.Linear(5, 8), nn.Linear(8, 8)
        self.rnn, self.fc = nn.GRU(8, 4, batch_first=True), nn.Linear(4, 3)

    def forward(self, x):
        x = self.shared(torch.relu(self.one(x))) * self.shared(torch.tanh(self.other(x)))
        x = self.shared(torch.relu(x)).mean(1).unsqueeze(1)
        return self.fc(self.rnn(x.expand(-1, 3, -1))[0][:, -1] + self.rnn(x.repeat(1, 2, 1))[0][:, -1])


#: name -> maker, shape of a sample, groups (name, kind, units)
NETWORKS = {
    "series": (Series, (6, 5), [("first", "channel", 8)]),
    "pictures": (
        Pictures,
        (2, 4, 4),
        [("conv1", "channel", 4), ("conv2", "channel", 2), ("conv3", "channel", 4), ("up", "channel", 4)],
    ),
    "squeeze": (Squeeze, (2, 4, 4), [("conv", "channel", 8), ("down", "channel", 4)]),
    "states of a GRU": (lambda: States(nn.GRU), (6, 5), [("rnn.l0", "hidden", 4)]),
    "states of an LSTM": (lambda: States(nn.LSTM), (6, 5), [("rnn.l0", "hidden", 4)]),
    "handed": (Handed, (6, 5), [("encoder", "hidden", 4), ("start", "channel", 6)]),
    "stack": (lambda: Stack(nn.LSTM), (6, 5), [("rnn.l0", "hidden", 4), ("rnn.l1", "hidden", 4)]),
    "patches": (Patches, (2, 4, 4), [("patches", "channel", 8), ("attention.heads", "head", 4)]),
    "cross": (
        Cross,
        (6, 5),
        [
            ("memory", "channel", 6),
            ("query", "channel", 8),
            ("attention", "channel", 8),
            ("attention.heads", "head", 2),
        ],
    ),
    "dealt": (Dealt, (2, 4, 4), [("stem", "channel", 4), ("gate", "channel", 6)]),
    "outputs": (Outputs, (6, 5), [("left", "channel", 8)]),
    "spread": (Spread, (2, 4, 4), [("conv", "channel", 8), ("wide", "channel", 2), ("fine", "channel", 2)]),
    "again": (Again, (6, 5), [("one", "channel", 8), ("rnn", "hidden", 4)]),
}


def halved(model, overrides=None):
    plan = Plan("-", DataChoice("-"), criterion="random", structure="removable", allocation="uniform", sparsity=0.5)
    decision = decide(pools(model, plan, None), plan, model.graph())
    return decision, cuts(model.graph(), decision)


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_left_computes_the_same_and_is_understood_again(name, opened, batch_of, tmp_path):
    maker, shape, expected = NETWORKS[name]
    torch.manual_seed(0)
    model = opened(maker(), shape)
    found = [(group.name, group.kind, group.channels) for group in groups(model.graph())]
    assert sorted(found) == sorted(expected)
    assert all(group.cuttable and not group.estimated for group in groups(model.graph()))
    decision, removed = halved(model)
    x = batch_of(shape)
    masked, smaller = model.predict(x, decision.masks), model.masked(decision.masks).cut(removed)
    np.testing.assert_allclose(smaller.predict(x), masked, atol=1e-5 * max(1, np.abs(masked).max()))
    again = BACKEND.load(smaller.save(tmp_path / "smaller.pt2"))
    np.testing.assert_allclose(again.predict(x), smaller.predict(x), atol=1e-6)
    kinds = [(group.name, group.kind, group.cuttable) for group in groups(again.graph())]
    assert kinds == [(group.name, group.kind, group.cuttable) for group in groups(model.graph())]


def test_layers_of_a_stack_may_differ_in_size(opened, batch_of):
    torch.manual_seed(0)
    model = opened(Stack(nn.GRU), (6, 5))
    graph = model.graph()
    by_name = {group.name: group for group in groups(graph)}
    kept = {"rnn.l0": np.array([1]), "rnn.l1": np.array([0, 2, 3])}
    removed = {
        (member.array, member.axis): np.flatnonzero(np.isin(member.channel, [-1, *kept[name]]))
        for name in kept
        for member in by_name[name].members
    }
    smaller = model.cut(removed)
    assert smaller.graph().arrays["rnn.l0.recurrent"] == (3, 1)
    assert smaller.graph().arrays["rnn.l1.kernel"] == (9, 1)
    assert smaller.arrays().keys() == model.arrays().keys()
    assert isinstance(smaller.module.get_submodule("rnn.dropout0"), nn.Dropout)
    assert smaller.predict(batch_of((6, 5))).shape == (6, 3)


@pytest.mark.parametrize(
    ("channels", "groups", "name", "shape"),
    [(8, 4, "1.kernel", (4, 1, 1, 1)), (2, 2, "1.depthwise", (1, 1, 1, 1))],
)
def test_a_grouped_or_depthwise_kernel_keeps_its_name_with_one_channel_left(channels, groups, name, shape, opened):
    torch.manual_seed(0)
    layers = nn.Conv2d(2, channels, 1), nn.Conv2d(channels, channels, 1, groups=groups)
    model = opened(nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * channels, 3)), (2, 4, 4))
    _, removed = halved(model)
    smaller = model.cut(removed)
    assert smaller.graph().arrays[name] == shape
    assert smaller.cut({}).arrays().keys() == model.arrays().keys()


def test_without_scale_the_preview_is_an_estimate_and_the_cut_is_done(opened, batch_of):
    torch.manual_seed(0)
    model = opened(Free(), (6, 5))
    (group,) = groups(model.graph())
    assert group.cuttable
    assert "until they are cut" in group.estimated
    _, removed = halved(model)
    assert model.cut(removed).predict(batch_of((6, 5))).shape == (6, 3)


def test_a_network_that_makes_pictures_is_cut_though_there_is_nothing_to_train_it_by(opened, batch_of):
    torch.manual_seed(0)
    model = opened(nn.Sequential(nn.Conv2d(2, 8, 3), nn.ReLU(), nn.Conv2d(8, 2, 1)), (2, 4, 4))
    decision, removed = halved(model)
    x = batch_of((2, 4, 4))
    masked, smaller = model.predict(x, decision.masks), model.masked(decision.masks).cut(removed)
    np.testing.assert_allclose(smaller.predict(x), masked, atol=1e-5 * max(1, np.abs(masked).max()))
    assert smaller.graph().arrays["2.kernel"] == (2, 4, 1, 1)
    with pytest.raises(BadModel, match="cannot be trained here"):
        smaller.trainer(Recovery(), {}, 0)


def test_a_cut_shares_nothing_with_the_original(opened, batch_of):
    model = opened(Series(), (6, 5))
    _, removed = halved(model)
    smaller = model.cut(removed)
    own = {tensor.data_ptr() for tensor in (*model.module.parameters(), *model.module.buffers())}
    assert not own & {tensor.data_ptr() for tensor in (*smaller.module.parameters(), *smaller.module.buffers())}


class Tied(nn.Module):
    """Words are read and told by one table; a layer's kernel is used by an operation besides."""

    def __init__(self):
        super().__init__()
        self.words, self.inner = nn.Embedding(9, 8), nn.Linear(8, 8)
        self.free, self.back = nn.Linear(8, 6), nn.Linear(6, 8)

    def forward(self, x):
        x = self.words(x)
        x = (x + self.inner(torch.tanh(x))).mean(1)
        return F.linear(F.linear(torch.relu(self.back(self.free(x))), self.back.weight.t()) @ self.back.weight.t(),
                        self.words.weight)  # fmt: skip


def test_what_an_operation_reads_of_a_layer_stays(opened):
    torch.manual_seed(0)
    model = opened(Tied(), (6,), dtype=torch.int64)
    reasons = {group.name: group.reason for group in groups(model.graph())}
    assert reasons.keys() == {"inner", "free", "back"}
    assert '"words.embedding" is also used where nothing is ever cut' in reasons["inner"]
    decision, removed = halved(model)
    assert not removed and model.masked(decision.masks).cut(removed)


def test_a_stack_with_a_start_state_stays_and_says_why(opened):
    class Started(nn.Module):
        def __init__(self):
            super().__init__()
            self.start, self.rnn, self.fc = nn.Linear(5, 8), nn.GRU(5, 4, 2, batch_first=True), nn.Linear(4, 3)

        def forward(self, x):
            start = self.start(x.mean(1)).unflatten(1, (2, 4)).transpose(0, 1)
            return self.fc(self.rnn(x, start.contiguous())[0][:, -1])

    assert left_out(opened(Started(), (6, 5)).graph())["rnn.l1"].startswith("GRU rnn is computed as it is")


class Towers(nn.Module):
    """One layer reads both inputs in turn; what it makes of them is joined, and joined with a number a sample."""

    def __init__(self):
        super().__init__()
        self.shared, self.side, self.fc = nn.Linear(5, 8), nn.Linear(2, 4), nn.Linear(20, 3)

    def forward(self, one, other, side):
        parts = [torch.relu(self.shared(one)), torch.tanh(self.shared(other)), self.side(side)]
        return self.fc(torch.cat(parts, 1))


def test_a_shared_layer_under_several_inputs_is_cut_once_for_all(tmp_path):
    torch.manual_seed(0)
    shapes, path = ((5,), (5,), (2,)), tmp_path / "towers.pt2"
    example = tuple(torch.zeros(2, *shape) for shape in shapes)
    batch = torch.export.Dim("batch")
    torch.export.save(torch.export.export(Towers().eval(), example, dynamic_shapes=({0: batch},) * 3), path)
    model = BACKEND.load(path)
    found = {group.name: group for group in groups(model.graph())}
    columns = next(m.channel.tolist() for m in found["shared"].members if m.array == "fc.kernel")
    assert columns == [*range(8), *range(8), *[-1] * 4]
    decision, removed = halved(model)
    rng = np.random.default_rng(0)
    x = Several(tuple(rng.normal(size=(6, *shape)).astype(np.float32) for shape in shapes), model.input_names)
    smaller = model.masked(decision.masks).cut(removed)
    np.testing.assert_allclose(smaller.predict(x), model.predict(x, decision.masks), atol=1e-6)
    again = BACKEND.load(smaller.save(tmp_path / "smaller.pt2"))
    np.testing.assert_allclose(again.predict(x), smaller.predict(x), atol=1e-6)
    assert again.graph().arrays["fc.kernel"] == (3, 10)
