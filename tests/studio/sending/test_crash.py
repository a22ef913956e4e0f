"""Real processes that are killed, or that press at the same moment: nothing is sent twice, nothing goes missing."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from sandbox import SCENARIOS, Server, serve
from studio.database.connection import Database
from studio.people.token_store import account_of
from studio.sending.attempt_store import Store
from studio.sending.attempts import Attempt, Status
from tests.polling import eventually
from tests.studio.helpers import for_song

ROOT = Path(__file__).parents[3]
CHILD = Path(__file__).parents[1] / "child.py"


CREDIT_PATH = "/api/v1/chat/credit"


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

    def press(self, **wish: object) -> None:
        """Have it press Create, or Boost, once more."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(wish).encode() + b"\n")
        self._process.stdin.flush()

    def stop(self) -> None:
        """Stop it without ending it, as a laptop does that sleeps."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let a stopped process go on."""
        self._process.send_signal(signal.SIGCONT)

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
        return self.sandbox.count(None, token=self.token) - self.sandbox.count(CREDIT_PATH, token=self.token)

    def attempts(self) -> list[Attempt]:
        """What is on disk, the oldest first."""
        account = account_of(self.token)
        found = [each for makes in ("persona", "text") for each in self._store.newest(account, 200, makes)]
        return sorted(found, key=lambda each: each.number)

    def body(self, attempt: Attempt) -> str:
        """What was sent for an attempt, or would have been."""
        found = self._store.get(attempt.account, attempt.id)
        assert found
        return found.body

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
    "while sending": Death((FINISHED,), lambda house, child: house.posts(), {}, 600),
    "before saving": Death(("--stall", "finish", FINISHED), lambda house, child: child.said("stalled"), {}),
    "in a team": Death((FINISHED,), lambda house, child: house.posts(), {}, 600, team=True),
}


class Aftermath(NamedTuple):
    """What one killed process left behind, before and after another one came."""

    before: list[Status]
    posts_before: int
    after: list[Attempt]
    posts_after: int
    made: list[str]
    """The IDs of the personas that the sandbox made."""


def what_deaths_leave(server: Server, houses: dict[str, House]) -> dict[str, Aftermath]:
    """All deaths and all recoveries at once: each has to wait until the dead process's lease has run out."""
    dying, living, before = {}, {}, {}
    for name, death in DEATHS.items():
        house = houses[name]
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


# A process that stalls while KIE answers


class Stalled(NamedTuple):
    """What became of an attempt whose process stood still for longer than its lease."""

    house: House
    first: Attempt
    second: Attempt | None


def what_stalls_leave(server: Server, houses: dict[str, House]) -> dict[str, Stalled]:
    """Two processes each: the first is stopped after sending, and KIE asks it to wait; all cases at once."""
    first = {name: house.start() for name, house in houses.items()}
    second = {name: house.start() for name, house in houses.items()}
    for name, house in houses.items():
        first[name].wait_for("open")
        second[name].wait_for("open")
        server.sandbox.fault("status", token=house.token, status=429, code=429, retry_after=0, seconds=2)
        first[name].press(track=FINISHED)
        eventually(house.posts, 60)
        first[name].stop()
    for name, house in houses.items():
        eventually(lambda: house.statuses() == [Status.UNKNOWN], 60, house.attempts)  # noqa: B023  # called at once
        if name != "alone":
            lost = house.attempts()[0]
            second[name].press(track=FINISHED, name="Other words", replaces=[lost.id, lost.status.value])
            eventually(lambda: Status.CREATED in house.statuses(), 30, house.attempts)  # noqa: B023
    for name, house in houses.items():
        first[name].go_on()
        known = lambda: house.attempts()[0].status is not Status.UNKNOWN  # noqa: B023, E731  # called at once
        eventually(known, 30, house.attempts)
    return {
        name: Stalled(house, house.attempts()[0], house.attempts()[1] if name != "alone" else None)
        for name, house in houses.items()
    }


@pytest.fixture(scope="module")
def leases(
    server: Server, tmp_path_factory: pytest.TempPathFactory, postgres: Callable[[], str]
) -> Iterator[tuple[Future[dict[str, Aftermath]], Future[dict[str, Stalled]]]]:
    """Deaths and stalls beside each other, because most of both is waiting until a lease has run out."""
    with ExitStack() as stack:

        def a_house(team: bool, settings: dict[str, str]) -> House:
            house = House(tmp_path_factory.mktemp("house"), server, postgres() if team else "", **settings)
            stack.callback(house.close)
            return house

        deaths = {name: a_house(death.team, death.settings) for name, death in DEATHS.items()}
        stalls = {name: a_house("team" in name, {}) for name in ("alone", "replaced", "replaced in a team")}
        pool = stack.enter_context(ThreadPoolExecutor(2))
        yield pool.submit(what_deaths_leave, server, deaths), pool.submit(what_stalls_leave, server, stalls)


