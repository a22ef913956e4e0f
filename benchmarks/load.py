"""Many visitors at once, two servers, a database that stops: `python benchmarks/load.py [SCENARIO ...]`.

    waiting        100 visitors wait for a slow answer; how long another visitor's page takes meanwhile
    at-once        50 visitors, each with an account of their own, press Create together: click to ID
    one-token      50 visitors with one token press Create together: when and in which order the requests arrive
    two-servers    two servers behind nginx, with deploy/nginx.conf; one is killed and comes back
    database-gone  PostgreSQL stands still for 30 s, and then ends while KIE works
    flood          strangers ask for runs as fast as they can, or 180 of them for one each, at the start and later
    stop           SIGTERM while 400 attempts wait: how long after the last answer the server ends

Browsers speak Streamlit's protocol (`streamlit_client.py`) to real servers; requests are counted at the stand-in KIE,
where they arrive. Everything listens on 127.0.0.1 and ends by itself. Exit code 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from contextlib import ExitStack, suppress
from pathlib import Path

import attempts
import psutil
from common import Row, at_most, options_of, seconds, tell
from servers import App, Kie, Postgres, app, free_port, nginx, postgres, stand_in, wait_for
from streamlit_client import Visitor, elements, went_away

from kie import PersonaRequest  # found through `attempts`

LIMIT, PERIOD = 20, 10.0
"""Requests for a persona in so many seconds, as the settings' defaults have it."""
PAGE_BAR, CREATE_BAR = 0.5, 2.0
CLICK_EVERY = 0.05
FLOOD_LASTS = 15.0
"""Seconds; of some 50 pages, the 95th percentile is not the longest."""
SAME_MOMENT = 0.5
"""Seconds that a click may take to be filed under load: who clicked later than that must not leave earlier."""
SONG = attempts.requests(1)[0].task_id
AT_ONCE = 8
"""Browsers whose pages are filled at the same time."""


def say(*words: object) -> None:
    """Print progress."""
    print(*words, file=sys.stderr, flush=True)


def share(values: Iterable[float], part: float) -> float:
    """Return the smallest value that so large a part of them does not exceed."""
    ordered = sorted(values)
    return ordered[math.ceil(part * len(ordered)) - 1]


def spread(values: list[float], alone: list[float] | None = None) -> str:
    """Return the middle and the longest of seconds, and the middle of those on a server that has nothing else to do."""
    told = f"p50 {seconds(share(values, 0.5))}, longest {seconds(max(values))}, n={len(values)}"
    return f"{told}; with nobody else {seconds(share(alone, 0.5))}" if alone else told


async def ready(url: str, request: PersonaRequest, token: str = "") -> Visitor:
    """Fill a visitor's page, so that only Create has to be pressed."""
    visitor = Visitor(url)
    await visitor.open(timeout=60)
    if token:
        await visitor.enter(token=token, timeout=60)
    fields = {name: getattr(request, name) for name in ("task_id", "audio_id", "name", "description")}
    await visitor.enter(**fields, timeout=60)
    return visitor


async def all_ready(url: str, requests: list[PersonaRequest], tokens: list[str]) -> list[Visitor]:
    """Fill the pages of visitors, some at a time."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(request: PersonaRequest, token: str) -> Visitor:
        async with turn:
            return await ready(url, request, token)

    return list(await asyncio.gather(*map(one, requests, tokens)))


def shown_id(visitor: Visitor) -> str:
    """Return the persona ID on a page, or ""."""
    codes = (text.strip() for text in visitor.texts("code"))
    return next((code for code in codes if re.fullmatch("[0-9a-f]{32}", code) and code != SONG), "")


async def repeatedly(stretch: float, every: float, once: Callable[[], Awaitable[float]]) -> list[float]:
    """Measure again and again; what fails counts as infinitely long."""
    took, until = [], time.monotonic() + stretch
    while time.monotonic() < until:
        try:
            took.append(await once())
        except Exception as error:
            if not went_away(error):
                raise
            took.append(float("inf"))
        await asyncio.sleep(every)
    return took


def reload_of(visitor: Visitor, timeout: float = 20) -> Callable[[], Awaitable[float]]:
    """Return a function that opens the page in a new tab of a visitor's browser; seconds until it is whole."""

    async def once() -> float:
        async with Visitor(visitor.url, visitor.cookies) as tab:
            return await tab.open(timeout=timeout)

    return once


