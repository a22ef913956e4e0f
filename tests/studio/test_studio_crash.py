"""Real processes that are killed, or that press at the same moment: nothing is sent twice, nothing goes missing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
from studio_helpers import eventually, for_song

from sandbox import Server
from studio.database.connection import Database
from studio.sending.attempts import Attempt, Status
from studio.sending.store import Store
from studio.tokens import account_of

ROOT = Path(__file__).parents[2]
CHILD = Path(__file__).parent / "child.py"


def track(key: str) -> str:
    """The first track of a scenario, as `child.py` takes it."""
    request = for_song(key)
    return f"{request.task_id}/{request.audio_id}"


class Child:
    """One process of `child.py`."""

    def __init__(self, folder: Path, environment: dict[str, str], *arguments: str) -> None:
        folder.mkdir(parents=True)
        self._out, self._err = folder / "out", folder / "err"
        with self._out.open("w") as out, self._err.open("w") as err:
            self._process = subprocess.Popen(
                [sys.executable, str(CHILD), *arguments],
                env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=err,
                cwd=folder,
            )

    def lives(self) -> bool:
        """Fail with what the process said last, if it has ended."""
        assert self._process.poll() is None, self._err.read_text()
        return True

    def said(self, word: str) -> str:
        """The first whole line so far that begins with this word, or ""."""
        self.lives()
        lines = self._out.read_text().splitlines(keepends=True)
        return next((line for line in lines if line.startswith(word) and line.endswith("\n")), "")

    def wait_for(self, word: str) -> str:
        return eventually(lambda: self.said(word), 60)

    def open_gate(self) -> None:
        assert self._process.stdin
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        """As `kill -9` does it."""
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """As an orderly end does it."""
        assert self._process.stdin
        self._process.stdin.close()
        assert self._process.wait(60) == 0, self._err.read_text()


class House:
    """One database with one account, and the processes that work on it."""

    def __init__(self, folder: Path, server: Server, database_url: str = "", **settings: str) -> None:
        database_url = database_url or f"sqlite:///{folder}/studio.db"
        self.sandbox = server.sandbox
        self.token = server.sandbox.new_account()
        self._folder = folder
        self._environment = {
            "KIE_API_KEY": self.token,
            "KIE_BASE_URL": server.base_url,
            "DATABASE_URL": database_url,
            **settings,
        }
        self._store = Store(Database(database_url))
        self._children: list[Child] = []

    def start(self, *arguments: str) -> Child:
        self._children.append(Child(self._folder / str(len(self._children)), self._environment, *arguments))
        return self._children[-1]

    def close(self) -> None:
        for child in self._children:
            child.kill()
        self._store.database.close()

    def posts(self) -> int:
        return self.sandbox.count(token=self.token)

    def attempts(self) -> list[Attempt]:
        """What is on disk, the oldest first."""
        return self._store.newest(account_of(self.token), 100)[::-1]

    def in_flight(self) -> list[Attempt]:
        return [attempt for attempt in self.attempts() if attempt.in_flight]

    def statuses(self) -> list[Status]:
        return sorted(attempt.status for attempt in self.attempts())


@pytest.fixture
def house(server: Server, tmp_path: Path, database_url: str) -> Iterator[House]:
    house = House(tmp_path, server, database_url)
    yield house
    house.close()


class Death(NamedTuple):
    """How a process is to be killed: what it does, and what shows that the moment has come."""

    arguments: tuple[str, ...]
    come: Callable[[House, Child], object]
    settings: dict[str, str]
    delay: float = 0.0
    """Seconds that the first answer takes."""
    team: bool = False
    """On PostgreSQL, where the process that takes over was there all along."""


FINISHED = track("finished")
DEATHS = {
    "before its run": Death(("--stall", "start", FINISHED), lambda house, child: child.said("stalled"), {}),
    "while it waits": Death(
        (FINISHED, track("callback")),
        lambda house, child: house.statuses() == [Status.CREATED, Status.QUEUED],
        {"KIE_RATE_LIMIT": "1", "KIE_RATE_PERIOD": "9"},
    ),
    "while sending": Death((FINISHED,), lambda house, child: house.posts(), {}, 60),
    "before saving": Death(("--stall", "finish", FINISHED), lambda house, child: child.said("stalled"), {}),
    "in a team": Death((FINISHED,), lambda house, child: house.posts(), {}, 60, team=True),
}


class Aftermath(NamedTuple):
    """What one killed process left behind, before and after another one came."""

    before: list[Status]
    posts_before: int
    after: list[Attempt]
    posts_after: int
    made: list[str]
    """The IDs of the personas that the sandbox made."""


@pytest.fixture(scope="module")
def aftermaths(
    server: Server, tmp_path_factory: pytest.TempPathFactory, postgres: Callable[[], str]
) -> dict[str, Aftermath]:
    """All deaths and all recoveries at once: each has to wait until the dead process's lease has run out."""
    with ExitStack() as stack:
        houses: dict[str, House] = {}
        dying, living, before = {}, {}, {}
        for name, death in DEATHS.items():
            folder = tmp_path_factory.mktemp("house")
            houses[name] = house = House(folder, server, postgres() if death.team else "", **death.settings)
            stack.callback(house.close)
            server.sandbox.fault("delay", token=house.token, seconds=death.delay)
            dying[name] = house.start(*death.arguments)
            if death.team:
                living[name] = house.start()
        for name, house in houses.items():
            eventually(lambda: DEATHS[name].come(house, dying[name]), 60)  # noqa: B023  # called at once
            if name in living:
                living[name].wait_for("open")
            dying[name].kill()
            before[name] = house.statuses(), house.posts()
            if name not in living:
                living[name] = house.start()
        for name, house in houses.items():
            over = lambda: living[name].lives() and not house.in_flight()  # noqa: B023, E731  # called at once
            eventually(over, 60, house.in_flight)
        return {
            name: Aftermath(
                *before[name],
                house.attempts(),
                house.posts(),
                [made["personaId"] for made in server.sandbox.personas(house.token)],
            )
            for name, house in houses.items()
        }


