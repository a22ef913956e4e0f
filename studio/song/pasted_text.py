"""Finds the IDs in whatever a person pastes into “Task ID”. Rules only; nothing is sent or stored.

First tokens are taken out of the text. What is left is read as a table, or else by its keys. Repetitions in patterns
are bounded or possessive, so that 5 MB of anything are quick.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice, takewhile

from studio.song.keyed_ids import GLUED, SHAPE, UUID, keyed_ids, kind_of

LONGEST = 5 * 1024 * 1024
"""Characters."""
MOST = 5_000
"""Tokens, and rows of a table, that are used, from the beginning."""
NOTHING = "Task ID: there is no task ID in this text. Copy it from kie.ai/logs, or paste KIE's whole answer."
ONLY_AUDIO = "Task ID: there is an audio ID in this text, but no task ID. Copy the song's task ID from kie.ai/logs."
AUDIO_FORM = "Task ID: this has the form of an audio ID, not of a task ID. Copy the song's task ID from kie.ai/logs."
PERSONA = "Task ID: this is a persona, not a song. Copy the task ID of the song it was made from, from kie.ai/logs."
MASKED = "Task ID: the ID in this text is a sample with stars or dots in it. Copy the whole ID from kie.ai/logs."
TOO_LONG = "Task ID: this text is longer than 5 MB, so it was not read. Copy only the task ID from kie.ai/logs."
SONG_OF_PERSONA = "This is a persona. Its song is named in it, so the song was taken."

_QUOTES = "“”„‘’‚«»「」"
_UNSEEN = "\xad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\ufeff"
_WRITTEN = {
    "&amp;": "&",
    **{
        form.format(ord(character)): character
        for character in "%\"'{}[]():=/,?&+<> \n\r\\"
        for form in ("%{:02X}", "%{:02x}", "\\u{:04x}", "&#{};", "&#x{:x};")
    },
    **{"&quot;": '"', "&apos;": "'", "&lt;": "<", "&gt;": ">", "&nbsp;": " ", "\\n": " ", "\\r": " ", "\\t": " "},
    **dict.fromkeys(_QUOTES, '"'),
    **dict.fromkeys(_UNSEEN, ""),
    **{"‐": "-", "•": "*", "İ": "I"},
    **{"任务": " task ", "任務": " task ", "タスク": " task ", "音频": " audio ", "音頻": " audio ", "音声": " audio "},
}
"""How addresses, HTML, JSON, word processors and other languages write what the patterns look for."""
_TAG = re.compile(r"(?i)</?[a-z]{1,10}[1-6]?(?:\s(?![^<>]{0,300}id=)[^<>]{0,300})?>")
"""A tag of HTML that has no ID."""
_MASK = re.compile(r"(?<![A-Za-z0-9])(?=[a-f]*+[0-9])[0-9a-f]{4,}+(?:\*\*\*|\.\.\.[0-9a-f]{4})")
"""A sample: half an ID and then stars, or dots and the other end."""
_WORD = re.compile(r"(?=.{1,128}$)[_-]*[A-Za-z0-9][A-Za-z0-9_-]*")

# Patterns of tokens see the text in lower case.
_TOKEN_KEY = (
    r"(?:api[\s_-]?(?:key|schlüssel|sleutel|nyckel|anahtarı|ключ|キー|키|密钥|密鑰|金鑰)|(?:kie|suno|access|private)[\s_-]?key"
    r"|secret|token|bearer|authorization|credential|password|passwd|密钥|密鑰|令牌|トークン"
    r"|(?<![\w-])(?:key|auth|pass|pwd|senha|contraseña|пароль|ключ|api(?=\W{0,3}(?:[:=]|kie|suno|de\s))))(?P<many>s)?"
    r"(?:[\s._(-]{0,2}(?:keys?|kie|suno|api|ai|for|de)(?![a-z0-9])){0,3}(?:_[0-9])?(?:[\"',\s]{1,4}value)?"
)
"""What names a token, in several languages; `many` if it names several."""
_IS = r"(?:[\s*:=>+|()\[\]\"'`\\^–—は]|-\s)++(?:(?:is|basic|bearer|token|str(?:ing)?\s?=)[\s\"'`]++)?"
"""Between the name and the token."""
_VALUE = (
    r"(?!(?:your|my|insert|paste|replace|example)[_-]|process\.|os\.)(?=[0-9._~+/-]{0,200}[a-z]|[0-9._~+/-]{16})"
    r"(?=[a-z._~+/-]{0,200}[0-9]|[a-z]{24})[a-z0-9_][a-z0-9._~+/-]{7,}+={0,2}+(?![*?(])"
)
"""A token: all characters up to one that no token has. It has a digit, or is long."""
_RUN = re.compile(_VALUE)
_TOKENS = re.compile(
    rf"""{_TOKEN_KEY}{_IS}(?P<values>{_VALUE}(?:(?(many)[\s,;"'`|\\^-]{{1,20}}+|[,;]\s?){_VALUE})*+)"""
    r"|(?P<alone>(?<![a-z0-9_-])sk-(?=[a-z_-]{0,99}[0-9])[a-z0-9_-]{16,}+)"
)
"""One token or several behind a name, or one that shows by its beginning."""
_COLUMN = re.compile(r"\s*[^\W\d_](?:[^\W\d]|[ .#/]|-(?!-)){0,40}(?:\([^()]{0,20}\))?\s*")
"""The head of a column."""
_FIRST_IN_CELL = re.compile(rf"[\s\"'`*]*((?:{SHAPE.pattern})(?![\w-])|{GLUED.pattern})", re.IGNORECASE)
_LAST_IN_CELL = re.compile(rf"(?<![\w-])({SHAPE.pattern})[\s\"'`*]*$", re.IGNORECASE)


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
    """A sentence for a person about the IDs that were found."""


def clean_id(text: str) -> str:
    """Return one ID as it was typed into a field, without quotes, brackets, commas and such around it."""
    core = _core(text)
    return core.lower() if SHAPE.fullmatch(core) else core


def _core(text: str) -> str:
    return re.sub(f"[{_UNSEEN}]", "", text).strip(" \t\r\n\xa0\u3000\\^\"'`<>()[]{}.,;" + _QUOTES)


def find_ids(text: str, known_token: Callable[[str], bool] = lambda text: False) -> Pasted:
    """Return the IDs in a text. `known_token` says whether a text is a token in use: 32 hex digits may be either."""
    if len(text) > LONGEST:
        return Pasted(problem=TOO_LONG)
    word = text.strip()
    shown, tokens = _without_tokens(_plainly_written(word))
    if len(word) <= 512 and not tokens and not re.search(r"\s", word):
        core, single = _core(word), clean_id(word)
        if known_token(word) or known_token(core):
            return Pasted(token=word if known_token(word) else core)
        if UUID.fullmatch(core):
            return Pasted(audio_ids=(single,), problem=AUDIO_FORM)
        if _WORD.fullmatch(word) or (_WORD.fullmatch(core) and re.search("[0-9]", core)):
            return Pasted((single,), plain=core == word)
    found = _table(shown) or keyed_ids(_TAG.sub(" ", shown))
    tokens += [value for _, value in found if known_token(value)]
    return _chosen(found, tokens, bool(_MASK.search(shown)))


def _chosen(found: list[tuple[str, str]], tokens: list[str], masked: bool) -> Pasted:
    """Choose, of all IDs in a text, those that are a song's. A task that is named as such wins over the task that a
    song or a persona was made from, and that one over what only looks like a task ID."""
    secret = {part.lower() for token in tokens for part in (token, *GLUED.findall(token))}

    def ids(*kinds: str, but: Iterable[str] = ()) -> tuple[str, ...]:
        values = (clean_id(value) for kind, value in found if kind in kinds and value.lower() not in secret)
        return tuple(value for value in dict.fromkeys(values) if value not in but)

    jobs, personas = ids("job"), ids("persona")
    tasks, tracks, note = ids("task", but=jobs), ids("audio"), ""
    if not tasks:
        tasks, tracks = ids("source task", but=jobs), ids("audio", "source audio")
        note = SONG_OF_PERSONA if tasks and (jobs or personas) else ""
    tasks = tasks or ids("bare", but=(*jobs, *personas, *tracks))
    unnamed = () if tasks or tracks else ids("UUID", but=personas)
    if tasks or tokens:
        problem = ""
    elif masked:
        problem = MASKED
    elif jobs or (personas and not tracks):
        problem = PERSONA
    else:
        problem = ONLY_AUDIO if tracks else AUDIO_FORM if unnamed else NOTHING
    return Pasted(tasks, tracks or unnamed, tokens[0] if tokens else "", problem=problem, note=note)


def _plainly_written(text: str) -> str:
    """Return a text without the ways in which addresses, HTML and word processors write plain characters."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    for form, character in _WRITTEN.items():
        if form[0] in text:
            text = text.replace(form, character)
    return text


def _without_tokens(text: str) -> tuple[str, list[str]]:
    """Take the tokens out of a text, with the keys that name them."""
    low, tokens, kept, at = text.lower(), dict[str, None](), [], 0
    for match in _TOKENS.finditer(low):
        start, end = match.span("alone") if match["alone"] else match.span("values")
        tokens |= dict.fromkeys(text[slice(*run.span())].rstrip("./") for run in _RUN.finditer(low, start, end))
        kept.append(text[at : match.start()])
        at = match.end()
    text = ",".join([*kept, text[at:]])
    for token in islice(tokens, 100):
        text = text.replace(token, ",")
    return text, list(tokens)


def _table(text: str) -> list[tuple[str, str]]:
    """Read the first table whose head names IDs: CSV, with tabs or semicolons, of Markdown, of a database."""
    lines = text.splitlines()
    for number, line in enumerate(lines[:MOST]):
        mark = max("|\t;,", key=line.count)
        cells = _cells(line, mark)
        cells = cells if _COLUMN.fullmatch(cells[0]) else cells[1:]
        heads = list(takewhile(_COLUMN.fullmatch, cells[:100]))
        if len(heads) < 2:
            continue
        rows: Iterable[list[str]] = (_cells(row, mark) for row in lines[number + 1 : number + MOST])
        if len(heads) < len(cells):
            heads, rows = _rows_on_one_line(cells, len(heads))
        kinds = [kind_of(head) for head in heads]
        if not set(kinds) <= {"other", "id"}:
            found = [id_ for row in rows for id_ in _ids_of_row(kinds, row)]
            return [id_ for id_ in found if id_[0] != "persona"] or found
    return []


def _cells(line: str, mark: str) -> list[str]:
    try:
        return next(csv.reader([line.strip().strip("|") if mark == "|" else line], delimiter=mark), []) or [""]
    except csv.Error:  # a cell of more than 128 KiB
        return [""]


def _rows_on_one_line(cells: list[str], width: int) -> tuple[list[str], list[list[str]]]:
    """Part a table without line breaks. Between two rows is an empty cell, or the last cell of a row and the first of
    the next are one."""
    between = cells[width].strip(" +-")
    last_head = re.split(r"\s+(?=-|\S*[0-9])", between)[0]
    step = width if between else width + 1
    rows = [cells[at : at + width + 1] for at in range(step, len(cells) - 1, step)]
    return [*cells[:width], last_head], rows[:MOST]


def _ids_of_row(kinds: list[str], row: list[str]) -> list[tuple[str, str]]:
    found = []
    for column, (kind, cell) in enumerate(zip(kinds, row, strict=False)):
        value = (_FIRST_IN_CELL.match if column else _LAST_IN_CELL.search)(cell)
        if value and kind != "other":
            found.append((kind, value[1] or value[2]))
    return found
