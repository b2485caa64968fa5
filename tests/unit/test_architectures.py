"""Names that the operator gives to networks of bare weights."""

import pytest

from core.architectures import VARIABLE, checked, meant, named, offered, parsed
from core.errors import BadSetting
from sample_models import SAMPLES


def test_files_and_modules_are_told_apart_and_keep_their_order():
    found = parsed(" mine=/nets/mine.py:make ;tiny = mynets.small:Tiny; ")
    assert list(found.items()) == [("mine", "/nets/mine.py:make"), ("tiny", "mynets.small:Tiny")]
    assert parsed("") == {}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("mine", "NAME=FILE.py:CALLABLE"),
        ("mine=/nets/mine.py", "NAME=FILE.py:CALLABLE"),
        ("=/nets/mine.py:make", "NAME=FILE.py:CALLABLE"),
        ("my net=/nets/mine.py:make", "NAME=FILE.py:CALLABLE"),
        ("mine=nets/mine.py:make", "whole path"),
        ("mine=/nets/mine.py:os.remove", "no name of a callable"),
        ("mine=/nets/mine:make", "neither a .py file nor a module"),
        ("mine=a:b;mine=c:d", "taken"),
        ("iris-mlp=a:b", "taken"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_entry_and_the_reason(text, why):
    with pytest.raises(BadSetting, match=VARIABLE) as refused:
        parsed(text)
    assert why in str(refused.value)


def test_pages_offer_names_only_the_samples_first(monkeypatch):
    monkeypatch.setenv(VARIABLE, "mine=/nets/mine.py:make")
    assert offered() == (*SAMPLES, "mine")
    assert checked("mine") == "mine"
    assert meant("mine") == "/nets/mine.py:make"
    for outside in ("/nets/mine.py:make", "os:system", "yours"):
        with pytest.raises(BadSetting):
            checked(outside)


def test_without_the_setting_every_text_means_itself(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert named() == {}
    assert meant("iris-mlp") == "iris-mlp"
    assert meant("nets.py:make") == "nets.py:make"
