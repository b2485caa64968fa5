"""Name to thing, in the order a select box shows them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
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
        families: Each makes a thing from a name that is not listed ("3:7"), or says None if it is no name of its.

    Raises:
        UnknownName: From ``registry[name]`` when there is no such name.
        ValueError: Two things carry one name.
    """

    def __init__(self, kind: str, items: Iterable[T], families: Iterable[Callable[[str], T | None]] = ()) -> None:
        self.kind = kind
        self._families = tuple(families)
        self._items: dict[str, T] = {}
        for item in items:
            if item.name in self._items:
                raise ValueError(f'Two {kind} entries are called "{item.name}".')
            self._items[item.name] = item

    def __contains__(self, name: object) -> bool:
        return name in self._items or any(isinstance(name, str) and f(name) is not None for f in self._families)

    def __getitem__(self, name: str) -> T:
        if name in self._items:
            return self._items[name]
        for family in self._families:
            if (made := family(name)) is not None:
                return made
        raise UnknownName(self.kind, name, tuple(self._items))

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)
