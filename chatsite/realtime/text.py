"""Text from outside: normalised, and refused where a database or a browser would choke on it."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError


def clean(value: str) -> str:
    """The text in NFC. Refuses NUL (PostgreSQL can't store it) and lone surrogates (UTF-8 can't)."""
    if "\x00" in value:
        raise PydanticCustomError("nul_character", "has a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise PydanticCustomError("half_character", "has half a character (a lone surrogate)") from None
    return unicodedata.normalize("NFC", value)


CleanText = Annotated[str, AfterValidator(clean)]