def run_of(visitor: Visitor, timeout: float = 20) -> Callable[[], Awaitable[float]]:
    """Return a function that asks for a run in an open tab; seconds until the page is whole."""

    async def once() -> float:
        started = time.perf_counter()
        await visitor.rerun(timeout=timeout)
        return time.perf_counter() - started

    return once


def health_of(url: str, timeout: float = 20) -> Callable[[], Awaitable[float]]:
    """Return a function that asks whether a server is well."""

    async def once() -> float:
        started = time.perf_counter()
        await Visitor(url).get("/_stcore/health", timeout=timeout)
        return time.perf_counter() - started

    return once


async def close(visitors: Iterable[Visitor]) -> None:
    """Close tabs, whether or not their servers are still there."""
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.gather(*(each.close() for each in visitors), return_exceptions=True), 5)


async def eventually(condition: Callable[[], object], within: float) -> bool:
    """Test a condition twice a second, in a thread; return whether it became true in time."""
    deadline = time.monotonic() + within
    while not await asyncio.to_thread(condition):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.5)
    return True


def most_in_period(times: list[float], period: float = PERIOD) -> int:
    """Return the most arrivals in any stretch of a period."""
    return max((sum(first <= at < first + period for at in times) for first in times), default=0)


def ideal(clicks: list[float], limit: int = LIMIT, period: float = PERIOD) -> float:
    """Return when the last of these clicks could leave at the earliest."""
    leaves: list[float] = []
    for click in sorted(clicks):
        leaves.append(max(click, leaves[-limit] + period) if len(leaves) >= limit else click)
    return leaves[-1]


async def waiting(running: App, kie: Kie, count: int, stretch: float) -> list[Row]:
    """Let visitors wait for KIE, and measure what another one gets."""
    kie.set(delay=60)
    requests = attempts.requests(count + 1)
    visitors = await all_ready(running.url, requests, [kie.token() for _ in requests])
    other, *visitors = visitors
    alone = await repeatedly(3, 0.25, reload_of(other))
    say(f"{len(visitors)} visitors press Create")
    await asyncio.gather(*(visitor.click("create", timeout=None) for visitor in visitors))
    await eventually(lambda: len(kie.arrivals()) >= count, 25)
    left = len(kie.arrivals())
    await asyncio.sleep(5)  # what is measured is waiting, not clicking
    process = psutil.Process(running.process.pid)
    own, theirs, started = time.process_time(), sum(process.cpu_times()[:2]), time.perf_counter()
    heard = sum(visitor.bytes_in for visitor in visitors)
    pages, health = await asyncio.gather(
        repeatedly(stretch, 0.25, reload_of(other)), repeatedly(stretch, 0.25, health_of(running.url))
    )
    took = time.perf_counter() - started
    heard = sum(visitor.bytes_in for visitor in visitors) - heard
    say(
        f"the server used {(sum(process.cpu_times()[:2]) - theirs) / took:.2f} of a core, this script "
        f"{(time.process_time() - own) / took:.2f}; a waiting page got {heard / took / count:.0f} bytes a second"
    )
    await close([other, *visitors])
    name = f"{count} visitors wait"
    return [
        Row(f"{name}: requests that left", f"{left} of {count}", f"{count}", left == count),
        at_most(f"{name}: another visitor's page, p95", share(pages, 0.95), PAGE_BAR, "s", spread(pages, alone)),
        Row(f"{name}: `/_stcore/health`, p95", f"{seconds(share(health, 0.95))} ({spread(health)})"),
    ]


