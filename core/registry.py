"""Name to thing, in the order a select box shows them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Generic, Protocol, TypeVar

from core.errors import UnknownName


class Named(Protocol):
    """Anything that carries the name it is listed under."""

    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Named)


class Registry(Mapping[str, T], Generic[T]):
    """What there is to choose from, by name.

    Args:
        kind: What the things are, for messages ("criterion").
        items: The things, in the order they are listed.

    Raises:
        UnknownName: From ``registry[name]`` when there is no such name.
        ValueError: Two things carry one name.
    """

    def __init__(self, kind: str, items: Iterable[T]) -> None:
        self.kind = kind
        self._items: dict[str, T] = {}
        for item in items:
            if item.name in self._items:
                raise ValueError(f'Two {kind} entries are called "{item.name}".')
            self._items[item.name] = item

    def __getitem__(self, name: str) -> T:
        try:
            return self._items[name]
        except KeyError:
            raise UnknownName(self.kind, name, tuple(self._items)) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)
