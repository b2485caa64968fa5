"""Small networks, each with one thing that lifting must bring back."""

import torch
from torch import nn
from torch.nn import functional as F


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(2, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6)
        self.conv2, self.bn2 = nn.Conv2d(6, 6, 3, padding=1), nn.BatchNorm2d(6)
        self.relu = nn.ReLU(inplace=True)
        self.fc = nn.Linear(6, 4)

    def forward(self, x):
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)) + x)
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


class Concatenation(nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Conv2d(2, 3, 1), nn.Conv2d(2, 4, 3, padding=1)
        self.norm, self.fc = nn.GroupNorm(7, 7), nn.Linear(7 * 16, 4)

    def forward(self, x):
        x = self.norm(torch.cat([self.left(x), F.silu(self.right(x))], dim=1))
        return F.softmax(self.fc(x.view(x.size(0), -1)), dim=1)


class Shared(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.shared, self.last = nn.Linear(5, 8), nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x):
        x = torch.tanh(self.first(x))
        return self.last(torch.tanh(self.shared(torch.tanh(self.shared(x)))))


class FunctionalDropout(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(5, 16), nn.Linear(16, 1)

    def forward(self, x):
        return torch.sigmoid(self.fc2(F.dropout(F.relu(self.fc1(x)), 0.5, self.training)))


class Attention(nn.Module):
    def __init__(self, batch_first=True, need_weights=False, mask=False, **options):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=batch_first, **options)
        self.norm, self.fc = nn.LayerNorm(8), nn.Linear(8, 3)
        self.batch_first, self.need_weights = batch_first, need_weights
        causal = torch.triu(torch.full((6, 6), float("-inf")), 1)
        self.register_buffer("causal", causal if mask else None)

    def forward(self, x):
        x = self.norm(x)
        if not self.batch_first:
            x = x.transpose(0, 1)
        y = self.attention(x, x, x, need_weights=self.need_weights, attn_mask=self.causal)[0] + x
        return self.fc(y.mean(1 if self.batch_first else 0))


class CrossAttention(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.query, self.memory = nn.Linear(8, 8), nn.Linear(8, options.get("kdim", 8))
        self.attention = nn.MultiheadAttention(8, 4, batch_first=True, **options)
        self.fc = nn.Linear(8, 3)

    def forward(self, x):
        memory = self.memory(x)
        y, weights = self.attention(self.query(x[:, :2]), memory, memory)
        return self.fc(y.sum(1)) + weights.sum((1, 2)).unsqueeze(1)


class DotProduct(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv, self.out, self.fc = nn.Linear(8, 24), nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x):
        n, t, _ = x.shape
        q, k, v = (part.reshape(n, t, 2, 4).transpose(1, 2) for part in self.qkv(x).chunk(3, dim=-1))
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, t, 8)
        return self.fc(self.out(y).mean(1))


class Recurrent(nn.Module):
    def __init__(self, kind=nn.GRU, last="sequence", **options):
        super().__init__()
        self.rnn = kind(5, 4, batch_first=True, **options)
        self.last = last
        self.fc = nn.Linear(4 * (2 if options.get("bidirectional") and last == "sequence" else 1), 3)

    def forward(self, x):
        sequence, state = self.rnn(x)
        state = state[0] if isinstance(state, tuple) else state
        return F.log_softmax(self.fc(sequence[:, -1] if self.last == "sequence" else state[-1]), dim=-1)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.token = nn.Parameter(torch.randn(1, 1, 8))
        self.fc = nn.Linear(8, 3)

    def forward(self, x):
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1)
        return self.fc(self.encoder(x)[:, 0])


class Depthwise(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(2, 6, 3, bias=False), nn.BatchNorm2d(6)
        self.depthwise, self.point = nn.Conv2d(6, 12, 3, padding=1, groups=6), nn.Conv2d(12, 5, 1)
        self.up, self.fc = nn.ConvTranspose2d(5, 4, 2, stride=2), nn.Linear(4 * 64, 3)

    def forward(self, x):
        x = F.gelu(self.bn(self.conv(F.pad(x, (1, 1, 1, 1)))))
        x = F.max_pool2d(F.softplus(self.point(self.depthwise(x))), 2)
        return self.fc(F.avg_pool2d(self.up(x), 1).flatten(1))


class Series(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.bn = nn.Conv1d(2, 6, 3, stride=2, padding=1), nn.BatchNorm1d(6)
        self.block = nn.Sequential(nn.Conv1d(6, 8, 3, padding=1), nn.ELU(), nn.Dropout(0.2), nn.MaxPool1d(2))
        self.fc1, self.bn2, self.fc2 = nn.Linear(16, 8), nn.BatchNorm1d(8), nn.Linear(8, 4)

    def forward(self, x):
        x = torch.flatten(self.block(F.leaky_relu(self.bn(self.conv(x)), 0.1)), 1)
        return self.fc2(torch.sigmoid(self.bn2(self.fc1(x))))


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.fc = nn.Embedding(11, 6), nn.Linear(6, 3)

    def forward(self, x):
        return self.fc(self.words(x).mean(1))


class FixedViews(nn.Module):
    """Sizes, the batch among them, as numbers in the code."""

    def __init__(self, batch):
        super().__init__()
        self.batch, self.token = batch, nn.Parameter(torch.randn(1, 1, 8))
        self.attention, self.fc = nn.MultiheadAttention(8, 2, batch_first=True), nn.Linear(8, 3)

    def forward(self, x):
        x = x.view([self.batch, -1]).reshape(self.batch, 6, 8)
        x = torch.cat([self.token.expand(self.batch, -1, -1), x], dim=1)
        return self.fc(self.attention(x, x, x)[0][:, 0])


class AcrossTheBatch(nn.Module):
    """No other batch can give the same: samples are normalised by one another."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(x - x.mean(0, keepdim=True))


#: name -> (maker, shape of one sample)
NETWORKS = {
    "residual": (Residual, (2, 4, 4)),
    "concatenation": (Concatenation, (2, 4, 4)),
    "shared layer": (Shared, (5,)),
    "functional dropout": (FunctionalDropout, (5,)),
    "attention": (Attention, (6, 8)),
    "attention, batch second": (lambda: Attention(batch_first=False), (6, 8)),
    "attention with weights": (lambda: Attention(need_weights=True), (6, 8)),
    "attention with mask": (lambda: Attention(mask=True), (6, 8)),
    "attention without bias": (lambda: Attention(bias=False), (6, 8)),
    "cross attention": (CrossAttention, (6, 8)),
    "cross attention of other widths": (lambda: CrossAttention(kdim=5, vdim=5), (6, 8)),
    "dot product": (DotProduct, (6, 8)),
    "gru": (Recurrent, (6, 5)),
    "gru, last state": (lambda: Recurrent(last="state"), (6, 5)),
    "gru, two layers": (lambda: Recurrent(num_layers=2, dropout=0.1), (6, 5)),
    "lstm": (lambda: Recurrent(nn.LSTM), (6, 5)),
    "lstm, last state": (lambda: Recurrent(nn.LSTM, last="state"), (6, 5)),
    "lstm, both ways": (lambda: Recurrent(nn.LSTM, bidirectional=True), (6, 5)),
    "encoder": (Encoder, (6, 8)),
    "depthwise": (Depthwise, (2, 8, 8)),
    "series": (Series, (2, 8)),
}