async def at_once(running: App, kie: Kie, count: int, database: str) -> list[Row]:
    """Let visitors with accounts of their own press Create together."""
    requests = attempts.requests(count + 1)
    first, *visitors = await all_ready(running.url, requests, [kie.token() for _ in requests])

    async def click(visitor: Visitor) -> float:
        started = time.perf_counter()
        try:
            await visitor.click("create", timeout=None)
            await visitor.until(lambda: shown_id(visitor), timeout=60)
        except Exception as error:
            if not went_away(error):
                raise
            return float("inf")
        return time.perf_counter() - started

    alone = [await click(first)]
    say(f"{count} visitors press Create ({database})")
    took = await asyncio.gather(*map(click, visitors))
    await close([first, *visitors])
    what = f"{count} create at once, {database}: click to the ID on the page, p95"
    return [at_most(what, share(took, 0.95), CREATE_BAR, "s", spread(took, alone))]


async def press_in_turn(visitors: list[Visitor], names: list[str]) -> dict[str, float]:
    """Press Create at one visitor after the other; return when, by the persona's name."""
    clicks = {}
    for visitor, name in zip(visitors, names, strict=True):
        clicks[name] = time.time()
        await visitor.click("create", timeout=None)
        await asyncio.sleep(CLICK_EVERY)
    return clicks


def in_turn(clicks: dict[str, float], arrived: dict[str, float], apart: float = SAME_MOMENT) -> int:
    """Return how many later clicks overtook the one that was overtaken most."""
    return max(
        sum(clicks[other] > clicks[name] + apart and arrived[other] < at for other in arrived)
        for name, at in arrived.items()
    )


async def one_token(running: App, kie: Kie, count: int) -> list[Row]:
    """Let visitors with one token press Create one right after the other, and see when their requests arrive."""
    token = kie.token()
    requests = attempts.requests(count)
    visitors = await all_ready(running.url, requests, [token] * count)
    say(f"{count} visitors of one account press Create")
    clicks = await press_in_turn(visitors, [request.name for request in requests])
    whole = ideal(list(clicks.values())) - min(clicks.values())
    await eventually(lambda: len({name for _, name in kie.arrivals(token)}) == count, whole * 2 + 20)
    await asyncio.sleep(1)
    arrivals = kie.arrivals(token)
    await close(visitors)
    arrived = {name: at for at, name in reversed(arrivals)}
    last = max(arrived.values()) - min(clicks.values())
    ratio = last / whole if len(arrived) == count else float("inf")
    what = f"{count} clicks of one account, {LIMIT} in {PERIOD:g} s"
    everybody = in_turn(clicks, arrived, 0)
    return [
        at_most(
            f"{what}: the last request, against the earliest possible", ratio, 1.05, "times", f"after {last:.1f} s"
        ),
        at_most(
            f"{what}: overtaken by clicks more than {SAME_MOMENT:g} s later",
            in_turn(clicks, arrived),
            0,
            "",
            f"by any later click: {everybody}",
            of="{:.0f}",
        ),
        at_most(f"{what}: arrivals in any period", most_in_period([at for at, _ in arrivals]), LIMIT, "", of="{:.0f}"),
        at_most(f"{what}: requests more than clicks", len(arrivals) - len(arrived), 0, "", of="{:.0f}"),
    ]


async def back_again(visitor: Visitor, within: float = 40) -> float:
    """Go on after the socket was lost, as the page's script does; return the seconds until the page is whole again."""
    started = time.monotonic()
    while time.monotonic() - started < within:
        try:
            await visitor.connect(visitor.session_id, timeout=10)
            await visitor.rerun(timeout=10)
        except Exception as error:
            if not went_away(error):
                raise
            await asyncio.sleep(0.5)
        else:
            return time.monotonic() - started
    return float("inf")


