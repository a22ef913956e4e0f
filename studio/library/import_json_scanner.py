"""JSON that may be too long, or too hostile, to be parsed as a whole: it is looked at in place, and parsed bit by bit.

No value is parsed before its length and the number of its parts are known to be bearable. What is wrong is said in a
`BadFile`, by row and character.
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
"""Characters of a raw answer; the client keeps no more either."""
MAX_LINE = 3 * MAX_RAW
"""Characters of one attempt in a file: the longest answer, each of its characters escaped, and all the rest."""
MOST_PARTS = 2**18
"""Values in one attempt: a story of ten thousand entries has half as many."""
SHORT = 64 * 1024
"""Bytes of JSON that need no look at their parts before they are parsed."""
MOST_DEEP = MOST_MEMBERS = 100
"""Brackets in one another, and members of the object that is a whole file; ours has three."""

NOT_FROM_HERE = "This JSON was not made by Persona Studio. Give one that was, or a CSV."

SPACE = re.compile(rb"[ \t\r\n\f\v]*+")
_PART = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[{,]', re.DOTALL)
_UP_TO_A_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+', re.DOTALL)
_SCALAR = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[^\s,:"{}\[\]]++', re.DOTALL)
_LATER_BYTES = bytes(range(0x80, 0xC0))
"""Of a character of several bytes, all but the first."""
MOST_BRACKETS = 5_000_000
"""Of a whole file; 200,000 attempts without a story have a quarter."""


def match(pattern: re.Pattern[bytes], content: bytes, start: int, end: int | None = None) -> int:
    """Return where what the pattern takes ends."""
    found = pattern.match(content, start, len(content) if end is None else end)
    return found.end() if found else start


def _characters(content: bytes, start: int, end: int, most: int) -> int:
    """Count characters; what has too many bytes for `most`, or too few, is not looked at."""
    if not most < end - start <= 4 * most:
        return end - start
    cuts = range(start, end, SHORT)
    return sum(len(content[cut : min(cut + SHORT, end)].translate(None, _LATER_BYTES)) for cut in cuts)


def _parts(content: bytes, start: int, end: int) -> int:
    """Count values, as far as the count matters."""
    if end - start <= SHORT:
        return 0
    return sum(1 for _ in islice(_PART.finditer(content, start, end), MOST_PARTS + 1))


def parsed(content: bytes, start: int, end: int, place: str, short: bool = False, row: int = 0) -> Any:
    """Return the JSON value that stands there. Raises `BadFile`, also for what is too long to be looked at.

    One that has to be `short` is no attempt. `row` is the line in which it begins, if that is known.
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
    """Say where a JSON is damaged: so many lines and characters after a place in it."""
    row = (row or content.count(b"\n", 0, at) + 1) + line - 1
    if line == 1:
        begin = content.rfind(b"\n", 0, at) + 1
        column += len(content[begin:at].decode("utf-8", "replace")) if at - begin < SHORT else at - begin
    return BadFile(f"Row {row}, character {column}: the JSON breaks off or is damaged here. Export it again.")


class Scanner:
    """Goes through a JSON whose whole is too long to be parsed: it finds where values end, and parses the short ones.

    Whoever goes through `members` or `elements` takes each value with `value` or `skip`.
    """

    def __init__(self, content: bytes, at: int) -> None:
        self.content = content
        self.at = at

    def next(self) -> bytes:
        """Go to the next character that is no blank, and return it; b"" at the end."""
        self.at = match(SPACE, self.content, self.at)
        return self.content[self.at : self.at + 1]

    def members(self) -> Iterator[str]:
        """Go through an object: each name, with its value next."""
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
        """Go through a list, with each element next."""
        if self._opens(b"[", b"]"):
            return
        while True:
            self.next()
            yield
            if self._take(b",", b"]") == b"]":
                return

    def value(self, place: str, short: bool = False) -> Any:
        """Return the value that is next, parsed as `parsed` does."""
        start = self.at
        self.skip(4 * MAX_LINE, 2 * MOST_PARTS)
        return parsed(self.content, start, self.at, place, short)

    def skip(self, most: int = sys.maxsize, most_brackets: int = MOST_BRACKETS) -> None:
        """Go past the value that is next, or past the first so many bytes of it."""
        if self.content[self.at : self.at + 1] not in (b"{", b"["):
            end = match(_SCALAR, self.content, self.at)
            if end == self.at:
                raise self.damaged()
            self.at = end
            return
        start, opened = self.at, bytearray()
        for _ in range(most_brackets):
            self.at = match(_UP_TO_A_BRACKET, self.content, self.at)
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
        """Return where the next line begins, if nothing else is on this one."""
        end = self.content.find(b"\n", self.at) + 1 or len(self.content)
        self.at = match(SPACE, self.content, self.at, end)
        if self.at < end:
            raise self.damaged()
        return end

    def damaged(self) -> BadFile:
        """Return the error that says that the JSON is damaged here."""
        return _damaged(self.content, self.at)

    def _opens(self, sign: bytes, end: bytes) -> bool:
        """Take the sign that opens, and say whether the other one follows at once; then take that too."""
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