@pytest.fixture(scope="module")
def aftermaths(leases: tuple[Future[dict[str, Aftermath]], Future[dict[str, Stalled]]]) -> dict[str, Aftermath]:
    return leases[0].result()


@pytest.fixture(scope="module")
def stalled(leases: tuple[Future[dict[str, Aftermath]], Future[dict[str, Stalled]]]) -> dict[str, Stalled]:
    return leases[1].result()


def test_a_stalled_process_that_was_asked_to_wait_does_not_send_again(stalled: dict[str, Stalled]) -> None:
    assert (stalled["alone"].house.posts(), stalled["alone"].first.status) == (1, Status.REFUSED)


@pytest.mark.parametrize("name", ["replaced", "replaced in a team"])
def test_what_a_person_replaced_meanwhile_stays_replaced(stalled: dict[str, Stalled], name: str) -> None:
    case = stalled[name]
    assert case.second
    (made,) = case.house.sandbox.personas(case.house.token)
    assert (case.house.posts(), case.first.status, case.second.status) == (2, Status.REFUSED, Status.CREATED)
    assert (made["name"], case.second.request.name) == ("Other words", "Other words")


# kill -9, again and again

KILLS = int(os.environ.get("KILLS", "4"))
"""Kills for each database; set it to 30 for the long run."""
PAIRS = 30


def wishes() -> list[dict[str, str]]:
    """Presses of two kinds, in turn: tracks without a trouble of their own, and texts."""
    tracks = [
        f"{scenario.task.task_id}/{each.audio_id}"
        for scenario in SCENARIOS
        if scenario.task is not None and scenario.group == "song"
        for each in scenario.task.tracks
    ]
    tracks += [f"task-{number}/audio-{number}" for number in range(PAIRS - len(tracks))]
    return [wish for number, one in enumerate(tracks[:PAIRS]) for wish in ({"track": one}, {"boost": f"warm {number}"})]


def asked_for(house: House) -> Counter[str]:
    """How often KIE was asked for each thing."""
    calls = [call.json for call in house.sandbox.requests(token=house.token) if call.json]
    return Counter(call.get("audioId") or call.get("content") for call in calls)


MOMENTS: tuple[Callable[[House], int], ...] = (
    lambda house: len(house.attempts()),
    House.posts,
    lambda house: sum(not attempt.in_flight for attempt in house.attempts()),
)
"""How many were filed, have left, and are over: a process is killed as soon as so many are."""


def test_processes_that_are_killed_at_any_moment_send_each_wish_once_and_lose_nothing(
    tmp_path: Path, postgres: Callable[[], str]
) -> None:
    drawn = random.Random(KILLS)
    with serve() as server, ExitStack() as stack:
        server.sandbox.rate_limit = 1000
        settings = {"KIE_RATE_LIMIT": "1000"}
        houses = [
            House(tmp_path / "sqlite", server, f"sqlite:///{tmp_path}/sqlite/studio.db", **settings),
            House(tmp_path / "postgresql", server, postgres(), **settings),
        ]
        for house in houses:
            stack.callback(house.close)
            server.sandbox.fault("delay", token=house.token, path=None, times=None, seconds=0.15)
        left = {id(house): wishes() for house in houses}
        share = len(wishes()) // (KILLS + 1) + 1
        for _ in range(KILLS + 1):
            kills = {}  # the moment of the kill is what is tried
            for house in houses:
                moment = drawn.choice(MOMENTS)
                kills[id(house)] = moment, moment(house) + drawn.randrange(len(left[id(house)][:share]) + 1)
            children = {id(house): house.start() for house in houses}
            for house in houses:
                children[id(house)].wait_for("open")
                for wish in left[id(house)][:share]:
                    children[id(house)].press(**wish)
                del left[id(house)][:share]
            for house in drawn.sample(houses, 2):
                moment, wanted = kills[id(house)]
                eventually(lambda: moment(house) >= wanted, 60, lambda: moment(house))  # noqa: B023  # called at once
                children[id(house)].kill()
        last = [house.start() for house in houses]
        for house, child in zip(houses, last, strict=True):
            eventually(lambda: child.lives() and not house.in_flight(), 60, house.in_flight)  # noqa: B023
            counts = asked_for(house)
            assert [wish for wish, count in counts.items() if count > 1] == []
            attempts = house.attempts()
            bodies = [json.loads(house.body(each)) for each in attempts]
            on_file = {body.get("audioId") or body["content"] for body in bodies}
            assert counts.keys() <= on_file
            made = {each["personaId"] for each in house.sandbox.personas(house.token)}
            told = {each.persona_id for each in attempts if each.status is Status.CREATED and each.persona_id}
            lost = [each for each in attempts if each.status is Status.UNKNOWN]
            assert told <= made
            assert len(made - told) <= len(lost)