async def two_servers(kie: Kie, database: str, folder: Path, count: int) -> list[Row]:
    """Kill one of two servers while attempts wait, and bring it back."""
    token = kie.token()
    kie.set(delay=1)
    requests = attempts.requests(count)
    with ExitStack() as stack:
        settings = {"KIE_API_KEY": token}
        mortal, other = (App(folder, kie.url, database, free_port(), **settings) for _ in range(2))
        for each in (mortal, other):
            stack.callback(each.kill)
        url = stack.enter_context(nginx(folder, [f"127.0.0.1:{each.port}" for each in (mortal, other)]))
        visitors = await all_ready(url, requests, [""] * count)
        clicks = await press_in_turn(visitors, [request.name for request in requests])
        await eventually(lambda: sum(attempts.states(database).values()) == count, 20)
        filed = sum(attempts.states(database).values())
        await eventually(lambda: len(kie.arrivals(token)) > LIMIT, PERIOD * 2)  # requests of the second period leave
        mortal.kill()
        killed = time.time()
        await asyncio.sleep(0.2)
        lost = [visitor for visitor in visitors if not visitor.connected]
        kept = [visitor for visitor in visitors if visitor.connected]
        say(f"a server is killed; {len(lost)} of {count} pages lose their sockets")
        status, _ = await lost[0].get("/", accept="text/html")
        files = [await lost[0].get(button.url) for button in elements(lost[0], "download_button")]
        pages = asyncio.create_task(repeatedly(25, 0.5, reload_of(kept[0])))
        again = await asyncio.gather(*map(back_again, lost))
        shown = Counter("\n".join(visitor.texts("alert") + visitor.texts("heading")[-2:]) for visitor in lost)
        await asyncio.to_thread(mortal.start)
        took = await pages
        done = await eventually(lambda: not {"queued", "sending"} & set(attempts.states(database)), 60)
        returned = await repeatedly(3, 0.5, reload_of(lost[0]))
        outcomes = attempts.outcomes(database)
        ended = dict(Counter(outcomes.values()))
        arrivals = kie.arrivals(token)
        await close(visitors)
    say(f"attempts: {ended}; requests after the kill: {sum(at > killed for at, _ in arrivals)}")
    say(f"pages of the dead server: a reload answers {status}, their downloads {[status for status, _ in files]}")
    say(f"after reconnecting they show {dict(shown)}")
    requested = Counter(name for _, name in arrivals)
    what = "One of two servers killed and back"
    unsent, unknown = set(clicks) - set(requested), {name for name, state in outcomes.items() if state == "unknown"}
    whole = sum(ended.values()) == filed == len(clicks) and done
    return [
        at_most(f"{what}: arrivals in any period", most_in_period([at for at, _ in arrivals]), LIMIT, "", of="{:.0f}"),
        at_most(f"{what}: most requests for one click", max(requested.values()), 1, "", of="{:.0f}"),
        Row(f"{what}: attempts that ended", f"{sum(ended.values())} of {count}: {_list(ended)}", f"{count}", whole),
        Row(f"{what}: clicks without a request", f"{len(unsent)}", "unknown ones", unsent <= unknown),
        Row(f"{what}: a page of the other server meanwhile, p95", f"{seconds(share(took, 0.95))} ({spread(took)})"),
        Row(f"{what}: its pages are whole again", f"{seconds(share(again, 0.95))} later (p95, n={len(again)})"),
        Row(f"{what}: a reload of its pages afterwards", seconds(share(returned, 0.5))),
    ]


