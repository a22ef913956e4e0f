"""The answer to a boost (docs.kie.ai/suno-api/boost-music-style). Knows no HTTP; imported when it is first needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kie.json_values import read_number, read_text

_DONE, _FAILED = "1", "2"
"""Values of KIE's `successFlag`, which is documented as a text; "0" means that it is still being written."""


@dataclass(frozen=True, slots=True)
class BoostedStyle:
    """What KIE wrote, what it cost and the balance after it; both in credits, and None where KIE does not say."""

    text: str
    credits_consumed: float | None = None
    credits_remaining: float | None = None
    raw: str = field(default="", repr=False)
    """The start of the answer as received."""

    @staticmethod
    def is_answer(data: object) -> bool:
        """Whether `data` of an answer says that the boost is done, and has its text, or that it failed."""
        if not isinstance(data, Mapping):
            return False
        return BoostedStyle.is_failure(data) or (_flag(data) == _DONE and bool(_text(data)))

    @staticmethod
    def is_failure(data: Mapping[str, Any]) -> bool:
        """Whether KIE says that it failed."""
        return _flag(data) == _FAILED

    @classmethod
    def read(cls, data: Mapping[str, Any], raw: str = "") -> BoostedStyle:
        """Read `data` of an answer that is done."""
        return cls(
            text=_text(data),
            credits_consumed=read_number(data.get("creditsConsumed")),
            credits_remaining=read_number(data.get("creditsRemaining")),
            raw=raw,
        )


def _flag(data: Mapping[str, Any]) -> str:
    return read_text(data.get("successFlag")).strip()


def _text(data: Mapping[str, Any]) -> str:
    return read_text(data.get("result")).strip()
