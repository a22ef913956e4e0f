"""A token that somebody pasted as another text is nowhere in the database once it is used as a token."""

from __future__ import annotations

import json
import logging
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from kie import PersonaRequest
from sandbox import Server
from studio.database.connection import PATIENCE, Database
from studio.database.tables import attempts, batches, events, metadata
from studio.exceptions import NotSaved
from studio.facade import Studio
from studio.library import edits, leftovers, token_scrub
from studio.library.edits import Library
from studio.library.export_files import json_file
from studio.library.import_merge import import_records
from studio.library.import_reader import File
from studio.library.leftovers import Leftovers, mark
from studio.library.search_query import Query
from studio.library.token_scrub import TAKEN_OUT, TokenScrub
from studio.people.token_store import Account
from studio.sending.attempt_store import Store, add_event
from studio.sending.attempts import Outcome, Status
from tests.polling import eventually
from tests.studio.helpers import ME, add, ended, filed, for_song, now, press, sent
from tests.studio.library.helpers import ids

TOKEN = "5f1d0c77a3e94b0f8c21d6e7b4905a1e"
TEXT = f"it says {TOKEN}, twice: {TOKEN.upper()}"
SHORT = {"id", "status", "account", "kind", "makes", "cause", "settled", "origin", "executor", "claim"}
TEXTS = [c.name for c in attempts.c if isinstance(c.type, sa.String) and c.name not in SHORT]


def everything(database: Database) -> str:
    """All that any table has, as one text."""
    with database.reading() as connection:
        names = [*metadata.tables, *(["attempts_words_content"] if database.kind == "sqlite" else [])]
        tables = [connection.exec_driver_sql(f"SELECT * FROM {name}").all() for name in names]
    return repr(tables).lower()


def lines(library: Library, attempt_id: str) -> list[bytes]:
    """The lines of the library's file that name an attempt."""
    return [line for line in json_file(library, ME, Query()).read().splitlines() if attempt_id.encode() in line]


@pytest.fixture
def scrub(store: Store) -> Iterator[Callable[..., TokenScrub]]:
    """Takes a token out of the store's database and waits for it."""
    made: list[TokenScrub] = []

    def run(token: str = TOKEN, *, wait: bool = True) -> TokenScrub:
        made.append(TokenScrub(store.database))
        made[-1].soon(token)
        if wait:
            eventually(lambda: not made[-1].at_work)
        return made[-1]

    yield run
    for each in made:
        each.close()
        eventually(lambda each=each: not each.at_work)  # type: ignore[misc]


def test_the_token_is_taken_out_of_every_text_of_an_attempt(store: Store, scrub: Callable[..., TokenScrub]) -> None:
    assert len(TEXTS) > 15
    for column in TEXTS:
        text = TOKEN if getattr(attempts.c[column].type, "length", None) == 32 else TEXT
        filed(store, account="b" * 12, **{column: text})
    scrub()
    assert TOKEN not in everything(store.database)


def test_what_stands_there_says_so(store: Store, scrub: Callable[..., TokenScrub]) -> None:
    body = json.dumps({"taskId": TOKEN, "audioId": "a"})
    found = filed(store, task_id=TOKEN, note=f"the key is {TOKEN}!", body=body, words=f"{TOKEN} quay", name="Quay")
    other = filed(store, task_id="another", note="Nothing to see", name="Quay")
    library = Library(store.database)
    before = lines(library, other)
    scrub()
    attempt = store.get(ME, found)
    assert attempt
    assert (attempt.request.task_id, attempt.note) == (TAKEN_OUT, f"the key is {TAKEN_OUT}!")
    assert json.loads(attempt.body) == {"taskId": TAKEN_OUT, "audioId": "a"}
    assert ids(library, "taken quay") == [found]
    assert lines(library, other) == before


def test_event_logs_and_batches_are_gone_through_too(store: Store, scrub: Callable[..., TokenScrub]) -> None:
    found = filed(store)
    with store.database.writing() as connection:
        add_event(connection, found, store.now(), "used", {"for": TEXT}, author=TOKEN)
        values = {"id": uuid.uuid4().hex, "account": ME, "name": TEXT, "status": "running", "author": TOKEN}
        connection.execute(sa.insert(batches).values(values | {"created_at": store.now()}))
    scrub()
    assert TOKEN not in everything(store.database)
    with store.database.reading() as connection:
        assert json.loads(connection.execute(sa.select(events.c.detail)).scalar_one())["for"].startswith("it says (a t")


