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
from typing import Any, NamedTuple

import pytest

from sandbox import SCENARIOS, Server, serve
from sandbox.replies import PERSONA_PATH
from sandbox.scenarios import READY_TRACKS, TASKS
from studio.database.connection import Database
from studio.people.token_store import account_of
from studio.sending.attempt_store import Store
from studio.sending.attempts import Attempt, Status
from tests.polling import eventually
from tests.studio.helpers import for_song

ROOT = Path(__file__).parents[3]
CHILD = Path(__file__).parents[1] / "child.py"


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


class Deployment:
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
        """How many requests arrived that create or cost; looking is a GET."""
        return sum(call.method == "POST" for call in self.sandbox.requests(token=self.token))

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
def deployment(server: Server, tmp_path: Path, database_url: str) -> Iterator[Deployment]:
    deployment = Deployment(tmp_path, server, database_url)
    yield deployment
    deployment.close()


class Death(NamedTuple):
    """How a process is to be killed: what it does, and what shows that the moment has come."""

    arguments: tuple[str, ...]
    come: Callable[[Deployment, Child], object]
    settings: dict[str, str]
    delay: float = 0.0
    """Seconds that the first answer takes."""
    team: bool = False
    """On PostgreSQL, where the process that takes over was there all along."""


FINISHED = track("finished")
JOBS = {"KIE_INTERFACE": "jobs"}
DEATHS = {
    "before its run": Death(("--stall", "start", FINISHED), lambda deployment, child: child.said("stalled"), {}),
    "while it waits": Death(
        (FINISHED, track("callback")),
        lambda deployment, child: deployment.statuses() == [Status.CREATED, Status.QUEUED],
        {"KIE_RATE_LIMIT": "1", "KIE_RATE_PERIOD": "9"},
    ),
    "while sending": Death((FINISHED,), lambda deployment, child: deployment.posts(), {}, 600),
    "before saving": Death(("--stall", "finish", FINISHED), lambda deployment, child: child.said("stalled"), {}),
    "in a team": Death((FINISHED,), lambda deployment, child: deployment.posts(), {}, 600, team=True),
    "starting a job": Death((FINISHED,), lambda deployment, child: deployment.posts(), JOBS, 600),
    "before saving a handle": Death(
        ("--stall", "finish", FINISHED), lambda deployment, child: child.said("stalled"), JOBS
    ),
    "while a job runs": Death(
        (track("job_slow"),), lambda deployment, child: deployment.statuses() == [Status.WORKING], JOBS
    ),
    "while asking which interface knows the song": Death(
        ("--stall", "look_up", track("job_song")), lambda deployment, child: child.said("stalled"), {}
    ),
    "while a job runs for a team": Death(
        (track("job_slow"),), lambda deployment, child: deployment.statuses() == [Status.WORKING], JOBS, team=True
    ),
}


class Aftermath(NamedTuple):
    """What one killed process left behind, before and after another one came."""

    before: list[Status]
    posts_before: int
    after: list[Attempt]
    posts_after: int
    made: list[str]
    """The IDs of the personas that the sandbox made."""


def what_deaths_leave(server: Server, deployments: dict[str, Deployment]) -> dict[str, Aftermath]:
    """All deaths and all recoveries at once: each has to wait until the dead process's lease has run out."""
    dying, living, before = {}, {}, {}
    for name, death in DEATHS.items():
        deployment = deployments[name]
        server.sandbox.fault("delay", token=deployment.token, seconds=death.delay, path=None)
        dying[name] = deployment.start(*death.arguments)
        if death.team:
            living[name] = deployment.start()
    for name, deployment in deployments.items():
        eventually(lambda: DEATHS[name].come(deployment, dying[name]), 60)  # noqa: B023  # called at once
        if name in living:
            living[name].wait_for("open")
        dying[name].kill()
        before[name] = deployment.statuses(), deployment.posts()
        if name not in living:
            living[name] = deployment.start()
    for name, deployment in deployments.items():
        over = lambda: living[name].lives() and not deployment.in_flight()  # noqa: B023, E731  # called at once
        eventually(over, 60, deployment.in_flight)
    return {
        name: Aftermath(
            *before[name],
            deployment.attempts(),
            deployment.posts(),
            [made["personaId"] for made in server.sandbox.personas(deployment.token)],
        )
        for name, deployment in deployments.items()
    }


