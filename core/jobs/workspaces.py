"""Workspace ids: friendly to read, impossible to guess."""

import base64
import re
import secrets

from core.errors import BadSetting

_ADJECTIVES = (
    *("amber", "brave", "calm", "clear", "crisp", "dewy", "early", "fresh", "gentle", "green", "happy", "kind"),
    *("leafy", "light", "mild", "misty", "neat", "quiet", "shady", "soft", "sunny", "tall", "tidy", "warm", "young"),
)
_PLANTS = (
    *("acorn", "alder", "ash", "beech", "birch", "box", "cedar", "clover", "elm", "fern", "fig", "hazel", "heather"),
    *("holly", "ivy", "laurel", "lilac", "linden", "maple", "moss", "myrtle", "oak", "olive", "pine", "reed", "rowan"),
    *("sage", "spruce", "thyme", "willow", "yew"),
)
_SECRET_BYTES = 10  # 80 bits, 16 characters
_PATTERN = re.compile(r"[a-z]{2,12}-[a-z]{2,12}-[0-9]{2}-[a-z2-7]{16}")


def new_id() -> str:
    """A new id, such as ``quiet-fern-41-k3vq…``: two words and a number to recognise it, 80 random bits to keep it."""
    secret = base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode().lower()
    return f"{secrets.choice(_ADJECTIVES)}-{secrets.choice(_PLANTS)}-{10 + secrets.randbelow(90)}-{secret}"


def is_id(text: str) -> bool:
    """Whether a text has the form of a workspace id."""
    return _PATTERN.fullmatch(text) is not None


def checked(text: str) -> str:
    """The same id.

    Raises:
        BadSetting: It has not the form of one.
    """
    if not is_id(text):
        raise BadSetting("This is not the address of a workspace. Open the app's first page to get one.")
    return text
