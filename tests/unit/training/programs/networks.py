"""Tiny networks for values, tokens and two inputs, and one with batch normalisation, saved as people save them."""

from pathlib import Path

VOCABULARY, STEPS, NUMBERS = 12, 6, 3


def build(framework: str, folder: Path) -> dict[str, Path]:
    """Files by what the network is for: values, tokens, several, classes."""
    return {"pytorch": _pytorch, "keras": _keras}[framework](folder)


def _pytorch(folder: Path) -> dict[str, Path]:
    import torch
    from torch import nn

    class Words(nn.Module):
        def __init__(self):
            super().__init__()
            self.words = nn.Embedding(VOCABULARY, 8)
            self.hidden, self.out = nn.Linear(8, 16), nn.Linear(16, 2)

        def forward(self, words):
            return self.out(torch.relu(self.hidden(self.words(words).mean(1))))

    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.numbers = nn.Embedding(VOCABULARY, 8), nn.Linear(NUMBERS, 8)
            self.hidden, self.out = nn.Linear(16, 16), nn.Linear(16, 2)

        def forward(self, words, numbers):
            joined = torch.cat([self.words(words).mean(1), torch.relu(self.numbers(numbers))], dim=1)
            return self.out(torch.relu(self.hidden(joined)))

    torch.manual_seed(0)
    words, numbers = torch.zeros((2, STEPS), dtype=torch.int64), torch.zeros((2, NUMBERS))
    made = {
        "values": (nn.Sequential(nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 1)), (torch.zeros((2, 1)),)),
        "tokens": (Words(), (words,)),
        "several": (Both(), (words, numbers)),
        "classes": (
            nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 3)),
            (torch.randn((8, 4)),),
        ),
    }
    files = {}
    for name, (module, example) in made.items():
        batch = torch.export.Dim("batch")
        shapes = tuple({0: batch} for _ in example)
        program = torch.export.export(module.eval(), example, dynamic_shapes=shapes)
        files[name] = folder / f"{name}.pt2"
        torch.export.save(program, files[name])
    return files


def _keras(folder: Path) -> dict[str, Path]:
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)

    def words_in():
        given = keras.Input((STEPS,), dtype="int32", name="words")
        return given, layers.GlobalAveragePooling1D()(layers.Embedding(VOCABULARY, 8)(given))

    one = keras.Input((1,))
    values = keras.Model(one, layers.Dense(1)(layers.Dense(32, activation="relu")(one)))
    given, mean = words_in()
    tokens = keras.Model(given, layers.Dense(2)(layers.Dense(16, activation="relu")(mean)))
    given, mean = words_in()
    numbers = keras.Input((NUMBERS,), name="numbers")
    joined = layers.Concatenate()([mean, layers.Dense(8, activation="relu")(numbers)])
    several = keras.Model([given, numbers], layers.Dense(2)(layers.Dense(16, activation="relu")(joined)))
    four = keras.Input((4,))
    hidden = layers.ReLU()(layers.BatchNormalization()(layers.Dense(16)(four)))
    classes = keras.Model(four, layers.Dense(3)(layers.Dropout(0.1)(hidden)))
    files = {}
    for name, model in {"values": values, "tokens": tokens, "several": several, "classes": classes}.items():
        files[name] = folder / f"{name}.keras"
        model.save(files[name])
    return files