@pytest.mark.parametrize(
    ("death", "statuses", "posts"),
    [
        ("before its run", [Status.QUEUED], 0),
        ("while it waits", [Status.CREATED, Status.QUEUED], 1),
        ("while sending", [Status.SENDING], 1),
        ("before saving", [Status.SENDING], 1),
        ("in a team", [Status.SENDING], 1),
    ],
)
def test_the_process_was_killed_where_it_was_meant_to_be(
    aftermaths: dict[str, Aftermath], death: str, statuses: list[Status], posts: int
) -> None:
    assert (aftermaths[death].before, aftermaths[death].posts_before) == (statuses, posts)


@pytest.mark.parametrize(("death", "posts"), [("before its run", 1), ("while it waits", 2)])
def test_what_was_not_sent_is_sent_once_after_a_crash(aftermaths: dict[str, Aftermath], death: str, posts: int) -> None:
    assert aftermaths[death].posts_after == posts


@pytest.mark.parametrize("death", ["before its run", "while it waits"])
def test_what_was_not_sent_becomes_a_persona_after_a_crash(aftermaths: dict[str, Aftermath], death: str) -> None:
    assert Counter(each.persona_id for each in aftermaths[death].after) == Counter(aftermaths[death].made)


@pytest.mark.parametrize("death", ["while sending", "before saving", "in a team"])
def test_what_was_on_its_way_is_not_sent_again_after_a_crash(aftermaths: dict[str, Aftermath], death: str) -> None:
    assert aftermaths[death].posts_after == 1


@pytest.mark.parametrize("death", ["while sending", "before saving", "in a team"])
def test_what_was_on_its_way_is_unknown_after_a_crash(aftermaths: dict[str, Aftermath], death: str) -> None:
    assert [(each.status, each.cause) for each in aftermaths[death].after] == [(Status.UNKNOWN, "no_answer")]


def test_two_processes_that_press_at_once_send_one_request(house: House) -> None:
    house.sandbox.fault("delay", token=house.token, seconds=1)
    children = [house.start("--gate", FINISHED) for _ in range(2)]
    for child in children:
        child.wait_for("open")
    for child in children:
        child.open_gate()
    pressed = {child.wait_for("attempt") for child in children}
    eventually(lambda: house.statuses() == [Status.CREATED], 30, house.attempts)
    assert (pressed, house.posts()) == ({f"attempt {house.attempts()[0].id}\n"}, 1)


def test_a_process_that_ends_in_order_stores_the_answer_first(house: House) -> None:
    house.sandbox.fault("delay", token=house.token, seconds=1)
    child = house.start(FINISHED)
    eventually(house.posts, 60)
    child.end()
    assert house.statuses() == [Status.CREATED]
