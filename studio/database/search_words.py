"""Splits texts and searches into the same plain words, so that SQLite and PostgreSQL find the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

LONGEST = 64
"""Characters of a word that are kept."""
_WORD = re.compile(r"(?=\w)[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
"""A run of letters and digits; in scripts that put no space between words, each character."""


def words_in(*texts: str) -> list[str]:
    """Return the different words of some texts, sorted, without case, accents and punctuation."""
    return sorted({word[:LONGEST] for word in _WORD.findall(_plain(" ".join(texts)))})


def searchable(texts: Iterable[str]) -> str:
    """Return the words of some texts, as the column `words` has them."""
    return " ".join(words_in(*texts))


def sortable(name: str) -> str:
    """Return the sort key of a name: without case and accents, and short enough for an index."""
    return _plain(name)[:LONGEST].replace("\0", "")


def _plain(text: str) -> str:
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text)
        text = unicodedata.normalize("NFKC", "".join(c for c in decomposed if not unicodedata.combining(c)))
    return text.casefold()
