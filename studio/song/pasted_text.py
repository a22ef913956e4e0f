"""Finds the IDs in whatever a person pastes into “Task ID”. Rules only; nothing is sent or stored.

The text is scanned, not parsed: answers that break off, are quoted twice or lost their line breaks are read too.
Patterns begin with a fixed word, and repetitions in them are bounded or possessive, so that 5 MB of anything are quick.
"""

from __future__ import annotations

import csv
import re
from bisect import bisect
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain, islice, takewhile

LONGEST = 5 * 1024 * 1024
"""Characters."""
MOST = 5_000
"""Matches of each pattern that are used, from the beginning."""
MOST_COLUMNS = 100
NOTHING = "Task ID: there is no task ID in this text. Copy it from kie.ai/logs, or paste KIE's whole answer."
ONLY_AUDIO = "Task ID: there is an audio ID in this text, but no task ID. Copy the song's task ID from kie.ai/logs."
MASKED = "Task ID: the ID in this text is a sample with stars or dots in it. Copy the whole ID from kie.ai/logs."
TOO_LONG = "Task ID: this text is longer than 5 MB, so it was not read. Copy only the task ID from kie.ai/logs."

_SPELLINGS = [
    ("%25", "%"),
    *((form, c) for c in "\"'{}[:=/,?& \n" for form in dict.fromkeys((f"%{ord(c):02X}", f"%{ord(c):02x}"))),
    *zip(("\\u0022", "&quot;", "&#34;", "&#39;", "&#x27;", "&amp;"), '"""\'\'&', strict=True),
    *((blank, " ") for blank in ("\\n", "\\r", "\n", "\r", "&lt;", "&gt;", "&nbsp;", "\xa0", "\u202f", "\u3000")),
    *((quote, '"') for quote in "“”„‘’‚«»「」＂"),
    *((unseen, "") for unseen in "\xad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\ufeff"),
    *zip(("：", "＝", "，", "‐", "‑", "•", "…"), (":", "=", ",", "-", "-", "*", "..."), strict=True),
    *((task, " task ") for task in ("任务", "任務", "タスク")),
]
"""How addresses, HTML, JSON and word processors write plain characters."""