@pytest.mark.parametrize(
    ("death", "statuses", "posts"),
    [
        ("before its run", [Status.QUEUED], 0),
        ("while it waits", [Status.CREATED, Status.QUEUED], 1),
        ("while sending", [Status.SENDING], 1),
        ("before saving", [Status.SENDING], 1),
        ("in a team", [Status.SENDING], 1),
        ("starting a job", [Status.SENDING], 1),
        ("before saving a handle", [Status.SENDING], 1),
        ("while asking which interface knows the song", [Status.QUEUED], 1),
        ("while a job runs", [Status.WORKING], 1),
        ("while a job runs for a team", [Status.WORKING], 1),
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


@pytest.mark.parametrize("death", ["while a job runs", "while a job runs for a team"])
def test_a_job_is_found_after_a_crash_and_is_not_started_again(aftermaths: dict[str, Aftermath], death: str) -> None:
    after = aftermaths[death]
    assert [each.persona_id for each in after.after] == after.made
    assert (len(after.made), after.posts_after) == (1, 1)


def test_a_refusal_is_on_disk_before_anything_else_is_asked(aftermaths: dict[str, Aftermath]) -> None:
    after = aftermaths["while asking which interface knows the song"]
    assert [(each.status, each.persona_id) for each in after.after] == [(Status.CREATED, after.made[0])]
    assert (len(after.made), after.posts_after) == (1, 3)  # KIE refused the direct call twice, then came the job


ON_THEIR_WAY = pytest.mark.parametrize(
    "death", ["while sending", "before saving", "in a team", "starting a job", "before saving a handle"]
)


@ON_THEIR_WAY
def test_what_was_on_its_way_is_not_sent_again_after_a_crash(aftermaths: dict[str, Aftermath], death: str) -> None:
    assert aftermaths[death].posts_after == 1


@ON_THEIR_WAY
def test_what_was_on_its_way_is_unknown_after_a_crash(aftermaths: dict[str, Aftermath], death: str) -> None:
    assert [(each.status, each.cause) for each in aftermaths[death].after] == [(Status.UNKNOWN, "no_answer")]


def test_two_processes_that_press_at_once_send_one_request(deployment: Deployment) -> None:
    deployment.sandbox.fault("delay", token=deployment.token, seconds=1)
    children = [deployment.start("--gate", FINISHED) for _ in range(2)]
    for child in children:
        child.wait_for("open")
    for child in children:
        child.open_gate()
    pressed = {child.wait_for("attempt") for child in children}
    eventually(lambda: deployment.statuses() == [Status.CREATED], 30, deployment.attempts)
    assert (pressed, deployment.posts()) == ({f"attempt {deployment.attempts()[0].id}\n"}, 1)


def test_a_process_that_ends_in_order_stores_the_answer_first(deployment: Deployment) -> None:
    deployment.sandbox.fault("delay", token=deployment.token, seconds=1)
    child = deployment.start(FINISHED)
    eventually(deployment.posts, 60)
    child.end()
    assert deployment.statuses() == [Status.CREATED]


# A process that stalls while KIE answers


class Stalled(NamedTuple):
    """What became of an attempt whose process stood still for longer than its lease."""

    deployment: Deployment
    first: Attempt
    second: Attempt | None


def what_stalls_leave(server: Server, deployments: dict[str, Deployment]) -> dict[str, Stalled]:
    """Two processes each: the first is stopped after sending, and KIE asks it to wait; all cases at once."""
    first = {name: deployment.start() for name, deployment in deployments.items()}
    second = {name: deployment.start() for name, deployment in deployments.items()}
    for name, deployment in deployments.items():
        first[name].wait_for("open")
        second[name].wait_for("open")
        server.sandbox.fault("status", token=deployment.token, status=429, code=429, retry_after=0, seconds=2)
        first[name].press(track=FINISHED)
        eventually(deployment.posts, 60)
        first[name].stop()
    for name, deployment in deployments.items():
        eventually(lambda: deployment.statuses() == [Status.UNKNOWN], 60, deployment.attempts)  # noqa: B023  # called at once
        if name != "alone":
            lost = deployment.attempts()[0]
            second[name].press(track=FINISHED, name="Other words", replaces=[lost.id, lost.status.value])
            eventually(lambda: Status.CREATED in deployment.statuses(), 30, deployment.attempts)  # noqa: B023
    for name, deployment in deployments.items():
        first[name].go_on()
        known = lambda: deployment.attempts()[0].status is not Status.UNKNOWN  # noqa: B023, E731  # called at once
        eventually(known, 30, deployment.attempts)
    return {
        name: Stalled(deployment, deployment.attempts()[0], deployment.attempts()[1] if name != "alone" else None)
        for name, deployment in deployments.items()
    }


@pytest.fixture(scope="module")
def leases(
    server: Server, tmp_path_factory: pytest.TempPathFactory, postgres: Callable[[], str]
) -> Iterator[tuple[Future[dict[str, Aftermath]], Future[dict[str, Stalled]]]]:
    """Deaths and stalls beside each other, because most of both is waiting until a lease has run out."""
    with ExitStack() as stack:

        def a_deployment(team: bool, settings: dict[str, str]) -> Deployment:
            deployment = Deployment(
                tmp_path_factory.mktemp("deployment"), server, postgres() if team else "", **settings
            )
            stack.callback(deployment.close)
            return deployment

        deaths = {name: a_deployment(death.team, death.settings) for name, death in DEATHS.items()}
        stalls = {name: a_deployment("team" in name, {}) for name in ("alone", "replaced", "replaced in a team")}
        pool = stack.enter_context(ThreadPoolExecutor(2))
        yield pool.submit(what_deaths_leave, server, deaths), pool.submit(what_stalls_leave, server, stalls)


@pytest.fixture(scope="module")
def aftermaths(leases: tuple[Future[dict[str, Aftermath]], Future[dict[str, Stalled]]]) -> dict[str, Aftermath]:
    return leases[0].result()


@pytest.fixture(scope="module")
def stalled(leases: tuple[Future[dict[str, Aftermath]], Future[dict[str, Stalled]]]) -> dict[str, Stalled]:
    return leases[1].result()


def test_a_stalled_process_that_was_asked_to_wait_does_not_send_again(stalled: dict[str, Stalled]) -> None:
    assert (stalled["alone"].deployment.posts(), stalled["alone"].first.status) == (1, Status.REFUSED)


@pytest.mark.parametrize("name", ["replaced", "replaced in a team"])
def test_what_a_person_replaced_meanwhile_stays_replaced(stalled: dict[str, Stalled], name: str) -> None:
    case = stalled[name]
    assert case.second
    (made,) = case.deployment.sandbox.personas(case.deployment.token)
    assert (case.deployment.posts(), case.first.status, case.second.status) == (2, Status.REFUSED, Status.CREATED)
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


def asked_for(deployment: Deployment) -> Counter[str]:
    """How often KIE was asked for each thing, through each interface. Left out are direct requests about a song that
    KIE does not see there: it has refused them, so they may be sent again."""
    seen = {
        each.audio_id
        for task in TASKS.values()
        if task.interface == "direct" and READY_TRACKS.get(task.status or "") == 2
        for each in task.tracks
        if each.trouble is None
    }
    posts = [call for call in deployment.sandbox.requests(token=deployment.token) if call.json]
    calls = [call for call in posts if call.path != PERSONA_PATH or wish_of(call.json) in seen]
    return Counter(f"{call.path} {wish_of(call.json)}" for call in calls)


def wish_of(body: dict[str, Any]) -> str:
    """The track, or the text, that a request's body is about."""
    return str(body.get("audioId") or body.get("content") or body["input"]["audio_id"])


MOMENTS: tuple[Callable[[Deployment], int], ...] = (
    lambda deployment: len(deployment.attempts()),
    Deployment.posts,
    lambda deployment: sum(not attempt.in_flight for attempt in deployment.attempts()),
)
"""How many were filed, have left, and are over: a process is killed as soon as so many are."""


def test_processes_that_are_killed_at_any_moment_send_each_wish_once_and_lose_nothing(
    tmp_path: Path, postgres: Callable[[], str]
) -> None:
    drawn = random.Random(KILLS)
    with serve() as server, ExitStack() as stack:
        server.sandbox.rate_limit = 1000
        settings = {"KIE_RATE_LIMIT": "1000"}
        deployments = [
            Deployment(tmp_path / "sqlite", server, f"sqlite:///{tmp_path}/sqlite/studio.db", **settings),
            Deployment(tmp_path / "postgresql", server, postgres(), **settings),
        ]
        for deployment in deployments:
            stack.callback(deployment.close)
            server.sandbox.fault("delay", token=deployment.token, path=None, times=None, seconds=0.15)
        left = {id(deployment): wishes() for deployment in deployments}
        share = len(wishes()) // (KILLS + 1) + 1
        for _ in range(KILLS + 1):
            kills = {}  # the moment of the kill is what is tried
            for deployment in deployments:
                moment = drawn.choice(MOMENTS)
                kills[id(deployment)] = (
                    moment,
                    moment(deployment) + drawn.randrange(len(left[id(deployment)][:share]) + 1),
                )
            children = {id(deployment): deployment.start() for deployment in deployments}
            for deployment in deployments:
                children[id(deployment)].wait_for("open")
                for wish in left[id(deployment)][:share]:
                    children[id(deployment)].press(**wish)
                del left[id(deployment)][:share]
            for deployment in drawn.sample(deployments, 2):
                moment, wanted = kills[id(deployment)]
                eventually(lambda: moment(deployment) >= wanted, 60, lambda: moment(deployment))  # noqa: B023  # called at once
                children[id(deployment)].kill()
        last = [deployment.start() for deployment in deployments]
        for deployment, child in zip(deployments, last, strict=True):
            eventually(lambda: child.lives() and not deployment.in_flight(), 60, deployment.in_flight)  # noqa: B023
            counts = asked_for(deployment)
            assert [wish for wish, count in counts.items() if count > 1] == []
            attempts = deployment.attempts()
            bodies = [json.loads(deployment.body(each)) for each in attempts]
            assert {wish.partition(" ")[2] for wish in counts} <= {wish_of(body) for body in bodies}
            made = {each["personaId"] for each in deployment.sandbox.personas(deployment.token)}
            told = {each.persona_id for each in attempts if each.status is Status.CREATED and each.persona_id}
            lost = [each for each in attempts if each.status is Status.UNKNOWN]
            assert told <= made
            assert len(made - told) <= len(lost)