def test_an_id_that_is_the_token_becomes_another_everywhere(store: Store, scrub: Callable[..., TokenScrub]) -> None:
    filed(store, id=TOKEN)
    later = filed(store, replaces=TOKEN)
    with store.database.writing() as connection:
        add_event(connection, TOKEN, store.now(), "deleted", {})
    scrub()
    assert TOKEN not in everything(store.database)
    attempt = store.get(ME, later)
    assert attempt
    assert store.get(ME, attempt.replaces)
    with store.database.reading() as connection:
        assert connection.execute(sa.select(events.c.attempt_id)).scalar_one() == attempt.replaces


def test_an_attempt_in_flight_is_sent_as_it_is_and_changed_when_it_has_ended(
    store: Store, scrub: Callable[..., TokenScrub]
) -> None:
    attempt = sent(store, task_id=TOKEN)
    waiting = add(store, audio_id="audio-of-another", task_id=TOKEN)
    running = scrub(wait=False)
    eventually(lambda: running._left[TOKEN])
    assert (now(store, attempt).request.task_id, TOKEN in now(store, attempt).body) == (TOKEN, True)
    with store.database.writing() as connection:
        add_event(connection, attempt.id, store.now(), "late_answer", {"raw": TEXT})
    store.finish(attempt, Outcome(Status.REFUSED, raw=TEXT))
    running.look_again()
    eventually(lambda: now(store, attempt).request.task_id == TAKEN_OUT)
    assert TOKEN in now(store, waiting).body
    store.cancel(ME, waiting.id)
    running.look_again()
    eventually(lambda: not running.at_work)
    assert TOKEN not in everything(store.database)


def test_more_rows_than_one_statement_or_transaction_takes(
    store: Store, scrub: Callable[..., TokenScrub], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_scrub, "PORTION", 3)
    monkeypatch.setattr(token_scrub, "AT_ONCE", 2)
    for number in range(10):
        filed(store, note=TOKEN if number % 4 else "")
    scrub()
    assert TOKEN not in everything(store.database)


def test_while_the_database_fails_it_is_tried_again(
    store: Store, scrub: Callable[..., TokenScrub], monkeypatch: pytest.MonkeyPatch
) -> None:
    filed(store, note=TOKEN)
    with monkeypatch.context() as patch:
        patch.setattr(store.database, "_rests_until", float("inf"))
        running = scrub(wait=False)
        eventually(lambda: not running._look)
        assert running.at_work
    running.look_again()
    eventually(lambda: not running.at_work)
    assert TOKEN not in everything(store.database)


@pytest.mark.parametrize("word", ["created", "Quay", "0123456789abcde"])
def test_a_short_token_is_not_looked_for(word: str, store: Store, scrub: Callable[..., TokenScrub]) -> None:
    found = filed(store, name=f"Quay {word}")
    scrub(word)
    attempt = store.get(ME, found)
    assert attempt
    assert attempt.request.name == f"Quay {word}"


def test_a_percent_sign_and_an_underscore_are_letters_like_others(
    store: Store, scrub: Callable[..., TokenScrub]
) -> None:
    tokens = ["a%c_e%g_i%k_m%o_q%", "aXc_eXg_iXk_mXo_qX"]
    for token in tokens:
        filed(store, note=token)
    scrub(tokens[0])
    assert tokens[0] not in everything(store.database)
    assert tokens[1].lower() in everything(store.database)


def test_what_was_taken_out_goes_out_and_in_again_byte_for_byte(store: Store, scrub: Callable[..., TokenScrub]) -> None:
    filed(store, task_id=TOKEN, audio_id=TOKEN, persona_id=TOKEN, note=TOKEN, tags=f"low\n{TOKEN}", author=TOKEN)
    scrub()
    library = Library(store.database)
    file = json_file(library, ME, Query()).read()
    library.erase_account(ME)
    import_records(library, ME, File(file, store.now()))
    assert json_file(library, ME, Query()).read() == file
    assert file.count(TAKEN_OUT.encode()) >= 6


# In a studio, from the paste to the sign-in


def session(
    open_studio: Callable[..., Studio], server: Server, url: str, token: str, **settings: Any
) -> tuple[Studio, str]:
    """A studio in which somebody filed another's token as a task ID, then changed and deleted things."""
    studio = open_studio(database_url=url, **settings)
    mine = studio.sign_in(server.sandbox.new_account())
    for number in range(2):
        request = PersonaRequest(token, f"{token}-{number}", f"Quay {token}", f"Low {token}" * 4)
        ended(studio, mine, studio.create_persona(mine, request))
    library = studio.library
    for number in range(60):  # so that rows and the index's words are moved about
        made = filed(library, mine.id, task_id=token, note=token * (number % 5), description=f"Low {token}" * number)
        library.annotate(mine.id, made, note=f"{token} is the key", tags=["a", str(number)])
        if number % 3 == 0:
            library.delete(mine.id, made)
    return studio, mine.id


