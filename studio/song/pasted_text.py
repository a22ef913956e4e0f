"""Finds the IDs in whatever a person pastes into “Task ID”. Rules only; nothing is sent or stored.

A text is first written plainly, and its tokens are taken out. The rest is read as a table, or else by its keys.
Repetitions in patterns are bounded or possessive, so that 5 MB of anything are quick.
"""

from __future__ import annotations

import csv
import html
import re
import unicodedata
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple
from urllib.parse import unquote

LONGEST, MOST, MOST_LINES = 5 * 1024 * 1024, 300_000, 1_000
"""Characters of a text; words and marks, and lines of tables, that are read."""
WHOLE, AROUND, MOST_AROUND = 300_000, 300, 1_000
"""Characters of a text's beginning that are read whole; and behind it so many around each of so many IDs."""
NOTHING = "Task ID: there is no task ID in this text. Copy it from kie.ai/logs, or paste KIE's whole answer."
ONLY_AUDIO = "Task ID: there is an audio ID in this text, but no task ID. Copy the song's task ID from kie.ai/logs."
AUDIO_FORM = "Task ID: this has the form of an audio ID, not of a task ID. Copy the song's task ID from kie.ai/logs."
PERSONA = "Task ID: this is a persona, not a song. Copy the task ID of the song it was made from, from kie.ai/logs."
MASKED = "Task ID: the ID in this text is a sample with stars or dots in it. Copy the whole ID from kie.ai/logs."
TOO_LONG = "Task ID: this text is longer than 5 MB, so it was not read. Copy only the task ID from kie.ai/logs."
SONG_OF_PERSONA = "This is a persona. Its song is named in it, so the song was taken."

_NAMED = {"task", "source task", "audio", "source audio", "persona"}
"""Kinds of IDs. Other kinds of keys are "id", "track", "other" (its value is no song), and "" (not known)."""
_OTHER = "persona source src parent orig music voice audio user request trace session hash md5 sha etag key sign record"
_PARTS = ("param", "resultjson", "result", "resultobject", "response")
"""The request and the results in the record of a task."""
_SAMPLES, _QUOTES = ("your_", "my_", "insert_", "paste_", "replace_", "example_"), ('"', "'", "`")
_BY_CATEGORY = {"Cf": "", "Pi": '"', "Pf": '"', "Pd": "-"}
"""What unseen characters, quotes and dashes mean."""
_PLAIN = {
    **{c: _BY_CATEGORY[k] for c in map(chr, range(128, 0x3100)) if (k := unicodedata.category(c)) in _BY_CATEGORY},
    **dict.fromkeys("„‚「」", '"') | {"\ufeff": "", "•": "*", "İ": "I"},
    **dict.fromkeys(("任务", "任務", "タスク"), " task ") | dict.fromkeys(("音频", "音頻", "音声"), " audio "),
}

