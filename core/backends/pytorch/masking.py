"""Tensors with masks laid over them, made once per mask and remembered as long as the mask is the newest."""

import threading
from collections.abc import Mapping

import torch

from core.backends._base import Masks
from core.backends.pytorch.arrays import Place
from core.errors import BadSetting
from core.masks import Mask


def checked(masks: Masks, shapes: Mapping[str, tuple[int, ...]]) -> Masks:
    """The masks that remove anything, all of arrays that exist and of their shapes.

    Raises:
        BadSetting: A mask is of no array of the network, or of another shape.
    """
    for name, mask in masks.items():
        if name not in shapes:
            raise BadSetting(f'The network has no array "{name}" to mask.')
        if mask.kept.shape != tuple(shapes[name]):
            raise BadSetting(f'The mask of "{name}" has the shape {mask.kept.shape}; the array has {shapes[name]}.')
    return {name: mask for name, mask in masks.items() if not mask.kept.all()}


def kept_tensors(
    masks: Masks, where: Mapping[str, Place], state: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """By tensor name the booleans of what stays, parts of fused tensors put together."""
    kept: dict[str, torch.Tensor] = {}
    for name, mask in masks.items():
        place = where[name]
        part = place.back(torch.from_numpy(mask.kept.copy())).to(state[place.keys[0]].device)
        for key in place.keys:
            if place.stop is None:
                kept[key] = part.contiguous()
                continue
            if key not in kept:
                kept[key] = torch.ones(state[key].shape, dtype=torch.bool, device=state[key].device)
            kept[key][place.start : place.stop] = part
    return kept


class Overlay:
    """Masked tensors of one network. One per network and safe to share between threads.

    At most one masked copy of each tensor is kept, that of the masks last asked for: dragging one layer's threshold
    makes one layer anew.
    """

    def __init__(self, where: Mapping[str, Place], state: Mapping[str, torch.Tensor]) -> None:
        self._where = where
        self._state = state
        self._lock = threading.Lock()
        self._made: dict[str, tuple[dict[str, Mask], torch.Tensor]] = {}

    def __call__(self, masks: Masks) -> dict[str, torch.Tensor]:
        """The tensors that differ under the masks, by dotted name."""
        by_key: dict[str, list[str]] = {}
        for name in masks:
            for key in self._where[name].keys:
                by_key.setdefault(key, []).append(name)
        return {key: self._masked(key, {name: masks[name] for name in names}) for key, names in by_key.items()}

    def _masked(self, key: str, masks: Masks) -> torch.Tensor:
        with self._lock:
            known = self._made.get(key)
        if known is not None and known[0].keys() == masks.keys() and all(known[0][n] is masks[n] for n in masks):
            return known[1]
        kept = kept_tensors(masks, self._where, self._state)[key]
        with torch.no_grad():
            made = torch.where(kept, self._state[key], 0.0)
        with self._lock:
            self._made[key] = (dict(masks), made)
        return made
