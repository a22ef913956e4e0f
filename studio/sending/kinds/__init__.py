"""The kinds of attempts, one file each: what is sent, how its answer is read, and what its troubles mean.

A further kind is a file with a subclass of `Kind`, and its object in `KINDS`.
"""

from __future__ import annotations

from dataclasses import dataclass

from kie import PersonaRequest, Track
from studio.sending.kinds.boost import BOOST
from studio.sending.kinds.kind import Kind, body_of
from studio.sending.kinds.persona import PERSONA
from studio.sending.kinds.persona_job import PERSONA_JOB

__all__ = ["BOOST", "KINDS", "PERSONA", "PERSONA_JOB", "BatchItem", "Kind", "body_of", "kind_named"]

KINDS: dict[str, Kind] = {kind.name: kind for kind in (PERSONA, PERSONA_JOB, BOOST)}


def kind_named(name: str) -> Kind:
    """Return a kind by its name. Raises `KeyError` for one that nobody registered."""
    return KINDS[name]


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One attempt of a batch that is to be filed."""

    kind: Kind
    body: str
    request: PersonaRequest | None = None
    track: Track | None = None
