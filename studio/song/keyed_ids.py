"""The IDs in a text that has keys: JSON, what programs print, YAML, addresses, commands, logs and messages.

The text is cut into tokens, and a stack holds the objects and strings that are open. So an answer that breaks off,
that is JSON inside a string, or that lost its line breaks is read in the same way as a whole one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import islice

MOST = 100_000
"""Tokens that are read, from the beginning. An answer of KIE has about 400."""

_HEX, _UUID = "[0-9a-f]{32}", "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
UUID = re.compile(_UUID, re.IGNORECASE)
SHAPE = re.compile(rf"{_HEX}|{_UUID}|task_[a-z0-9_-]{{1,60}}_[0-9]{{13}}", re.IGNORECASE)
"""An ID that is one without a key too."""
GLUED = re.compile(rf"((?i:{_HEX}|{_UUID}))(?=[A-Za-z_]*[G-Zg-z]|20[0-9][0-9]-)")
"""An ID with what stood on the next line right behind it: a word, or a date."""
_OPAQUE = re.compile(r"(?i)(?!(?:your|my|insert|paste|replace|example)[_-])(?=[a-z_-]*[0-9])[a-z0-9][a-z0-9_-]{0,127}")
"""Any other ID. It needs a key, a digit, and quotes around it or eight characters."""
_GOES_ON = re.compile(r"(?i)[({~+/]|\.[a-z0-9.]|\*+[a-z0-9]|\*\*\*")
"""Behind a word that is part of code, of an address or of a sample with stars."""
_CUT = re.compile(r"(?i)[0-9a-f-]*|task_.*")
"""At the very end of a text this is the first half of an ID."""

_TOKEN = re.compile(
    r"""(?P<open>[{\[(]) | (?P<close>[}\])]) | (?P<end>[,;&|])
    | (?P<word>(?P<quote>(?<![\\^])[\\^]*+(?:""|["'`]))?+(?P<name>[A-Za-z0-9_][A-Za-z0-9_-]*+)(?(quote)(?P=quote))
        (?P<is>(?=[\s"'`\\^*)\]]{0,12}(?::(?!//)|=)))?)
    | (?P<string>(?<![\\^])[\\^]*+(?:"{1,2}|'|`))""",
    re.VERBOSE,
)
"""`word` is a word, or a string of one word; `is` follows a key. `string` begins or ends any other string. The quotes
of a string inside a string have more backslashes, so they are told apart."""
_PAIRS = {"}": "{", "]": "[", ")": "("}
_ID_KEY = re.compile(r"(?P<before>.*)(?P<of>task|audio|persona)ids?")
"""A key that names IDs, without its hyphens."""
_WORDS_BEFORE_ID = re.compile(r"(?i)(?:[a-z]+[ _-]{1,2})?[a-z]+[ _-]{1,2}$")
_SOURCE = re.compile("source|src|parent|orig")
_OTHER = re.compile(
    f"{_SOURCE.pattern}|persona|music|voice|audio|user|request|trace|session|hash|md5|sha[0-9]|etag|key|sign|record"
)
"""Keys whose value is no song, even where it looks like one."""
_OF_A_TRACK = re.compile("(?:source|stream|sourcestream)?audiourl|modelname")
_ID_KINDS = ("task", "source task", "audio", "source audio", "persona", "id")
_PART_OF_A_RECORD = {"param", "resultjson", "result", "resultobject", "response"}


@dataclass(eq=False, slots=True)
class _Object:
    """What is between two brackets, or the whole text."""

    parent: _Object | None = None
    record: _Object | None = None
    """The record of a task whose request or result this is in."""
    request: bool = False
    """Whether it is in `param`, the request behind a task."""
    list_name: str = ""
    """Of a list: the key before it, or "list"."""
    signs: set[str] = field(default_factory=set)
    """What it has of `_TELLING`, and what it says about the record."""

    def is_track(self, value: str) -> bool:
        """Whether `id` names a track here: there is an address of audio, or it is in a list of tracks."""
        siblings = self.parent.list_name.endswith("data") or "track" in self.parent.signs if self.parent else False
        return "track" in self.signs or (siblings and bool(UUID.fullmatch(value)))

    def makes_persona(self) -> bool:
        """Whether this is the record of a task that made a persona."""
        made = "persona in result" in self.signs or {"persona", "recordid"} <= self.signs
        return "generate-persona" in self.signs or (made and "track in result" not in self.signs)


def kind_of(key: str) -> str:
    """Return what a key, or the head of a column, names: "task", "source task", "persona", and so on."""
    name = re.sub("[^a-z]", "", key.lower())
    named = _ID_KEY.fullmatch(name)
    if not named:
        return "id" if key == "id" else "other"
    if named["of"] == "persona" or "persona" in named["before"]:
        return "persona" if named["of"] == "persona" else "other"
    return f"source {named['of']}" if _SOURCE.search(named["before"]) else named["of"]


@dataclass(frozen=True, slots=True)
class _Key:
    kind: str = ""
    name: str = ""
    sure: bool = True
    """Whether a colon or an equals sign follows. If not, only what looks like an ID is its value."""
    many: bool = False
    """Whether several values follow."""
    quoted: bool = False


_NO_KEY = _Key()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.found: list[tuple[str, str, _Object]] = []
        self.key = _NO_KEY
        self.stack = [("", _Object())]
        """What is open, innermost last: the bracket or the quotes, and the object."""
        self.strings: dict[str, int] = {}
        """Where on the stack the string with such quotes begins."""

    def read(self) -> list[tuple[str, str, _Object]]:
        for token in islice(_TOKEN.finditer(self.text), MOST):
            match token.lastgroup:
                case "open":
                    self.open(token[0])
                case "close" if self.stack[-1][0] == _PAIRS[token[0]]:
                    self.stack.pop()
                    self.key = _NO_KEY
                case "end" if self.key.sure and not self.key.many:
                    self.key = _NO_KEY
                case "string":
                    self.string(token)
                case "word":
                    self.word(token)
        return self.found

    def open(self, mark: str) -> None:
        here = inside = self.stack[-1][1]
        if self.key.name in _PART_OF_A_RECORD:
            inside = _Object(here, here, here.request or self.key.name == "param")
        elif mark in _PAIRS.values():
            inside = _Object(here, here.record, here.request, (self.key.name or "list") if mark == "[" else "")
        self.stack.append((mark, inside))
        if mark == "[" and self.key.kind in _ID_KINDS:
            self.key = replace(self.key, many=True)
        elif mark in _PAIRS.values() or inside is not here:
            self.key = _NO_KEY

    def string(self, token: re.Match[str]) -> None:
        """Begin or end a string. What was opened in it and not closed, as a bracket in a song's words, ends with it."""
        quotes, (start, end) = token[0], token.span()
        before, after = self.text[max(0, start - 1) : start], self.text[end : end + 1]
        if quotes.endswith('""') and before in ":,= [" and after in ":,} ]":
            return  # an empty string
        if quotes in self.strings and not (after.isalnum() or after in ("{", "[")):
            depth = self.strings[quotes]
            for mark, _ in self.stack[depth:]:
                self.strings.pop(mark, None)
            del self.stack[depth:]
            self.key = _NO_KEY
        else:
            self.open(quotes)
            self.strings[quotes] = len(self.stack) - 1

    def word(self, token: re.Match[str]) -> None:
        name, start = token["name"], token.start("name")
        glued, of_id = GLUED.match(name), self.key.sure and self.key.kind in _ID_KINDS
        if glued and of_id:
            self.value(glued[1], token)
            of_id = False
            name, start = name[glued.end() :], start + glued.end()
        if name.lower() in ("id", "ids") and not token["quote"]:
            words = _WORDS_BEFORE_ID.search(self.text[max(0, start - 30) : start])
            name = (words[0] if words else "") + name
        kind, plain, here = kind_of(name), re.sub("[ _-]", "", name.lower()), self.stack[-1][1]
        if plain == "generatepersona" and self.text.endswith("ai-music-api/", 0, start):
            (here.record if here.request and here.record else here).signs.add("generate-persona")
        elif token["is"] is not None and not (of_id and kind == "other" and re.search("[0-9]", name)):
            if self.key.sure or plain not in ("is", "are", "value"):
                self.key = _Key(kind, plain, True, plain.endswith("ids"), bool(token["quote"]))
            if plain == "recordid":
                here.signs.add(plain)
            if _OF_A_TRACK.fullmatch(plain):
                self.sign("track")
        elif kind in _ID_KINDS and kind != "id":
            self.key = _Key(kind, plain, False, plain.endswith("ids"))
        elif name:
            self.value(name, token)

    def sign(self, of: str) -> None:
        here = self.stack[-1][1]
        here.signs.add(of)
        if here.parent and here.parent.list_name:
            here.parent.signs.add(of)
        if here.record and not here.request:
            here.record.signs.add(f"{of} in result")

    def value(self, value: str, token: re.Match[str]) -> None:
        """Take a word as the value of the key before it, or as an ID without a key."""
        key, text, (start, end) = self.key, self.text, token.span("name")
        shaped = bool(SHAPE.fullmatch(value))
        if key.kind in _ID_KINDS and key.sure:
            is_id = shaped or self.is_opaque_id(value, token)
        else:
            is_id = key.kind in _ID_KINDS and shaped and bool(UUID.fullmatch(value)) == ("audio" in key.kind)
        if is_id:
            self.found.append((key.kind, value, self.stack[-1][1]))
            if key.kind == "persona":
                self.sign("persona")
        elif shaped:
            in_address = text[max(0, start - 1) : start] in ("/", ".", "%", "-") or _GOES_ON.match(text, end)
            other = key.sure and (key.quoted or _OTHER.search(key.name))
            kind = "other" if in_address or other else "UUID" if UUID.fullmatch(value) else "bare"
            self.found.append((kind, value, self.stack[-1][1]))
        if not key.many and (key.sure or is_id or shaped):
            self.key = _NO_KEY

    def is_opaque_id(self, value: str, token: re.Match[str]) -> bool:
        long = bool(token["quote"]) or (len(value) >= 8 and not _GOES_ON.match(self.text, token.end()))
        cut = (
            token.end() == len(self.text)
            and not token["quote"]
            and (self.stack[-1][0] in self.strings or _CUT.fullmatch(value))
        )
        return long and not cut and bool(_OPAQUE.fullmatch(value))


def keyed_ids(text: str) -> list[tuple[str, str]]:
    """Return every ID with its kind, in order: "task", "audio", "persona", "source task" and "source audio" (what a
    song or a persona was made from), "job" (a task that made a persona), "bare" and "UUID" (an ID without a key)."""
    found = []
    for kind, value, here in _Reader(text).read():
        if kind == "id" and here.is_track(value):
            kind = "audio"
        if kind == "task" and here.makes_persona():
            kind = "job"
        elif kind in ("task", "audio") and here.record and here.record.makes_persona():
            kind = f"source {kind}"
        elif kind == "id" or here.request:
            kind = "other"
        found.append((kind, value))
    return found
