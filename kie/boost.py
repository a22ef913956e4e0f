"""The answer to a boost (docs.kie.ai/suno-api/boost-music-style). Knows no HTTP; imported when it is first needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kie.json_trees import as_object
from kie.json_values import read_code, read_number, read_text

_FAILED = frozenset({"2", "fail", "failed", "失败"})
"""KIE's `successFlag` for a failure: documented is "2". For success "1" is documented and "成功" was seen, so there the
text decides, not the flag."""
_WRAPPINGS = ("resultobject", "data", "response")
"""Names of objects in which the text may stand, also in one another."""
MOST_WRAPPINGS = 5


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
        """Whether `data` of an answer has the text, or says that the boost failed."""
        fields = _fields(data)
        return bool(BoostedStyle.text_in(data) or _flag(fields) in _FAILED or any(_failure(fields)))

    @staticmethod
    def text_in(data: object) -> str:
        """Return what KIE wrote, "" if it is not there: then `failure` says why."""
        fields = _fields(data)
        return "" if _flag(fields) in _FAILED else read_text(fields.get("result")).strip()

    @staticmethod
    def failure(data: object) -> tuple[int | None, str]:
        """Return the code (None if it is no number) and the message of a boost that failed."""
        code, message = _failure(_fields(data))
        return read_code(code), message

    @classmethod
    def read(cls, data: object, raw: str = "") -> BoostedStyle:
        """Read `data` of an answer that has the text."""
        fields = _fields(data)
        return cls(
            text=cls.text_in(data),
            credits_consumed=read_number(fields.get("creditsconsumed")),
            credits_remaining=read_number(fields.get("creditsremaining")),
            raw=raw,
        )


def _fields(data: object) -> Mapping[str, Any]:
    fields = as_object(data)
    for _ in range(MOST_WRAPPINGS):
        inner = next(filter(None, (as_object(fields.get(name)) for name in _WRAPPINGS)), None)
        if "result" in fields or inner is None:
            break
        fields = {**fields, **inner}
    return fields


def _flag(fields: Mapping[str, Any]) -> str:
    return read_text(fields.get("successflag")).strip().lower()


def _failure(fields: Mapping[str, Any]) -> tuple[str, str]:
    code = read_text(fields.get("errorcode")).strip()
    messages = (read_text(fields.get(name)) for name in ("errormessage", "errormsg"))
    return "" if code in ("0", "200") else code, next(filter(None, messages), "")
