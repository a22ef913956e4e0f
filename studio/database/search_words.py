"""What a search looks for, and what it looks in: the same simple words, whatever the database is."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

LONGEST = 64
"""Characters of a word that count."""
_WORD = re.compile(r"(?=\w)[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
"""A run of letters and digits; in scripts that put no space between words, each character."""


def words_in(*texts: str) -> list[str]:
    """Return the different words of some texts, sorted, without case, accents and punctuation."""
    return sorted({word[:LONGEST] for word in _WORD.findall(_plain(" ".join(texts)))})


def searchable(texts: Iterable[str]) -> str:
    """Return the words of all that an attempt can be found by, as its row keeps them."""
    return " ".join(words_in(*texts))


def sortable(name: str) -> str:
    """Return a name as it is sorted by: without case and accents, and no longer than an index likes."""
    return _plain(name)[:LONGEST].replace("\0", "")


def _plain(text: str) -> str:
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text)
        text = unicodedata.normalize("NFKC", "".join(c for c in decomposed if not unicodedata.combining(c)))
    return text.casefold()