def at_work(studio: Studio) -> bool:
    studio.open().result()
    return studio._scrub is not None and studio._scrub.at_work


def files_with(token: str, folder: Path) -> list[str]:
    """The files with the beginning of a token, or a part of it behind that: the search index leaves out of a word what
    its neighbour begins with too."""
    parts = [part.encode() for part in (token[:12], token[4:16])]
    return [file.name for file in folder.iterdir() if any(part in file.read_bytes().lower() for part in parts)]


def test_after_the_sign_in_no_file_has_the_token(
    open_studio: Callable[..., Studio], server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = uuid.uuid4().hex
    server.sandbox.new_account(token=token)
    studio, account = session(open_studio, server, f"sqlite:///{tmp_path}/studio.db", token, rate_limit=1000)
    assert files_with(token, tmp_path)
    caplog.clear()
    studio.sign_in(token)
    eventually(lambda: not at_work(studio))
    assert files_with(token, tmp_path) == []
    assert studio.library.count(account, Query("taken token")) == 42
    assert token not in caplog.text
    assert "62 rows" in caplog.text


@pytest.mark.parametrize(
    ("most", "says", "left"), [(leftovers.MOST_VACUUMED, 0, []), (0, 1, ["studio.db"])], ids=["vacuumed", "too large"]
)
def test_copies_that_an_earlier_version_left_are_gone_or_it_says_how_to_remove_them(
    most: int,
    says: int,
    left: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(leftovers, "MOST_VACUUMED", most)
    store = Store(Database(f"sqlite:///{tmp_path}/studio.db"))
    with closing(sqlite3.connect(tmp_path / "studio.db", isolation_level=None)) as connection:
        for statement in ("PRAGMA secure_delete=OFF", "CREATE TABLE old (text)"):
            connection.execute(statement)
        connection.execute("INSERT INTO old VALUES (?)", (TOKEN,))
        connection.execute("DELETE FROM old")
    filed(store, note=TOKEN)
    scrub = TokenScrub(store.database)
    scrub.soon(TOKEN)
    eventually(lambda: not scrub.at_work)
    assert files_with(TOKEN, tmp_path) == left
    assert caplog.text.count("VACUUM") == says
    store.database.close()


def test_only_what_is_in_use_counts_for_the_limit_of_what_is_written_anew(
    alone: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert leftovers.MOST_VACUUMED <= 32 * 2**20  # more would make writers wait for long
    monkeypatch.setattr(leftovers, "MOST_VACUUMED", 2**20)
    for statement in ("CREATE TABLE old (text)", "INSERT INTO old VALUES (zeroblob(2097152))", "DROP TABLE old"):
        with alone.database.writing() as connection:
            connection.exec_driver_sql(statement)
    with alone.database.writing() as connection:
        mark(connection)
    Leftovers(alone.database, lambda: False).remove()
    assert (tmp_path / "studio.db").stat().st_size < 2**20


def test_what_this_version_deletes_is_overwritten_at_once(tmp_path: Path) -> None:
    library = Library(Database(f"sqlite:///{tmp_path}/studio.db"))
    for _ in range(20):
        filed(library, raw=TOKEN * 9)  # no word of the search index, which keeps words until it is merged
    library.erase_account(ME)
    library.database.close()
    assert files_with(TOKEN, tmp_path) == []


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Store]:
    """A store on a SQLite file of its own."""
    store = Store(Database(f"sqlite:///{tmp_path}/studio.db"))
    yield store
    store.database.close()


def steps_of(scrub: TokenScrub) -> list[str]:
    return [step.__name__ for step in scrub._leftovers._steps]


def test_a_statement_outside_a_transaction_waits_for_nobody(alone: Store) -> None:
    assert alone.database.outside_transaction("PRAGMA busy_timeout") == (0,)
    with alone.database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one() == PATIENCE * 1000
    other = Database(str(alone.database.engine.url))  # as in another process
    with other.writing(), pytest.raises(NotSaved):
        alone.database.outside_transaction("VACUUM")
    other.close()


def test_the_log_is_copied_while_others_write_and_only_its_end_is_locked(
    alone: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with alone.database.writing():
        copied = alone.database.outside_transaction("PRAGMA wal_checkpoint(PASSIVE)", locks=False)
    assert (copied[0], copied[1] == copied[2]) == (0, True)
    ran: list[tuple[str, bool]] = []

    def note(statement: str, *, locks: bool = True) -> tuple[int]:
        ran.append((statement, locks))
        return (0,)

    monkeypatch.setattr(alone.database, "outside_transaction", note)
    Leftovers(alone.database, lambda: False)._empty_log()
    assert ran == [("PRAGMA wal_checkpoint(PASSIVE)", False), ("PRAGMA wal_checkpoint(TRUNCATE)", True)]


def test_while_somebody_reads_others_write_and_nothing_is_gone_through_again(
    alone: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_scrub, "BUSY", 0.01)
    scanned: list[str] = []
    tried: list[bool] = []
    rows_with, empty_log = TokenScrub._rows_with, Leftovers._empty_log

    def scan(self: TokenScrub, token: str, table: sa.Table) -> list[Any]:
        scanned.append(table.name)
        return rows_with(self, token, table)

    def empty(self: Leftovers) -> None:
        tried.append(True)
        empty_log(self)

    monkeypatch.setattr(TokenScrub, "_rows_with", scan)
    monkeypatch.setattr(Leftovers, "_empty_log", empty)
    filed(alone, note=TOKEN)
    with alone.database.reading() as reader:
        reader.execute(sa.select(attempts)).all()
        running = TokenScrub(alone.database)
        running.soon(TOKEN)
        eventually(lambda: len(tried) >= 3)
        assert alone.database.outside_transaction("PRAGMA wal_checkpoint(TRUNCATE)")[0] == 1
        filed(alone, note="written meanwhile")
        assert (running.at_work, steps_of(running)) == (True, ["empty"])
    eventually(lambda: not running.at_work)
    assert scanned == ["attempts", "events", "batches"]
    assert files_with(TOKEN, tmp_path) == []


def failing_once(monkeypatch: pytest.MonkeyPatch, table: sa.Table) -> None:
    """Let the first scan of a table fail."""
    rows_with = TokenScrub._rows_with
    failed: list[sa.Table] = []

    def scan(self: TokenScrub, token: str, which: sa.Table) -> list[Any]:
        if which is table and not failed:
            failed.append(table)
            raise NotSaved
        return rows_with(self, token, which)

    monkeypatch.setattr(TokenScrub, "_rows_with", scan)


@pytest.mark.parametrize("in_flight", [False, True], ids=["at rest", "in flight"])
def test_what_was_changed_before_a_failure_is_cleaned_up_after_it(
    in_flight: bool, alone: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_scrub, "AGAIN", 0.01)
    if in_flight:
        attempt = sent(alone, task_id=TOKEN)
    else:
        filed(alone, note=TOKEN)
        failing_once(monkeypatch, events)
    running = TokenScrub(alone.database)
    running.soon(TOKEN)
    if in_flight:
        eventually(lambda: running._left[TOKEN])
        failing_once(monkeypatch, events)
        with alone.database.writing() as connection:
            add_event(connection, attempt.id, alone.now(), "late_answer", {"raw": TEXT})
        alone.finish(attempt, Outcome(Status.REFUSED, raw=TEXT))
    eventually(lambda: not running.at_work)
    assert TOKEN not in everything(alone.database)
    assert files_with(TOKEN, tmp_path) == []


def test_the_last_attempt_in_flight_need_not_bring_a_change(alone: Store, tmp_path: Path) -> None:
    attempt = sent(alone, task_id=TOKEN)
    filed(alone, note=TOKEN)
    running = TokenScrub(alone.database)
    running.soon(TOKEN)
    eventually(lambda: running._left[TOKEN])
    with alone.database.writing() as connection:
        connection.execute(sa.delete(attempts).where(attempts.c.id == attempt.id))
    running.look_again()
    eventually(lambda: not running.at_work)
    assert files_with(TOKEN, tmp_path) == []


def test_what_a_crash_left_is_removed_at_the_next_start(
    open_studio: Callable[..., Studio], alone: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filed(alone, note=TOKEN)
    with monkeypatch.context() as patch:
        patch.setattr(Leftovers, "remove", lambda self: None)
        running = TokenScrub(alone.database)
        running.soon(TOKEN)
        eventually(lambda: not running.at_work)
    alone.database.close()
    assert files_with(TOKEN, tmp_path)
    studio = open_studio(database_url=f"sqlite:///{tmp_path}/studio.db")
    eventually(lambda: not at_work(studio))
    assert files_with(TOKEN, tmp_path) == []
    with studio.open().result()[0].database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA user_version").scalar_one() == 0


def test_what_is_deleted_while_leftovers_are_removed_stays_marked(
    alone: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with alone.database.writing() as connection:
        mark(connection)
    leftovers = Leftovers(alone.database, lambda: False)

    def another(self: Leftovers) -> None:
        with alone.database.writing() as connection:
            mark(connection)

    with monkeypatch.context() as patch:
        patch.setattr(Leftovers, "_vacuum", another)
        leftovers.remove()
    with alone.database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA user_version").scalar_one() != 0
    leftovers.remove()
    with alone.database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA user_version").scalar_one() == 0


def test_after_forgetting_an_account_no_file_has_its_words(
    open_studio: Callable[..., Studio], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edits, "ERASED_AT_ONCE", 4)
    monkeypatch.setattr(edits, "MERGED_EVERY", 8)
    merged: list[int] = []

    def merge(database: Database) -> None:
        with database.reading() as connection:
            merged.append(connection.execute(sa.select(sa.func.count()).select_from(attempts)).scalar_one())

    monkeypatch.setattr(edits, "merge_search_index", merge)
    studio = open_studio(database_url=f"sqlite:///{tmp_path}/studio.db")
    for _ in range(20):
        filed(studio.library, note=f"Zaunkoenig {TOKEN}")
    kept = filed(studio.library, account="b" * 12, note="Nightingale")
    assert studio.library.erase_account(ME) == 20
    assert merged == [13, 5]  # in between too: all at once would make writers wait
    eventually(lambda: not at_work(studio))
    assert files_with("zaunkoenig", tmp_path) == []
    assert files_with(TOKEN, tmp_path) == []
    assert ids(studio.library, "nightingale", account="b" * 12) == [kept]


def balance(studio: Studio, account: Account) -> None:
    studio.ask_balance(account)


def look_up(studio: Studio, account: Account) -> None:
    studio.music_task(account, for_song("finished").task_id)


def attempt(studio: Studio, account: Account) -> None:
    ended(studio, account, press(studio, account))


@pytest.mark.parametrize("ask", [balance, look_up, attempt])
def test_the_token_for_all_is_taken_out_once_kie_has_accepted_it(
    ask: Callable[[Studio, Account], None], open_studio: Callable[..., Studio], server: Server, tmp_path: Path
) -> None:
    token, database_url = uuid.uuid4().hex, f"sqlite:///{tmp_path}/studio.db"
    server.sandbox.new_account(token=token)
    studio, _ = session(open_studio, server, database_url, token, rate_limit=1000)
    studio.close()
    studio = open_studio(database_url=database_url, api_key=token)
    store, _ = studio.open().result()
    eventually(lambda: not at_work(studio))
    assert token in everything(store.database)
    assert studio.shared
    ask(studio, studio.shared)
    eventually(lambda: token not in everything(store.database))
    eventually(lambda: not at_work(studio))


def test_a_token_that_kie_accepted_before_the_database_was_open_is_taken_out_then(
    open_studio: Callable[..., Studio], server: Server, database_url: str
) -> None:
    token = server.sandbox.new_account()
    store = Store(Database(database_url))
    filed(store, note=token)
    studio = open_studio(database_url=database_url, api_key=token)
    assert studio.shared
    studio.ask_balance(studio.shared)
    studio.open().result()
    eventually(lambda: token not in everything(store.database))
    eventually(lambda: not at_work(studio))
    store.database.close()


def test_what_kie_did_not_call_a_token_is_taken_out_of_nothing(
    open_studio: Callable[..., Studio], server: Server, database_url: str
) -> None:
    studio = open_studio(database_url=database_url)
    account = studio.sign_in(server.sandbox.new_account())
    attempt = ended(studio, account, press(studio, account))
    server.sandbox.fault("drop_after", path="/api/v1/chat/credit", token=attempt.persona_id)
    studio.sign_in(attempt.persona_id)  # somebody's, while KIE cannot be reached
    assert not at_work(studio)
    assert ended(studio, account, attempt).persona_id == attempt.persona_id


def test_a_token_that_kie_accepts_only_after_the_sign_in_is_taken_out_then(
    open_studio: Callable[..., Studio], server: Server, database_url: str
) -> None:
    token = server.sandbox.new_account()
    studio = open_studio(database_url=database_url)
    store, _ = studio.open().result()
    filed(store, note=token)
    server.sandbox.fault("drop_after", path="/api/v1/chat/credit", token=token)
    account = studio.sign_in(token)
    assert not at_work(studio)
    assert token in everything(store.database)
    studio.ask_balance(account)
    eventually(lambda: token not in everything(store.database))
