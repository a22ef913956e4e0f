"""A search of the library, as data, and what notes and tags may be. Importing this loads no database package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from studio.sending.attempts import Status

MOST_TAGS, LONGEST_TAG, LONGEST_NOTE = 20, 40, 5000
LONGEST_ID = LONGEST_USE = 200
CLAIMED = "(says a file)"
"""Stands after an author whom only a file names, where people sign in; alone where it names none."""


def claimed(author: str) -> str:
    """Return an author as a file claims it; a mark that is there already stays the only one."""
    return author if unclaimed(author) != author else f"{author} {CLAIMED}" if author else CLAIMED


def unclaimed(author: str) -> str:
    """Undo `claimed`."""
    return "" if author == CLAIMED else author.removesuffix(f" {CLAIMED}")


class Order(StrEnum):
    """How a list is sorted."""

    NEWEST = "Newest first"
    OLDEST = "Oldest first"
    NAME = "Name, A to Z"
    NAME_BACK = "Name, Z to A"


@dataclass(frozen=True, slots=True)
class Query:
    """Which attempts to find, and in what order. All conditions must hold; a word matches words that begin with it."""

    text: str = ""
    statuses: tuple[Status, ...] = ()
    favourites: bool = False
    since: datetime | None = None
    until: datetime | None = None
    """The first moment after the range."""
    deleted: bool = False
    order: Order = Order.NEWEST
    makes: str = "persona"
    """What the attempts asked for: "persona", "song" or "text"."""


def clean_tags(tags: Sequence[str]) -> list[str]:
    """Return tags without duplicates and outer blanks. Raises `ValueError` with a sentence for a person."""
    found = list(dict.fromkeys(" ".join(tag.split()) for tag in tags if tag.strip()))
    if len(found) > MOST_TAGS:
        raise ValueError(f"Tags: keep at most {MOST_TAGS}.")
    for tag in found:
        if len(tag) > LONGEST_TAG or "," in tag or not tag.isprintable():
            raise ValueError(f"Tags: use at most {LONGEST_TAG} characters, and no comma.")
    return found
