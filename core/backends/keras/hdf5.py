"""HDF5 files from strangers, looked through by structure; no data set is read.

HDF5 can point out of the file (external links, external storage, virtual data sets) and can promise far more data
than it holds. Keras writes none of that.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from core.backends.keras.configs import vet_config
from core.errors import RefusedFile

#: Filters Keras and h5py may have used: deflate, shuffle, checksum, lzf.
_FILTERS = frozenset({1, 2, 3, 32000})
#: Most times a data set may be larger than what the file stores of it; small ones may be any.
_RATIO = 200
_ALWAYS_SMALL = 1 << 20
_MOST_OBJECTS = 200_000
_MOST_BYTES = 4 << 30
#: What h5py raises on damaged files.
_DAMAGE = (
    OSError,
    RuntimeError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    MemoryError,
    RecursionError,
)


def vet_model_file(path: Path) -> None:
    """An ``.h5`` file with a whole network in it.

    Raises:
        RefusedFile: Not HDF5, weights only, or unsafe.
    """
    import h5py

    _vet_signature(path)
    try:
        with h5py.File(path, "r") as file:
            largest = _vet_objects(file, path.name)
            config = file.attrs.get("model_config")
            weights = config is None and (
                "layer_names" in file.attrs or "layers" in file or "_layer_checkpoint" in file
            )
    except RefusedFile:
        raise
    except _DAMAGE as err:
        raise _damaged(path.name) from err
    if weights:
        raise RefusedFile(f'"{path.name}" holds weights only; save the whole network with model.save("name.keras").')
    if not isinstance(config, (str, bytes)):
        raise RefusedFile(f'"{path.name}" holds no Keras network; save it with model.save("name.keras").')
    vet_config(config, path.name, largest)


def vet_weights(file: BinaryIO, file_name: str) -> int:
    """The ``model.weights.h5`` inside a ``.keras`` file; entries of its largest array.

    Raises:
        RefusedFile: Damaged or unsafe.
    """
    import h5py

    try:
        with h5py.File(file, "r") as opened:
            largest = _vet_objects(opened, file_name)
    except RefusedFile:
        raise
    except _DAMAGE as err:
        raise _damaged(file_name) from err
    return largest


def _vet_signature(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(8)
    if start[:4] == b"PK\x03\x04":
        raise RefusedFile(f'"{path.name}" is a .keras archive under another name; rename it to end in .keras.')
    if start != b"\x89HDF\r\n\x1a\n":
        raise RefusedFile(f'"{path.name}" is no HDF5 file; save the network with model.save("name.keras").')


def _damaged(file_name: str) -> RefusedFile:
    return RefusedFile(f'"{file_name}" is damaged or cut short; save the network again.')


def _vet_objects(file: Any, file_name: str) -> int:
    """Entries of the largest array."""
    total = largest = 0
    for count, item in enumerate(_objects(file, file_name)):
        if count > _MOST_OBJECTS:
            raise RefusedFile(f'"{file_name}" has more parts than any network; save the network again.')
        total += _vet_dataset(item, file_name)
        largest = max(largest, int(item.size or 0))
        if total > _MOST_BYTES:
            raise RefusedFile(
                f'"{file_name}" promises more than {_MOST_BYTES >> 30} GiB of weights, which is our limit.'
            )
    return largest


def _objects(file: Any, file_name: str) -> Iterator[Any]:
    """Every data set once, following hard links only."""
    import h5py

    seen: set[int] = set()
    waiting = [file]
    while waiting:
        group = waiting.pop()
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise RefusedFile(
                    f'"{file_name}" has a link that points elsewhere ("{name[:60]}"), maybe out of the file; save '
                    "the network again."
                )
            item = group[name]
            address = h5py.h5o.get_info(item.id).addr
            if address in seen:
                continue
            seen.add(address)
            if isinstance(item, h5py.Group):
                waiting.append(item)
            elif isinstance(item, h5py.Dataset):
                yield item
            else:
                raise RefusedFile(
                    f'"{file_name}" has a part that no Keras file has ("{name[:60]}"); save the network again.'
                )


def _vet_dataset(item: Any, file_name: str) -> int:
    """Bytes the data set promises."""
    settings = item.id.get_create_plist()
    if settings.get_external_count() or item.is_virtual:
        raise RefusedFile(f'"{file_name}" keeps data in other files, which are never opened; save the network again.')
    filters = {settings.get_filter(i)[0] for i in range(settings.get_nfilters())}
    if not filters <= _FILTERS:
        raise RefusedFile(f'"{file_name}" is packed by a filter that Keras does not use; save the network again.')
    if item.dtype.kind not in "fiubV":
        raise RefusedFile(f'"{file_name}" holds values that are no numbers; save the network again.')
    promised = int(item.size or 0) * int(item.dtype.itemsize)
    stored = int(item.id.get_storage_size())
    if promised > _ALWAYS_SMALL and promised > _RATIO * stored:
        raise RefusedFile(
            f'"{file_name}" promises {promised} bytes in "{item.name[:60]}" but holds {stored}; save the network again.'
        )
    return promised
