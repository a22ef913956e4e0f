"""Files that somebody else prepared: whatever one says, what was sent from here stays, and sending goes on."""

from __future__ import annotations

import csv
import io
import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from studio.exceptions import BadFile
from studio.library.edits import Library
from studio.library.export_files import csv_file
from studio.library.import_merge import SENT, import_records, preview_import
from studio.library.import_reader import File
from studio.library.search_query import Query
from studio.sending.attempt_store import Store
from tests.studio.helpers import CREATED, ME, UNKNOWN, Clock, a_request, add, claim, image, over, press_in

NOW = "2026-03-01T12:00:00+00:00"
AHEAD = ["2026-03-02T11:00:00Z", "2026-03-05", "2199-01-01", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00"]
FORMULA = "x;=cmd|'/C calc'!A0;\t-1\n+1\"@1"
BOSS = {"at": NOW, "kind": "by_hand", "detail": {"persona_id": "p-9"}, "author": "boss@example.com"}
OTHER: dict[str, Any] = {
    "status": "created", "persona_id": "p-9", "name": FORMULA, "description": "other", "task_id": "other",
    "audio_id": "audio-1", "style": "other", "body": '{"name": "other"}', "author": "boss@example.com", "origin": "",
    "track_image_url": "https://tracker.example/a", "track_audio_url": "https://tracker.example/b", "repeats": 8,
    "account": "bbbbbbbbbbbb", "due_at": NOW, "held": True, "claim": "x", "priority": 0, "number": 1,
}  # fmt: skip
TWENTY_THOUSAND = [{"at": NOW, "kind": "x", "detail": {}} for _ in range(20_000)]


def a_json(*entries: dict[str, Any]) -> str:
    lines = [{"format": "persona-studio", "version": 2}, *({"created_at": NOW} | OTHER | entry for entry in entries)]
    return "\n".join(map(json.dumps, lines))


def hostile(mine: list[str]) -> dict[str, str]:
    """The files, made by somebody who knows the IDs of what is here."""
    ids = [{"id": attempt_id} for attempt_id in mine]
    times = [{"id": f"{number:032x}", "sent_at": at, "ended_at": at} for number, at in enumerate(AHEAD * 5)]
    rows = "".join(f"{attempt_id},p-9,{NOW},other,audio-1,boss@example.com\n" for attempt_id in mine)
    return {
        "another text for each": a_json(*ids),
        "another persona, invented stories": a_json(*({"story": [BOSS]} | each for each in ids)),
        "all refused": a_json(*({"status": "refused", "settled": "not_made", "persona_id": ""} | each for each in ids)),
        **{f"sent at {at}": a_json({"id": f"{1:032x}", "sent_at": at, "ended_at": at}) for at in AHEAD},
        **{f"filed at {at}": a_json({"id": f"{1:032x}", "created_at": at}) for at in AHEAD},
        "many in the future": a_json(*times),
        "all sent just now": a_json(*({"id": f"{number:032x}", "sent_at": NOW} for number in range(40))),
        "all name this one": a_json(*({"id": f"{number:032x}", "replaces": mine[0]} for number in range(40))),
        "a story of 20,000": a_json({"id": mine[0], "story": TWENTY_THOUSAND}),
        "a table of IDs": f"id,persona_id,created_at,name,audio_id,author\n{rows}",
        "a table of personas": "persona_id,name,audio_id\npersona-1,other,audio-1\npersona-1,third,audio-1\n",
        "a table of the future": "".join(f"{row}\n" for row in ["persona_id,created_at", *(f"p,{at}" for at in AHEAD)]),
    }


@pytest.mark.parametrize("name", hostile(["0" * 32]))
@pytest.mark.parametrize("author", ["", "ines@example.org"])
def test_whatever_a_strangers_file_says_what_was_sent_from_here_stays(
    store: Store, library: Library, clock: Clock, name: str, author: str
) -> None:
    made = over(store, clock, CREATED)
    lost = over(store, clock, UNKNOWN, audio_id="audio-2")
    before = {row["id"]: row for row in image(library, ME)}
    content = hostile([made.id, lost.id])[name].encode()
    for _ in range(2):
        with suppress(BadFile):
            preview_import(library, ME, File(content, clock()))
            import_records(library, ME, File(content, clock()), overwrite=True, author=author)
    after = {row["id"]: row for row in image(library, ME)}
    for attempt_id, row in before.items():
        same = {*SENT, "id", "account", "created_at", "origin", "claim", "executor", "due_at", "held", "number"}
        assert {column: after[attempt_id][column] for column in same} == {column: row[column] for column in same}
    assert after[made.id]["persona_id"] == "persona-1"
    assert {row["origin"] for attempt_id, row in after.items() if attempt_id not in before} <= {"import"}
    if author:
        claims = [row["author"] for attempt_id, row in after.items() if attempt_id not in before and row["author"]]
        claims += [event[3] for row in after.values() for event in row["story"] if event[3] != author]
        assert [each for each in claims if not each.endswith("(says a file)")] == []
    clock.forward(0.5)
    new = add(store, audio_id="new")
    claimed = claim(store).attempt
    assert claimed
    assert claimed.id == new.id
    clock.forward(0.5)
    assert press_in(store, a_request("new"))[1] is False
    assert all(row["created_at"] < datetime(2026, 3, 3, tzinfo=UTC) for row in after.values())
    text = csv_file(library, ME, Query()).read().decode("utf-8-sig")
    for delimiter in ",;\t":
        cells = [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) for cell in row]
        assert [cell for cell in cells if cell.lstrip().startswith(tuple("=+-@"))] == []
