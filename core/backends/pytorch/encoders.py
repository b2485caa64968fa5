"""An encoder of transformers with plain tensors as its inputs: what a tokeniser gives, or pictures."""

import inspect
from typing import Any

import torch
from torch import nn
from torch.export import Dim

from core.backends.pytorch.tracing import close
from core.backends.pytorch.weights import Axes
from core.errors import BadModel

#: Families that open from a folder, as transformers names them; ``benchmarks/encoders.py`` measures each.
FAMILIES = ("albert", "bert", "deit", "dinov2", "distilbert", "electra", "mpnet", "roberta", "vit", "xlm-roberta")
#: Tokens of a sample where the number is fixed, and what must fit for it to be free: a trial has 16.
_TOKENS = 32
_FREE_FROM = 20
#: Added to the products of tokens that do not count; float16 still holds it.
_HIDDEN = -1e4


class Encoder(nn.Module):
    """The network with its inputs in order and its first output."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network
        #: Whether the mask is given as what is added to the products, which leaves less to trace.
        self.added = True

    def example(self) -> tuple[torch.Tensor, ...]:
        """Two samples; with one, PyTorch takes the batch for a constant."""
        raise NotImplementedError

    def free(self) -> tuple[Axes, ...]:
        """Axes that may be free beside the batch."""
        return ()

    def told(self) -> str:
        """What a person has to know of its figures, "" for nothing."""
        raise NotImplementedError

    def _first(self, **given: torch.Tensor) -> Any:
        """Logits, or the last hidden state."""
        return self.network(**given, return_dict=False)[0]


class Tokens(Encoder):
    """Takes ``input_ids`` and ``attention_mask``, 1 where a token counts, each ``(samples, tokens)``."""

    names: tuple[str, ...] = ("input_ids", "attention_mask")

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        """The network's first output."""
        return self._first(input_ids=input_ids, attention_mask=self._mask(attention_mask))

    def example(self) -> tuple[torch.Tensor, ...]:
        places = self._places()
        length = _TOKENS if places is None or places >= _TOKENS + 4 else max(2, places - 2)
        return tuple(torch.ones((2, length), dtype=torch.int64) for _ in self.names)

    def free(self) -> tuple[Axes, ...]:
        places = self._places()
        if places is not None and places < _FREE_FROM:
            return ()
        return (tuple({0: Dim.DYNAMIC, 1: Dim.DYNAMIC} for _ in self.names),)

    def told(self) -> str:
        return "Work is counted for 16 tokens a sample."

    def _places(self) -> int | None:
        found = getattr(self.network.config, "max_position_embeddings", None)
        return found if isinstance(found, int) and found > 0 else None

    def _mask(self, mask: torch.Tensor) -> torch.Tensor:
        return (1.0 - mask.to(torch.float32))[:, None, None, :] * _HIDDEN if self.added else mask

    def settle(self) -> None:
        """Give the mask in the simpler way only where it comes to the same."""
        generator = torch.Generator().manual_seed(0)
        length = self.example()[0].shape[1]
        ids = torch.randint(0, int(self.network.config.vocab_size), (2, length), generator=generator)
        mask = torch.ones_like(ids)
        mask[1, length // 2 :] = 0
        given = (ids, mask, torch.zeros_like(ids))[: len(self.names)]
        with torch.no_grad():
            try:
                added = self(*given)
            except (RuntimeError, ValueError, TypeError, IndexError):
                added = None
            self.added = False
            self.added = added is not None and close(self(*given), added)


class PairTokens(Tokens):
    """Takes ``token_type_ids`` too: which of two texts a token belongs to."""

    names = ("input_ids", "attention_mask", "token_type_ids")

    def forward(  # type: ignore[override]
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor
    ) -> Any:
        """The network's first output."""
        return self._first(
            input_ids=input_ids, attention_mask=self._mask(attention_mask), token_type_ids=token_type_ids
        )


class Pictures(Encoder):
    """Takes ``pixel_values``, ``(samples, channels, height, width)``."""

    def forward(self, pixel_values: torch.Tensor) -> Any:
        """The network's first output."""
        return self._first(pixel_values=pixel_values)

    def example(self) -> tuple[torch.Tensor, ...]:
        config = self.network.config
        side = config.image_size
        height, width = side if isinstance(side, list | tuple) else (side, side)
        return (torch.zeros(2, int(config.num_channels), int(height), int(width)),)

    def told(self) -> str:
        return ""


def encoder(network: Any) -> Encoder:
    """The network with the inputs it takes.

    Raises:
        BadModel: It takes neither tokens nor pictures.
    """
    takes = inspect.signature(network.forward).parameters
    if network.main_input_name == "pixel_values":
        return Pictures(network).eval()
    if network.main_input_name != "input_ids" or "attention_mask" not in takes:
        raise BadModel(
            f'The network takes "{str(network.main_input_name)[:40]}"; only tokens and pictures are worked with.'
        )
    pairs = "token_type_ids" in takes and int(getattr(network.config, "type_vocab_size", 0) or 0) > 1
    made = PairTokens(network).eval() if pairs else Tokens(network).eval()
    made.settle()
    return made
