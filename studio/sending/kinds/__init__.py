"""The kinds of attempts, one file each: what is sent, how its answer is read, and what its troubles mean.

A further kind is a file with a subclass of `Kind`, and its object in `KINDS`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kie import PersonaRequest, Track
from studio.sending.kinds.boost import BOOST
from studio.sending.kinds.kind import Kind
from studio.sending.kinds.persona import PERSONA

__all__ = ["BOOST", "KINDS", "PERSONA", "BatchItem", "Kind", "body_of", "kind_named"]

KINDS: dict[str, Kind] = {kind.name: kind for kind in (PERSONA, BOOST)}


def kind_named(name: str) -> Kind:
    """Return a kind by its name. Raises `KeyError` for one that nobody registered."""
    return KINDS[name]


def body_of(payload: Mapping[str, Any]) -> str:
    """Return a request's JSON as it is filed and sent."""
    return json.dumps(payload, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One attempt of a batch that is to be filed."""

    kind: Kind
    body: str
    request: PersonaRequest | None = None
    track: Track | None = None