def _list(numbers: dict[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in sorted(numbers.items()))


async def until_it_says(visitor: Visitor, act: Awaitable[object] | None, within: float) -> float:
    """Return the seconds until a page shows a box with a sentence that it did not show before."""
    before, started = set(visitor.texts("alert")), time.monotonic()
    acting = asyncio.ensure_future(act) if act is not None else None
    try:
        with suppress(TimeoutError):
            await visitor.until(lambda: set(visitor.texts("alert")) - before, timeout=within)
            say(f"  {sorted(set(visitor.texts('alert')) - before)}")
            return time.monotonic() - started
        return float("inf")
    finally:
        if acting is not None:
            acting.cancel()
            await asyncio.gather(acting, return_exceptions=True)


async def database_gone(kie: Kie, server: Postgres, folder: Path, frozen: float) -> list[Row]:
    """Stop PostgreSQL for a while with pages open, and then for good while KIE works."""
    with app(folder, kie, server.new_database()) as running:
        requests = attempts.requests(4)
        tokens = [kie.token() for _ in requests]
        visitors = await all_ready(running.url, requests, tokens)
        pressing, reloading, waits, last = visitors
        kie.set(delay=frozen + 15)
        await waits.click("create")
        await eventually(lambda: kie.arrivals(tokens[2]), 10)
        server.signal(signal.SIGSTOP)
        say(f"PostgreSQL stands still for {frozen:g} s")
        acts = {
            "Create is pressed": (pressing, pressing.click("create", timeout=None)),
            "the page is loaded": (reloading, reloading.open(timeout=frozen)),
            "the page waits for KIE": (waits, None),
        }
        started = time.monotonic()
        took = await asyncio.gather(*(until_it_says(who, act, frozen) for who, act in acts.values()))
        await asyncio.sleep(max(0.0, frozen - (time.monotonic() - started)))
        server.signal(signal.SIGCONT)
        after = await repeatedly(0.1, 0, reload_of(last, timeout=30))
        kie.set(delay=5)
        await last.open()
        fields = {name: getattr(requests[-1], name) for name in ("task_id", "audio_id", "name", "description")}
        await last.enter(**fields)
        await last.click("create", timeout=None)
        await eventually(lambda: kie.arrivals(tokens[3]), 10)
        arrived = time.time()
        server.end()
        say("PostgreSQL ends while KIE works")
        late = float("inf")
        with suppress(TimeoutError):
            await last.until(lambda: shown_id(last), timeout=20)
            late = max(0.0, time.time() - arrived - 5)
        say(f"  {last.texts('alert')}")
        traces = running.log.read_text().count("Traceback (most recent call last)")
        await close(visitors)
    what = f"PostgreSQL stands still for {frozen:g} s"
    return [
        *(at_most(f"{what}, {act}: a sentence after", value, 5, "s") for act, value in zip(acts, took, strict=True)),
        Row(f"{what}: a page afterwards", seconds(after[0]), "there", after[0] < float("inf")),
        Row("PostgreSQL ends while KIE works: the ID on the page", seconds(late), "there", late < float("inf")),
        Row("PostgreSQL stands still, then ends: traces in the log", f"{traces}"),
    ]


async def stop(kie: Kie, database: str, folder: Path, count: int) -> list[Row]:
    """Tell a server to stop while many attempts wait and one is on its way."""
    token, delay = kie.token(), 10.0
    kie.set(delay=delay)
    attempts.file_queued(database, token, count)
    with app(folder, kie, database, KIE_API_KEY=token) as running:
        visitors = [Visitor(running.url) for _ in range(2)]
        wait_for(lambda: len(kie.arrivals(token)) > LIMIT, 60, "the second lot of requests")
        threads = psutil.Process(running.process.pid).num_threads()
        with suppress(TimeoutError):
            await asyncio.gather(*(visitor.open(timeout=5) for visitor in visitors))
        running.process.send_signal(signal.SIGTERM)
        say(f"SIGTERM; {count} attempts, {threads} threads")
        with suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(running.process.wait, 120)
        now = time.time()
        arrivals = kie.arrivals(token)
        late = float("inf") if running.process.poll() is None else now - arrivals[-1][0] - delay
        await close(visitors)
    left = attempts.states(database)
    name = f"SIGTERM with {count} attempts waiting"
    return [
        at_most(f"{name}: the end after the last answer", late, 2, "s"),
        Row(f"{name}: attempts afterwards", _list(left), "none unknown", set(left) <= {"created", "queued"}),
    ]


CROWD = 180
"""Fresh browsers, each of which asks for one run; an address opens 200 sockets at once."""


async def flooded(running: App, kie: Kie, when: str, sockets: int) -> list[Row]:
    """Flood a server, and measure what visitors get who are new, or use an account.

    While fresh browsers come they have their tabs open, because an address opens only so many sockets.
    """
    process = psutil.Process(running.process.pid)
    visitors = {"a new visitor": Visitor(running.url)}
    if when == "later":
        visitors["a visitor with an account"] = known = Visitor(running.url)
        await known.open()
        await known.enter(token=kie.token())
    if sockets == CROWD:
        await visitors["a new visitor"].open(timeout=60)
    before = process.memory_info().rss
    flood = str(Path(__file__).with_name("flood.py"))
    command = [sys.executable, flood, running.url, str(sockets), str(FLOOD_LASTS), *["1"] * (sockets == CROWD)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as strangers:
        ask = run_of if sockets == CROWD else reload_of
        took = await asyncio.gather(*(repeatedly(FLOOD_LASTS, 0.25, ask(visitor)) for visitor in visitors.values()))
        most = process.memory_info().rss
        say(strangers.communicate()[0].strip())
    after = await repeatedly(3, 0.25, reload_of(Visitor(running.url)))
    await close(visitors.values())
    say(f"memory: {before >> 20} MiB before, {most >> 20} at the end, {process.memory_info().rss >> 20} after")
    what = f"{CROWD} fresh browsers" if sockets == CROWD else f"flood from {sockets} socket{'s' * (sockets > 1)}"
    return [
        at_most(f"{what}, {when}: the page of {who}, p95", share(each, 0.95), PAGE_BAR, "s", spread(each, after))
        for who, each in zip(visitors, took, strict=True)
    ]


async def flood(running: App, kie: Kie) -> list[Row]:
    """Flood a server right after its start and later; then how much memory is not given back."""
    rows = []
    for sockets in (1, 50, CROWD):
        running.kill()
        running.start(warm=False)
        rows += await flooded(running, kie, "right after the start", sockets)
    process = psutil.Process(running.process.pid)
    for sockets in (1, CROWD, 50):
        before = process.memory_info().rss
        rows += await flooded(running, kie, "later", sockets)
    kept = (process.memory_info().rss - before) / 2**20
    what = "flood from 50 sockets, later: memory that is not given back"
    return [*rows, at_most(what, kept, 32, "MiB", of="{:.0f}")]


SCENARIOS = ("waiting", "at-once", "one-token", "two-servers", "database-gone", "flood", "stop")


def run(name: str, quick: bool, stack: ExitStack) -> list[Row]:
    """Run one scenario with servers of its own."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="load-")))
    kie = stack.enter_context(stand_in())
    sqlite = f"sqlite:///{folder}/studio.db"
    if name == "waiting":
        return asyncio.run(waiting(stack.enter_context(app(folder, kie, sqlite)), kie, 100, 10 if quick else 20))
    if name == "one-token":
        return asyncio.run(one_token(stack.enter_context(app(folder, kie, sqlite)), kie, 25 if quick else 50))
    if name == "flood":
        running = stack.enter_context(app(folder, kie, sqlite))
        return asyncio.run(flood(running, kie))
    if name == "stop":
        return asyncio.run(stop(kie, sqlite, folder, 400))
    server = stack.enter_context(postgres())
    if name == "at-once":
        rows = []
        for kind, database in (("SQLite", sqlite), ("PostgreSQL", server.new_database())):
            with app(folder, kie, database) as running:
                rows += asyncio.run(at_once(running, kie, 50, kind))
        return rows
    if name == "two-servers":
        return asyncio.run(two_servers(kie, server.new_database(), folder, 45 if quick else 60))
    return asyncio.run(database_gone(kie, server, folder, 10 if quick else 30))


def main() -> int:
    """Run the scenarios and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"of {', '.join(SCENARIOS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="fewer clicks and shorter stretches")
    options = options_of(parser)
    if wrong := set(options.scenarios) - set(SCENARIOS):
        parser.error(f"there is no scenario {', '.join(wrong)}")
    rows = []
    for name in options.scenarios or SCENARIOS:
        say(f"— {name} (the machine's load is {os.getloadavg()[0]:.1f})")
        with ExitStack() as stack:
            rows += run(name, options.quick, stack)
    return tell(rows, options)


if __name__ == "__main__":
    raise SystemExit(main())