# Patterns see the text in lower case. Those of tables, and of what is glued, see it as it is.
_W, _Q = "a-z0-9_-", r"\\^\"'`"
_HEX, _UUID = "[0-9a-f]{32}", "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_JOB = rf"[{_W}]{{1,60}}_[0-9]{{13}}(?![{_W}])"
_SHAPED = rf"(?:(?:{_HEX}|{_UUID})(?![{_W}])|task_{_JOB})"
"""An ID that shows without a key."""
_GLUED = rf"(?:{_HEX}|{_UUID})(?=[A-Zg-z]|20[0-9][0-9]-)"
"""An ID with what stood on the next line right behind it."""
_SAMPLE = "(?:your|my|insert|paste|replace|example)[_-]"
_OPAQUE = (
    rf"(?!{_SAMPLE})(?=[a-z_-]{{0,127}}[0-9])(?:(?<=[\"'`])[a-z0-9][{_W}]{{0,127}}+(?=[{_Q}])"
    rf"|(?<![\"'`])[a-z0-9][{_W}]{{7,127}}+(?![({_W}]|\.[a-z0-9.]|\*+[{_W}]|\*\*\*))"
)
"""Any other ID behind a key: it has a digit, and quotes around it or eight characters."""
_TAG = r"</?[a-z]{1,10}+[1-6]?+(?:\s[^<>]{0,300}+)?+>"
_IS = rf"[\s*){_Q}\]]*+(?:{_TAG}[\s*){_Q}\]]*+)*+[:=]{{1,3}}>?[\s*+(\[]*+(?:(?:{_TAG}|<)[\s*+(\[]*+)*+[{_Q}]*+"
_NEAR = rf"[\s*|,;:=()\[\]>{_Q}]*+(?:(?:{_TAG}|<|->|value)[\s*|,;:=()\[\]>{_Q}]*+)*+"
_KEYED = re.compile(rf"ids?(?![a-z0-9])(?:{_IS}|(?P<near>{_NEAR})(?={_SHAPED}))(?P<id>{_SHAPED}|{_OPAQUE})")
_KEY = re.compile(rf"(?P<quotes>(?<![{_Q}])[{_Q}]*)(?P<name>[a-z_-]*(?P<kind>task|audio))[\s_-]*$")
_SOURCE = re.compile("[_-]*(?:parent|source|src|orig|persona)")
_BARE = re.compile(r"hhhhhhhh(?<![hw./%-]hhhhhhhh)(?:h{24}|(?:-hhhh){3}-h{12})(?![hw-]|\.[hw])")
_SHAPES = str.maketrans("0123456789abcdefghijklmnopqrstuvwxyz_", "h" * 16 + "w" * 21)
_BARE_JOB = re.compile(rf"task_(?<![./%{_W}]task_){_JOB}(?!\.[a-z0-9])")
_OWNER = re.compile(rf"(?P<name>[a-z][a-z0-9_-]*(?: id)?|)(?P<quotes>[{_Q}]*)\s*[:=]+$")
_OTHER = re.compile(
    "persona|parent|source|src|orig|music|voice|audio|user|request|trace|session|hash|md5|sha[0-9]|etag|key|sign"
)
_PARAM = re.compile(rf"param([{_Q}]*+)\s*+[:=]\s*+[{_Q}]*+\{{")
_LISTED = re.compile(rf"(?:(data)[{_Q}]*\s*[:=]\s*[{_Q}]*\[|\}}\s*,)\s*\{{[\s{_Q}]*$")
_TOKEN = (
    rf"[\s*:=>+{_Q}]++(?:(?:is|basic|token)\s++)?(?!{_SAMPLE})(?P<token>(?:{_HEX}|{_UUID})(?![{_W}])"
    rf"|(?=[a-z._~+/-]{{0,200}}[0-9]|[a-z]{{24}})[a-z0-9_][a-z0-9._~+/-]{{7,511}}+={{0,2}}(?![*?(]))"
)
_TOKENS = [
    *(re.compile(word + _TOKEN) for word in ("bearer", "authorization", "token")),
    re.compile(rf"key(?:(?<=apikey)|(?<=api[\s_-]key)|(?<=kie[\s_-]key)){_TOKEN}"),
    re.compile(rf"(?P<token>sk-(?<![{_W}]sk-)(?=[a-z_-]{{0,99}}[0-9])[{_W}]{{16,509}}+)"),
]
_MASK = re.compile(r"\*\*\*(?<=[0-9a-z]\*\*\*)|\.\.\.(?<=[0-9a-f]{4}\.\.\.)[0-9a-f]{4}")
_HEAD = re.compile(r"(?s)(?=.{0,2000}?task[_ ]?id)[\"']?[a-z][a-z_ ]{0,40}[\"']?\s?([,;\t])")
_COLUMN = re.compile(r"(?i)\s*[a-z_]+(?: id)?\s*")
_CELL_START = re.compile(rf"[\s\"']*((?i:{_SHAPED})|{_GLUED})")
_CELL_END = re.compile(rf"(?i)(?<![{_W}])({_SHAPED})[\s\"']*$")
_WORD = re.compile(r"(?=.{1,128}$)[_-]*[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Pasted:
    """The IDs that a pasted text has."""

    task_ids: tuple[str, ...] = ()
    """In order of appearance, none twice."""
    audio_ids: tuple[str, ...] = ()
    """Likewise; of the tracks named in the text."""
    token: str = field(default="", repr=False)
    """A KIE token in the text, or ""; it is in no other field."""
    plain: bool = False
    """Whether the text is one ID and nothing else but outer blanks."""
    problem: str = ""
    """A sentence for a person, if there is neither a task ID nor a token."""
    note: str = ""
    """A sentence for a person, although IDs were found."""


def clean_id(text: str) -> str:
    """Return an ID without quotes, blanks and commas around it; hex digits are in lower case."""
    core = text.strip().strip(" \t\r\n\"'`,;")
    return core.lower() if re.fullmatch(rf"{_HEX}|{_UUID}", core.lower()) else core


def find_ids(text: str, known_token: Callable[[str], bool] = lambda text: False) -> Pasted:
    """Return the IDs in a text. `known_token` says whether a text is a token in use: 32 hex digits may be either."""
    if len(text) > LONGEST:
        return Pasted(problem=TOO_LONG)
    word = shown = text.strip()
    for form, character in _SPELLINGS:
        if form[0] in shown:
            shown = shown.replace(form, character)
    shown = shown.encode("ascii", "replace").decode()
    low = shown.lower()
    secrets: dict[str, None] = {}

    def blot(match: re.Match[str]) -> str:
        secrets[shown[slice(*match.span("token"))]] = None
        return "," * len(match[0])

    for pattern in _TOKENS:
        low = pattern.sub(blot, low)
    secrets = dict.fromkeys(_unglued(token.rstrip("./")) for token in secrets)
    core = shown.strip(f" {_Q}<>()[].,;")
    if len(word) <= 512 and not (core in secrets or re.search(r"\s", word)):
        if known_token(word) or known_token(core):
            return Pasted(token=word if known_token(word) else core)
        if _WORD.fullmatch(word) or (_WORD.fullmatch(core) and re.search("[0-9]", core)):
            return Pasted((core,), plain=core == word)
    found = _table(shown, low) or _scan(shown, low)
    secrets |= dict.fromkeys(value for _, value in found if known_token(value))
    tasks, tracks = (
        tuple(dict.fromkeys(value for kind, value in found if kind == wanted and value not in secrets))
        for wanted in ("task", "audio")
    )
    problem = MASKED if _MASK.search(low) else "" if secrets else ONLY_AUDIO if tracks else NOTHING
    return Pasted(tasks, tracks, next(iter(secrets), ""), problem="" if tasks else problem)


def _unglued(value: str) -> str:
    glued = re.match(_GLUED, value)
    return glued[0] if glued else value


def _scan(shown: str, low: str) -> list[tuple[str, str]]:
    """Return every ID with its kind: "task", "audio" or something else."""
    params = [(match.start(), match[1]) for match in islice(_PARAM.finditer(low), MOST)]
    found: dict[int, tuple[str, str]] = {}
    in_track = False
    for match in islice(_KEYED.finditer(low), MOST):
        start, (begin, end) = match.start(), match.span("id")
        key = _KEY.search(low[max(0, start - 40) : start])
        if key and not _SOURCE.match(key["name"]):
            kind = key["kind"]
            if match["near"] is not None and (kind == "audio") != bool(re.match(_UUID, low[begin:end])):
                continue  # the names of two columns, and then the first cell
            above = bisect(params, (start, "")) - 1
            if key["quotes"] and above >= 0 and params[above][1] != key["quotes"]:
                kind = "other"  # in `param`, the request behind the task, which is JSON in a string
        elif shown.startswith("id", start) and not re.match(rf"[{_W}]", low[start - 1 : start]):
            in_track = _in_track(low, start, end, in_track)
            kind = "audio" if in_track else "other"
        else:
            continue
        found[begin] = kind, _unglued(shown[begin:end])
    named = {value for kind, value in found.values() if kind == "audio"}
    bare = chain(islice(_BARE.finditer(low.translate(_SHAPES)), MOST), islice(_BARE_JOB.finditer(low), MOST))
    for begin, end in (match.span() for match in bare):
        owner = _OWNER.search(low[max(0, begin - 64) : begin].rstrip(f" \t*+([<{_Q}"))
        if owner and owner["name"] != "task" and (owner["quotes"] or _OTHER.search(owner["name"])):
            kind = "other"
        else:
            kind = "UUID" if re.fullmatch(_UUID, low[begin:end]) else "bare"
        if shown[begin:end] not in named:
            found.setdefault(begin, (kind, shown[begin:end]))
    kinds = {kind for kind, _ in found.values()}
    best = next((kind for kind in ("task", "bare", "UUID") if kind in kinds), "")
    return [("task" if kind == best else kind, value) for _, (kind, value) in sorted(found.items())]


def _in_track(low: str, start: int, end: int, previous: bool) -> bool:
    """Whether an `id` is a track's, by the object that it is in, or by the list around that."""
    first, last = max(0, start - 2000), end + 2000
    opened = max(low.rfind("{", first, start), low.rfind("}", first, start), first)
    closed = min((at for at in (low.find("{", end, last), low.find("}", end, last)) if at >= 0), default=last)
    if any(low.find(mark, opened, closed) >= 0 for mark in ("audiourl", "audio_url", "modelname", "model_name")):
        return True
    listed = _LISTED.search(low[max(0, start - 40) : start])
    return listed is not None and end - start > 32 and (previous or listed[1] is not None)


def _table(shown: str, low: str) -> list[tuple[str, str]]:
    """Read a table whose first row names its columns. As its line breaks are gone, the last cell of each row and the
    first of the next are one."""
    head = _HEAD.match(low)
    try:
        cells = next(csv.reader([shown], delimiter=head[1])) if head else []
    except csv.Error:
        return []
    names = list(takewhile(_COLUMN.fullmatch, cells[:MOST_COLUMNS]))
    row = len(names)
    names += [cell.split()[0] for cell in cells[row : row + 1] if cell.strip()]
    found = []
    for column, name in enumerate(names if row else []):
        kind = re.sub("[_ ]", "", name.lower()).removesuffix("id")
        for cell in cells[row + column : None if column else -1 : row][:MOST] if kind in ("task", "audio") else ():
            value = (_CELL_START.match if column else _CELL_END.search)(cell)
            found += [(kind, value[1])] if value else []
    return found
