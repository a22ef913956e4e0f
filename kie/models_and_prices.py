"""KIE's music models and prices: what they are called, inside answers and by people, and what a call costs.

From KIE's pages and price list, and from tables in public clients, which agree. Imported when first needed.
"""

from __future__ import annotations

from typing import NamedTuple

AS_OF = "2026-11-25"
"""The day to which all of this was checked."""


class Model(NamedTuple):
    """A music model: the name that requests and people use, and the internal names that answers use."""

    name: str
    label: str
    """The name as it is written for people."""
    internal_names: tuple[str, ...]


MODELS = (
    Model("V6", "V6", ("chirp-hawk",)),
    Model("V6_WILD", "V6 Wild", ("chirp-hawk-wild",)),
    Model("V6_MINI", "V6 Mini", ("chirp-goose",)),
    Model("V5_5", "V5.5", ("chirp-fenix",)),
    Model("V5", "V5", ("chirp-crow",)),
    Model("V4_5PLUS", "V4.5 Plus", ("chirp-bluejay",)),
    Model("V4_5ALL", "V4.5 All", ("chirp-auk-turbo",)),
    Model("V4_5", "V4.5", ("chirp-auk", "chirp-v4-5")),
    Model("V4", "V4", ("chirp-v4",)),
    Model("V3_5", "V3.5", ("chirp-v3-5",)),
)
"""The newest first."""

PRICES = {"persona": 0.0, "timed words": 0.5, "boost": 0.4}
"""Credits for a call that succeeds. A task that fails is given back. One credit is 0.005 US dollars."""


def price_of(what: str) -> str:
    """Return a sentence for people about the price of a call, a key of `PRICES`."""
    return f"In copies of KIE's price list, checked on {AS_OF}, it costs {PRICES[what]:g} credits."


_BY_NAME = {name: model for model in MODELS for name in (model.name, *model.internal_names)}


def model_name(name: str) -> str:
    """Return the name that requests use, for that name or an internal one; an unknown name is returned as it is."""
    model = _BY_NAME.get(name)
    return model.name if model else name


def model_label(name: str) -> str:
    """Return the name as it is written for people; an unknown name is returned as it is."""
    model = _BY_NAME.get(name)
    return model.label if model else name