# An ID that is one without a key too.
_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
SHAPE = re.compile(rf"[0-9a-f]{{32}}|(?P<uuid>{_UUID})|task_[a-z0-9_-]{{1,60}}_[0-9]{{13}}", re.IGNORECASE)
# The same with no more letters or digits beside it.
_WHOLE_SHAPE = re.compile(rf"(?<![\w-])(?:{SHAPE.pattern})(?![\w-])", re.IGNORECASE)
# Such an ID with the next line right behind it: a word, or a date.
_GLUED = re.compile(rf"(?<![\w-])({SHAPE.pattern})(?=[a-z_]*[g-z]|20\d\d-)", re.IGNORECASE)
# An ID of another kind.
_OPAQUE = re.compile("(?=.{1,128}$)[_-]*[A-Za-z0-9][A-Za-z0-9_-]*")
# Half an ID and then stars, or dots and the other end.
_MASK = re.compile(r"(?<![A-Za-z0-9])(?=[a-f]*+[0-9])[0-9a-f]{4,}+(?:\*\*\*|\.\.\.[0-9a-f]{4})")
# A tag of HTML that has no ID in it.
_TAG = re.compile(r"(?i)</?([a-z]{1,10}[1-6]?)(?:\s(?![^<>]{0,300}id=)[^<>]{0,300})?>\s*+")
# A token, in lower case. It has a letter and a digit, or is long.
_TOKEN = re.compile(
    rf"(?!{'|'.join(_SAMPLES)}|process\.|os\.)(?=[0-9._~+/-]{{0,200}}[a-z]|[0-9._~+/-]{{16}})"
    r"(?=[a-z._~+/-]{0,200}[0-9]|[a-z]{24})[a-z0-9_][a-z0-9._~+/-]{7,}+={0,2}+(?![*?(])"
)
# What names a token, in lower case, and then one token or several; or one that shows by its beginning.
_TOKENS = re.compile(
    rf"""(?:(?:(?:api|kie(?:[._]?ai)?|suno|access|private)[\s_-]?(?:key|schlüssel|sleutel|anahtarı|ключ|キー|키|密钥)
        |secret|token|bearer|authorization|credential|password|passwd|密钥|令牌|トークン|ключ(?=\sapi)
        |(?<![\w/-])(?:auth|pass|pwd|api(?=[\s.kieadunos]{{0,12}}[:=])|kie(?:_api)?(?=\s?=)|key(?=\sfor\s(?:kie|suno))))
    (?P<many>s)?(?:[\s._(-]{{0,2}}(?:keys?|kie|suno|api|ai|for|de)(?![a-z0-9])){{0,3}}(?:_(?:[0-9]|prod|dev|test))?
    (?:["',\s]{{1,4}}value)?
    [\s*:=>+|()\[\]"'`は是-]++(?:(?:is|es|ist|est|è|é|basic|bearer|token|str(?:ing)?\s?=)[\s:"'`]++)?
    (?P<named>{_TOKEN.pattern}(?:(?(many)[\s,;"'`|-]{{1,20}}+|[,;]\s?){_TOKEN.pattern})*+))
    |(?P<alone>(?<![a-z0-9_-])sk-(?=[a-z_-]{{0,99}}[0-9])[a-z0-9_-]{{16,}}+)""",
    re.VERBOSE,
)
# A mark (braces in a song's words, a bracket of keys or objects, the end of a value, a part of code or of an address),
# or a word. A colon or an equals sign makes it a key.
_PIECE = re.compile(
    r"""(?P<mark>\{\s{0,20}\} | \{\s{0,20}\w[^{}\[\]:="'`]{0,200}\}{1,2}
        | \{(?=[^{}\[\]:=,]{0,200}+[:=]) | (?<!:)\}(?=[\s"'`]{0,200}+(?:[,;&)}\]]|$))
        | \[(?=[\s"'`]{0,200}+\{) | \] | [,;&|] | ai-music-api/generate-persona
        | [a-z0-9_-]++(?=[({~+/]|\.[a-z0-9.]|\*+[a-z0-9]|\*{3}) | [./%][a-z0-9_-]++(?![\s"'`]{0,12}+[:=]))
    | (?P<word>(?:[a-z]++[ ])?(?:task|audio|persona)[ ]{1,2}ids?(?![\w-]) | [a-z0-9_][a-z0-9_-]*+)
        (?P<is_key>(?=[\s"'`*)\]]{0,12}+(?::(?!//)|=)))?""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)


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


class _Object(NamedTuple):
    """What is between two brackets, or the whole text: what it has, what all objects in its list have, whether it is
    in the "request" or a "result" of a task, and what the record of that task has."""

    mark: str
    has: set[str]
    listed: set[str]
    part: str
    record: set[str]


def clean_id(text: str) -> str:
    """Return one ID as it was typed into a field, without quotes, brackets, commas and such around it."""
    seen = "".join(character for character in text if unicodedata.category(character) != "Cf")
    core = seen.strip(" \t\r\n\xa0\u3000\\^\"'`<>()[]{}.,;“”„‘’‚«»「」")
    return core.lower() if SHAPE.fullmatch(core) else core


def find_ids(text: str, known_token: Callable[[str], bool] = lambda text: False) -> Pasted:
    """Return the IDs in a text. `known_token` says whether a text is a token in use: 32 hex digits may be either."""
    if len(text) > LONGEST:
        return Pasted(problem=TOO_LONG)
    word = text.strip()
    shown, tokens = _without_tokens(_plainly(_near_ids(word)))
    shown = _GLUED.sub(r"\1 ", shown)
    if len(word) <= 512 and not tokens and not re.search(r"\s", word):
        core, single = shown.strip(" \"'`<>()[]{}.,;"), clean_id(word)
        if token := next(filter(known_token, (word, core)), ""):
            return Pasted(token=token)
        if re.fullmatch(_UUID, single):
            return Pasted(audio_ids=(single,), problem=AUDIO_FORM)
        if _OPAQUE.fullmatch(word) or (_OPAQUE.fullmatch(single) and re.search("[0-9]", single)):
            return Pasted((single,), plain=core == word)
    shown = _TAG.sub(lambda tag: {"tr": "\n", "td": "|", "th": "|"}.get(tag[1].lower(), " "), shown)
    found = _table(shown) or _keyed(shown)
    tokens += [value for _, value in found if known_token(value)]
    return _chosen(found, tokens, bool(_MASK.search(shown)))


def _chosen(found: list[tuple[str, str]], tokens: list[str], masked: bool) -> Pasted:
    """Choose a song's IDs. A task that is named as such wins over the task that a song or a persona was made from, and
    that one over what only looks like a task ID."""
    secret = {part.lower() for token in tokens for part in (token, *(id_[1] for id_ in _GLUED.finditer(token)))}

    def ids(*kinds: str, but: Iterable[str] = ()) -> tuple[str, ...]:
        values = dict.fromkeys(clean_id(value) for kind, value in found if kind in kinds)
        return tuple(value for value in values if value not in but and value.lower() not in secret)

    jobs, personas, note = ids("job"), ids("persona"), ""
    tasks, tracks = ids("task", but=jobs), ids("audio")
    if not tasks:
        tasks, tracks = ids("source task", but=jobs), ids("audio", "source audio")
        note = SONG_OF_PERSONA if tasks and (jobs or personas) else ""
    tasks = tasks or ids("bare", but=(*jobs, *personas, *tracks))
    unnamed = () if tasks or tracks else ids("UUID", but=personas)
    missing = ONLY_AUDIO if tracks else AUDIO_FORM if unnamed else NOTHING
    problem = MASKED if masked else PERSONA if jobs or (personas and not tracks) else missing
    token = next(iter(tokens), "")
    return Pasted(tasks, tracks or unnamed, token, problem="" if tasks or tokens else problem, note=note)


def _near_ids(text: str) -> str:
    """Return a text, but of a very long one only the beginning and what is near an ID."""
    end = WHOLE
    while text[end : end + 1].isalnum() and end < WHOLE + AROUND:  # do not end in the middle of an ID
        end += 1
    found = islice(_WHOLE_SHAPE.finditer(text, end), MOST_AROUND)
    return "\n".join([text[:end], *(text[max(end, id_.start() - AROUND) : id_.end() + AROUND] for id_ in found)])


def _plainly(text: str) -> str:
    """Return a text without the ways in which addresses, HTML, JSON and word processors write plain characters."""
    text = html.unescape(text).replace("\\u00", "%")
    for _ in range(2):
        text = re.sub("(?:%[0-9A-Fa-f]{2})+", lambda escapes: unquote(escapes[0]), text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)[:LONGEST]
        for written, meant in _PLAIN.items():
            text = text.replace(written, meant)
    for written, meant in {"\\n": "\n", "\\r": "\n", "\\t": " ", "\\": "", "^": ""}.items():
        text = text.replace(written, meant)
    return text


def _without_tokens(text: str) -> tuple[str, list[str]]:
    low, tokens = text.lower(), dict[str, None]()
    for match in _TOKENS.finditer(low):
        spans = (one.span() for one in _TOKEN.finditer(low, *match.span("alone" if match["alone"] else "named")))
        tokens |= {text[start:end].rstrip("./"): None for start, end in spans}
    for token in islice(tokens, 100):
        text = text.replace(token, ",")
    return text, list(tokens)


def _table(text: str) -> list[tuple[str, str]]:
    """Read the first table with IDs whose head names them: CSV, with tabs or semicolons, of Markdown, of a database."""
    lines = text.splitlines()[:MOST_LINES]
    for number, line in enumerate(lines):
        mark = max("|\t;,", key=line[:2000].count)
        heads = [_kind(cell) for cell in line[:2000].split(mark)]
        cells = []
        if len(heads) > 1 and not _NAMED.isdisjoint(heads):
            with suppress(csv.Error):  # a cell of more than 128 KiB
                for row in csv.reader(lines[number + 1 :], delimiter=mark):
                    cells += [
                        (kind, clean_id(cell.strip(" -*")))
                        for kind, cell in zip(heads, row, strict=False)
                        if kind in _NAMED
                    ]
        found = [(kind, value) for kind, value in cells if SHAPE.fullmatch(value)]
        if found:
            return [cell for cell in found if cell[0] != "persona"] or found
    return []


def _kind(key: str, quoted: bool = False) -> str:
    """Return what a key, or the head of a column, names."""
    name = re.sub("[^a-z0-9]", "", key.lower())
    if named := re.fullmatch("(.*)(task|audio|persona)ids?[0-9]*", name):
        if "persona" in name:
            return "persona" if named[2] == "persona" else "other"
        return f"source {named[2]}" if re.search("source|src|parent|orig", named[1]) else named[2]
    if name == "id":
        return "id" if quoted else "plain id"
    if name.endswith(("audiourl", "modelname")):
        return "track"
    return "other" if quoted or any(word in name for word in _OTHER.split()) else ""


def _keyed(text: str) -> list[tuple[str, str]]:
    """Return every ID with its kind: that of its key, "job" (a task that made a persona), "bare" or "UUID" (no key)."""
    found, stack = list[tuple[str, str, _Object]](), [_Object("", set(), set(), "", set())]
    kind = name = trust = ""  # of the last key: after "sure" comes its value, after "near" and "more" perhaps an ID
    for piece in islice(_PIECE.finditer(text), MOST):
        here, mark, word = stack[-1], piece["mark"] or "", piece["word"] or ""
        before, after = (text[at : at + 1] for at in (piece.start() - 1, piece.end()))
        shape, new = SHAPE.fullmatch(word), _kind(word, before in _QUOTES and after in _QUOTES)
        awaited = trust == "sure" and (kind in _NAMED or kind.endswith("id")) and re.search("[0-9]", word)
        if mark:
            if mark in "{[":
                stack.append(_inside(here, mark, name))
            elif (here.mark, mark) in (("{", "}"), ("[", "]")):
                stack.pop()
            elif mark.startswith("ai-music-api/"):
                (here.record if here.part == "request" else here.has).add("job")
            if mark in "{}[]" or trust == "sure":
                kind = name = trust = ""
        elif piece["is_key"] is not None and not shape and not awaited:
            if trust != "near" or word.lower() not in ("is", "are", "value"):
                kind, name, trust = new, word.lower(), "sure"
                _note(here, kind if kind == "track" else name)
        elif new in _NAMED and not shape:
            kind, name, trust = new, "", "near"
        elif (awaited and (shape or _is_opaque(word, before, after))) or (
            shape and trust and kind in _NAMED and bool(shape["uuid"]) == ("audio" in kind)
        ):
            found.append((kind, word, here))
            _note(here, kind)
            trust = "more" if "task" in kind or "audio" in kind else ""
        else:
            if shape and not (trust and kind == "other"):
                found.append(("UUID" if shape["uuid"] else "bare", word, here))
            if trust != "near" and word != "and":
                kind = name = trust = ""
    return [(_kind_in(here, kind, value), value) for kind, value, here in found]


def _is_opaque(word: str, before: str, after: str) -> bool:
    """Whether a word behind a key is an ID of another kind. At the very end of a text it may be half an ID."""
    half = not after and (word.startswith("task_") or not word.lower().strip("0123456789abcdef-"))
    whole = after in _QUOTES if before in _QUOTES else len(word) >= 8 and not half
    return whole and not word.lower().startswith(_SAMPLES) and bool(_OPAQUE.fullmatch(word))


def _inside(here: _Object, mark: str, name: str) -> _Object:
    has = {"track"} if mark == "[" and name.endswith("data") else set()
    listed = here.has if here.mark == "[" else has
    if name not in _PARTS or here.part == "request":
        return _Object(mark, has, listed, here.part, here.record)
    return _Object(mark, has, listed, "request" if name == "param" else "result", here.has)


def _note(here: _Object, sign: str) -> None:
    here.has.add(sign)
    here.listed.add(sign)
    if here.part == "result":
        here.record.add(f"result {sign}")


def _kind_in(here: _Object, kind: str, value: str) -> str:
    """Return the kind of an ID by the object that it is in."""
    is_uuid = len(value) == 36
    if kind in ("id", "plain id") and ("track" in here.has or ("track" in here.listed and is_uuid)):
        kind = "audio"
    elif kind == "plain id" and SHAPE.fullmatch(value) and not is_uuid:
        kind = "bare"
    if kind == "task" and _makes_persona(here.has):
        return "job"
    if kind in ("task", "audio") and _makes_persona(here.record):
        return f"source {kind}"
    return "other" if here.part == "request" else kind


def _makes_persona(record: set[str]) -> bool:
    made = "result persona" in record or ("persona" in record and not record.isdisjoint(("recordid", "record_id")))
    return "job" in record or (made and "result track" not in record)
