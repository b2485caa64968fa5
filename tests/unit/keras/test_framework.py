"""How Keras is imported."""

import sys
import threading

import pytest

from core.backends.keras import framework


def test_what_nobody_asks_of_keras_is_missing_only_where_it_is_imported_and_only_then():
    found, before = [], list(sys.meta_path)
    with framework._without_the_unasked():
        (finder,) = (one for one in sys.meta_path if one not in before)
        for name in framework.UNASKED:
            with pytest.raises(ModuleNotFoundError, match=name):
                finder.find_spec(name, None)
            other = threading.Thread(target=lambda n=name: found.append(finder.find_spec(n, None)))
            other.start()
            other.join()
        assert finder.find_spec("numpy", None) is None
    assert found == [None] * len(framework.UNASKED)
    assert sys.meta_path == before
