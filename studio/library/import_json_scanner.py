"""Parses JSON that is too long, or too hostile, to be parsed as a whole: finds where values end, and parses short ones.

No value is parsed before its length and the number of its parts are checked. A `BadFile` says by row and character what
is wrong.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any

from studio.exceptions import BadFile

MAX_RAW = 2 * 1024 * 1024
"""Characters of a raw answer; the KIE client keeps no more either."""
MAX_LINE = 3 * MAX_RAW
"""Characters of one attempt in a file: the longest answer, each of its characters escaped, and all the rest."""
MOST_PARTS = 2**18
"""Values in one attempt: an event log of ten thousand entries has half as many."""
SHORT = 64 * 1024
"""Bytes of JSON that are parsed without counting their parts."""
MOST_DEEP = MOST_MEMBERS = 100
"""Nested brackets, and members of the object that is a whole file; ours has three."""

NOT_FROM_HERE = "This JSON was not made by Persona Studio. Give one that was, or a CSV."

SPACE = re.compile(rb"[ \t\r\n\f\v]*+")
_PART = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[{,]', re.DOTALL)
_UP_TO_A_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+', re.DOTALL)
_SCALAR = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[^\s,:"{}\[\]]++', re.DOTALL)
_LATER_BYTES = bytes(range(0x80, 0xC0))
"""In UTF-8, the bytes of a character after its first."""
MOST_BRACKETS = 5_000_000
"""Brackets of a whole file; 200,000 attempts without events have a quarter."""


def end_of(pattern: re.Pattern[bytes], content: bytes, start: int, end: int | None = None) -> int:
    """Return where the match of a pattern ends that begins at `start`, or `start` without one."""
    found = pattern.match(content, start, len(content) if end is None else end)
    return found.end() if found else start


def _characters(content: bytes, start: int, end: int, most: int) -> int:
    """Return the number of characters, or of bytes if that is enough to compare with `most`."""
    if not most < end - start <= 4 * most:
        return end - start
    cuts = range(start, end, SHORT)
    return sum(len(content[cut : min(cut + SHORT, end)].translate(None, _LATER_BYTES)) for cut in cuts)


def _parts(content: bytes, start: int, end: int) -> int:
    """Return the number of values, counted up to `MOST_PARTS` and only in long texts."""
    found = _PART.finditer(content, start, end) if end - start > SHORT else ()
    return sum(1 for _ in islice(found, MOST_PARTS + 1))


def parsed(content: bytes, start: int, end: int, place: str, short: bool = False, row: int = 0) -> Any:
    """Return the JSON value between `start` and `end`. Raises `BadFile`, also if it is too long or has too many parts.

    `short` is for values that are no attempts. `row` is the line in which it begins, if that is known.
    """
    most = SHORT if short else MAX_LINE
    if _characters(content, start, end, most) > most or _parts(content, start, end) > MOST_PARTS:
        if short:
            raise BadFile(NOT_FROM_HERE)
        raise BadFile(
            f"{place}: it is longer than {most:,} characters, or has more than {MOST_PARTS:,} values. "
            "It is not from here. Take it out."
        )
    try:
        return json.loads(str(memoryview(content)[start:end], "utf-8"))
    except json.JSONDecodeError as error:
        raise _damaged(content, start, error.lineno, error.colno, row) from None
    except (RecursionError, ValueError):
        raise BadFile(
            f"{place}: it is nested too deeply, or has a number that is too long. It is not from here."
        ) from None


def _damaged(content: bytes, at: int, line: int = 1, column: int = 1, row: int = 0) -> BadFile:
    """Return the error that names the row and character of a damage: `line` and `column` counted from `at`."""
    row = (row or content.count(b"\n", 0, at) + 1) + line - 1
    if line == 1:
        begin = content.rfind(b"\n", 0, at) + 1
        column += len(content[begin:at].decode("utf-8", "replace")) if at - begin < SHORT else at - begin
    return BadFile(f"Row {row}, character {column}: the JSON breaks off or is damaged here. Export it again.")


class Scanner:
    """A position in a JSON, moved forward from value to value.

    While iterating over `members` or `elements`, call `value` or `skip` once for each.
    """

    def __init__(self, content: bytes, at: int) -> None:
        self.content = content
        self.at = at

    def next(self) -> bytes:
        """Move to the next character that is no white space, and return it; b"" at the end."""
        self.at = end_of(SPACE, self.content, self.at)
        return self.content[self.at : self.at + 1]

    def members(self) -> Iterator[str]:
        """Iterate over an object: yield each name, with the position at its value."""
        if self._opens(b"{", b"}"):
            return
        for _ in range(MOST_MEMBERS):
            if self.next() != b'"':
                raise self.damaged()
            key = self.value("Row 1", short=True)
            self._take(b":")
            self.next()
            yield key
            if self._take(b",", b"}") == b"}":
                return
        raise BadFile(NOT_FROM_HERE)

    def elements(self) -> Iterator[None]:
        """Iterate over a list, with the position at each element."""
        if self._opens(b"[", b"]"):
            return
        while True:
            self.next()
            yield
            if self._take(b",", b"]") == b"]":
                return

    def value(self, place: str, short: bool = False) -> Any:
        """Move past the next value, and return it as `parsed` does."""
        start = self.at
        self.skip(4 * MAX_LINE, 2 * MOST_PARTS)
        return parsed(self.content, start, self.at, place, short)

    def skip(self, most: int = sys.maxsize, most_brackets: int = MOST_BRACKETS) -> None:
        """Move past the next value, or past its first `most` bytes."""
        if self.content[self.at : self.at + 1] not in (b"{", b"["):
            end = end_of(_SCALAR, self.content, self.at)
            if end == self.at:
                raise self.damaged()
            self.at = end
            return
        start, opened = self.at, bytearray()
        for _ in range(most_brackets):
            self.at = end_of(_UP_TO_A_BRACKET, self.content, self.at)
            sign = self.content[self.at : self.at + 1]
            if sign in (b"{", b"["):
                opened += sign
            elif sign and bytes(opened[-1:]) + sign in (b"{}", b"[]"):
                opened.pop()
            else:
                raise self.damaged()
            self.at += 1
            if not opened or self.at - start > most:
                return
            if len(opened) > MOST_DEEP:
                break
        raise BadFile("The JSON is nested too deeply, or has too many parts. It is not from here.")

    def end_of_line(self) -> int:
        """Return where the next line begins. Raises `BadFile` if anything else is on this one."""
        end = self.content.find(b"\n", self.at) + 1 or len(self.content)
        self.at = end_of(SPACE, self.content, self.at, end)
        if self.at < end:
            raise self.damaged()
        return end

    def damaged(self) -> BadFile:
        """Return the error that the JSON is damaged at this position."""
        return _damaged(self.content, self.at)

    def _opens(self, sign: bytes, end: bytes) -> bool:
        """Move past the opening bracket, and past the closing one if it follows; return whether it did."""
        self._take(sign)
        if self.next() != end:
            return False
        self._take(end)
        return True

    def _take(self, *signs: bytes) -> bytes:
        sign = self.next()
        if sign not in signs:
            raise self.damaged()
        self.at += 1
        return sign
