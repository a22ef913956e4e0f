"""The studio: what pages call. It opens the database and the engine in the background, so that no page waits for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import IO, TYPE_CHECKING, Any, TypeVar

from kie import Cause, InvalidInput, KieClient, KieError, MusicTask, PersonaRequest, check_token
from studio import demo_server, settings
from studio.exceptions import DatabaseTooNew, NotSaved
from studio.people.browser_grants import Grants
from studio.people.browsers import Browsers
from studio.people.token_store import READ_TIMEOUT, Account, TokenStore
from studio.sending.attempts import Attempt, NotAllowed, Seen
from studio.sending.change_notifier import ChangeNotifier
from studio.sending.interface_choice import InterfaceChoice
from studio.sending.kinds import BOOST, PERSONA, Kind, body_of, kind_named
from studio.song.single_flight import SingleFlight

if TYPE_CHECKING:
    from kie import TimedWords, Track
    from studio.library.edits import Library
    from studio.library.token_scrub import TokenScrub
    from studio.sending.attempt_store import Store
    from studio.sending.batches import Batches
    from studio.sending.engine import Engine

__all__ = ["Balance", "NotSaved", "Studio", "close_the_studio", "the_studio"]

log = logging.getLogger(__name__)
T = TypeVar("T")

OPEN_PATIENCE = 8.0
"""Seconds that a page waits for the database to be opened; migrating a large one takes longer."""
MOST_DEMOS, OLDEST_DEMOS = 1000, 5
"""Demo accounts in memory, and how many of the oldest may be removed for a new one, unless they have work in flight."""


@dataclass(frozen=True, slots=True)
class Balance:
    """The answer to the balance call: credits, or why they are not known."""

    credits: float | None
    error: KieError | None = None


class Studio:
    """The tokens, the attempts and the engine of one process."""

    def __init__(self, configuration: settings.Settings) -> None:
        self.settings = configuration
        self.people_sign_in = configuration.sign_in
        """Whether [auth] was ever seen. From then on a file that is just being saved lets nobody in."""
        self.token_store = TokenStore()
        self.browsers = Browsers()
        self.downloads: Grants[IO[bytes]] = Grants(self.browsers)
        self.changes = ChangeNotifier(self._states)
        self.waits: Grants[Mapping[str, object]] = Grants(self.browsers)
        """What pages wait for: the states in which they drew attempts, for `changes.subscribe`."""
        self._lock = threading.Lock()
        self._opened: Future[tuple[Store, Engine]] | None = None
        self._balances: dict[str, Balance] = {}
        self._shared_calls = SingleFlight()
        self._interfaces = InterfaceChoice(configuration.interface)
        self._scrub: TokenScrub | None = None
        self._not_scrubbed: dict[str, str] = {}
        """Tokens by account that are taken out of the database once KIE has accepted them."""
        self.shared: Account | None = None
        if configuration.api_key:
            self.shared = self.token_store.add(configuration.api_key, configuration.base_url, shared=True)
            self._not_scrubbed[self.shared.id] = configuration.api_key

    def open(self) -> Future[tuple[Store, Engine]]:
        """Open the database and start the engine, in the background; after a failure, another call tries again."""
        with self._lock:
            if self._opened is None or (self._opened.done() and self._opened.exception()):
                self._opened = Future()
                threading.Thread(target=self._open, args=(self._opened,), name="studio-open", daemon=True).start()
            return self._opened

    def _open(self, opened: Future[tuple[Store, Engine]]) -> None:
        try:
            from studio.database.connection import Database
            from studio.library.token_scrub import TokenScrub
            from studio.sending.attempt_store import Store
            from studio.sending.engine import Engine

            store = Store(Database(self.settings.database_url))
            engine = Engine(
                store,
                self.token_store,
                rate_limit=self.settings.rate_limit,
                rate_period=self.settings.rate_period,
                read_timeout=self.settings.read_timeout,
                shared=bool(self.settings.api_key),
                interfaces=self._interfaces,
                changed=self._note_change,
            )
            engine.on_credits = lambda account, left: self._note_balance(account, Balance(left))
            try:
                engine.launch()
            except BaseException:
                with suppress(Exception):
                    engine.close(wait=0)
                store.database.close()
                raise
        except BaseException as error:
            log.exception("The database could not be opened.")
            opened.set_exception(error)
        else:
            self._scrub = TokenScrub(store.database)
            self._scrub.clean_up_soon()
            for account, balance in list(self._balances.items()):  # KIE was asked before the database was open
                if balance.error is None:
                    self._note_accepted(account)
            opened.set_result((store, engine))

    def _note_change(self, attempt_id: str) -> None:
        self.changes.notify(attempt_id)
        if self._scrub is not None:
            self._scrub.look_again()

    def _note_balance(self, account_id: str, balance: Balance) -> None:
        self._balances[account_id] = balance
        if balance.error is None:
            self._note_accepted(account_id)

    def _note_accepted(self, account_id: str) -> None:
        """Have an account's token taken out of the database: KIE accepted it. Before, it may be any text."""
        if self._scrub is not None and (token := self._not_scrubbed.pop(account_id, None)):
            self._scrub.soon(token)

    def close(self) -> None:
        """Stop, after requests in flight have ended."""
        self.changes.close()
        with suppress(TimeoutError):  # a database that is still being opened sends nothing
            if self._opened is not None and self._opened.exception(OPEN_PATIENCE) is None:
                store, engine = self._opened.result()
                if self._scrub is not None:
                    self._scrub.close()
                engine.close(wait=self.settings.read_timeout + 5)
                store.database.close()
        demo_server.stop()

    def sign_in(self, token: str) -> Account:
        """Keep a token after asking KIE once for its balance.

        Raises `kie.InvalidInput` for what cannot be a token, and `kie.KieError` if KIE does not accept it. If KIE
        cannot be reached now, the token is kept, because the history is on this machine.
        """
        token = check_token(token)
        with KieClient(token, self.settings.base_url, READ_TIMEOUT, repeat=False) as client:
            balance = _ask_balance(client)
        if balance.error is not None and balance.error.cause is Cause.TOKEN:
            raise balance.error
        account = self.token_store.add(token, self.settings.base_url)
        self._not_scrubbed[account.id] = token
        self._note_balance(account.id, balance)
        try:
            _, engine = self._ready()
            engine.serve_soon(account.id)
        except Exception:
            log.exception("Waiting attempts could not be taken up; the next heartbeat tries again.")
        return account

    def leave_account(self, session_key: str, account: Account) -> None:
        """Forget which account a browser uses, and its token if no other browser uses it and nothing is in flight."""
        last_use = self.token_store.last_use(account.id)  # before the looks: a request may be filed meanwhile
        self.browsers.leave_account(session_key, account.id)
        if not account.shared and not self.browsers.any_uses(account.id) and not self._waits(account.id):
            self._drop(account.id, last_use)

    def sign_out(self, browser: str) -> set[str]:
        """Sign out whoever is at a browser, which is named by its cookie, and let it leave its account.

        Return the cookies of all browsers that are signed out by it: others may have a copy of the sign-in's cookie.
        """
        left = {browser}
        for session_key in self.browsers.session_keys(browser):
            account = self.token_store.account(self.browsers.account_of(session_key))
            if account is not None:
                self.leave_account(session_key, account)
            left |= {key.partition(" ")[0] for key in self.browsers.sign_out(session_key)}
        return left

    def _waits(self, account_id: str) -> bool:
        """Whether an attempt of an account is in flight, or may be while the database cannot be read."""
        try:
            store, _ = self._ready()
            return store.any_in_flight(account_id)
        except NotSaved:
            return self._opened is not None and self._opened.done() and self._opened.exception() is None

    def _drop(self, account_id: str, last_use: int) -> None:
        if self.token_store.remove(account_id, last_use):
            self._balances.pop(account_id, None)
            self._not_scrubbed.pop(account_id, None)

    def start_demo(self) -> Account:
        """Make an account of its own at the stand-in KIE of this process."""
        token, base_url = demo_server.new_account()
        self.open()
        for old in self.token_store.demos()[: -MOST_DEMOS + 1][:OLDEST_DEMOS]:
            last_use = self.token_store.last_use(old)
            if not self._waits(old):
                self._drop(old, last_use)
        return self.token_store.add(token, base_url, demo=True)

    def set_demo_reachable(self, account: Account, reachable: bool) -> None:
        """Point a demo account to the stand-in KIE, or to an address of this machine where nothing answers."""
        if account.demo:
            self.token_store.redirect_demo(account.id, demo_server.address() if reachable else demo_server.UNREACHABLE)

    def is_demo_reachable(self, account: Account) -> bool:
        """Whether a demo account points to the stand-in KIE."""
        return self.token_store.base_url(account.id) != demo_server.UNREACHABLE

    def ask_balance(self, account: Account) -> None:
        """Ask KIE how many credits are left, for `balance` to return."""
        self._note_balance(account.id, self._ask(account, _ask_balance))

    def balance(self, account: Account) -> Balance | None:
        """Return what KIE said last about the credits: at sign-in, at `ask_balance`, or after an attempt."""
        return self._balances.get(account.id)

    def music_task(self, account: Account, task_id: str) -> MusicTask:
        """Ask KIE for a task; calls within a second share one answer, from whatever tab. Raises `kie.KieError`."""
        ask = partial(self._look_up, account, lambda client: client.music_task(task_id))
        task = self._shared_calls.once(("task", account.id, task_id), ask, keep=1.0)
        self._interfaces.note_task(account.id, task_id, task)
        return task

    def timed_words(self, account: Account, task_id: str, audio_id: str) -> TimedWords:
        """Ask KIE when each word of a track is sung; once, because it may cost. Raises `kie.KieError`."""
        by_job = self._interfaces.is_of_job(account.id, task_id)
        ask = partial(self._look_up, account, lambda client: client.timed_words(task_id, audio_id, by_job=by_job))
        return self._shared_calls.once(("words", account.id, audio_id), ask)

    def cached_timed_words(self, account: Account, audio_id: str) -> TimedWords | None:
        """Return a track's timed words if KIE was asked for them, or None."""
        found: TimedWords | None = self._shared_calls.cached(("words", account.id, audio_id))
        return found

    def create_persona(
        self,
        account: Account,
        request: PersonaRequest,
        replaces: Seen | None = None,
        *,
        author: str = "",
        track: Track | None = None,
    ) -> Attempt:
        """File a request for a persona and have it sent; one in flight for the track, or of a double click, counts.

        Raises `NeedsDecision` if a person has to decide first (`replaces` is the decision: an earlier attempt in the
        state that was seen), `NotAllowed` if that attempt is not there any more or the token is not known any more, and
        `NotSaved` if nothing could be written; then nothing is sent. `author` is who asked; `track` is written to the
        attempt as it is now.
        """
        kind, body = self._interfaces.choose(account.id, request.task_id, PERSONA, body_of(request.payload()))
        earlier = self._ready()[0].get(account.id, replaces.id) if replaces is not None else None
        if earlier is not None and earlier.body and earlier.request == request:
            kind, body = kind_named(earlier.kind), earlier.body  # asked again exactly as it was
        return self._file(account, kind, body, replaces, request=request, author=author, track=track)

    def says_change_of_interface(self, attempt: Attempt) -> bool:
        """Whether to say with this persona that KIE does not offer the direct call any more: with the first only."""
        return self._interfaces.says_change(attempt)

    def start_boost(self, account: Account, content: str, *, author: str = "") -> Attempt:
        """Have KIE make a description richer, for credits; while the same text is in flight, that attempt is returned.

        Raises `NotSaved` if nothing could be written and so nothing is sent, and `NotAllowed` if the token is not known
        any more.
        """
        return self._file(account, BOOST, body_of({"content": content}), author=author)

    def _file(self, account: Account, kind: Kind, body: str, replaces: Seen | None = None, **details: Any) -> Attempt:
        store, engine = self._ready()
        before = self._balances.get(account.id, Balance(None)).credits
        try:
            with self.token_store.filing(account.id):  # signing out meanwhile keeps the token for it
                attempt, new = store.add(account.id, kind, body, replaces, credits_before=before, **details)
        except InvalidInput as error:
            raise NotAllowed(error.sentence) from error
        if new:
            engine.serve_soon(account.id)
        return attempt

    def look_again(self, account: Account, attempt_id: str) -> bool:
        """Have KIE asked once more what became of an unknown attempt's handle; return whether it is asked."""
        store, engine = self._ready()
        done = store.look_again(account.id, attempt_id)
        self.changes.notify(attempt_id)
        engine.serve_soon(account.id)
        return done

    def cancel(self, account: Account, attempt_id: str) -> bool:
        """Cancel an attempt that is queued; return whether it still was."""
        store, _ = self._ready()
        done = store.cancel(account.id, attempt_id)
        self.changes.notify(attempt_id)
        return done

    def send_held(self, account: Account, attempt_id: str) -> bool:
        """Have a held attempt sent; return whether it was held."""
        store, engine = self._ready()
        done = store.send_held(account.id, attempt_id)
        self.changes.notify(attempt_id)
        engine.serve_soon(account.id)
        return done

    def attempt(self, account: Account, attempt_id: str) -> Attempt | None:
        """Return one attempt of this account, or None.

        While the database cannot be read it comes from this process's memory; raises `NotSaved` if it is not there.
        """
        store, engine = self._ready()
        try:
            attempt = store.get(account.id, attempt_id)
        except NotSaved:
            if remembered := engine.remembered(account.id, attempt_id):
                return remembered
            raise
        return attempt.with_unsaved(engine.unsaved.get(attempt.id)) if attempt else None

    def history(self, account: Account, limit: int) -> list[Attempt]:
        """Return the newest attempts of this account that asked for a persona."""
        store, engine = self._ready()
        return [attempt.with_unsaved(engine.unsaved.get(attempt.id)) for attempt in store.newest(account.id, limit)]

    @property
    def answers(self) -> bool:
        """Whether the database answered when it was used last."""
        store, _ = self._ready()
        return store.database.answers

    def _states(self, attempt_ids: Sequence[str]) -> Mapping[str, object]:
        """Return `Attempt.state` of attempts, with outcomes that could not be written, for `changes`."""
        store, engine = self._ready()
        return store.states(attempt_ids, dict(engine.unsaved))

    @property
    def batches(self) -> Batches:
        """The batches. Raises `NotSaved` if the database cannot be used."""
        from studio.sending.batches import Batches

        store, _ = self._ready()
        return Batches(store)

    @property
    def library(self) -> Library:
        """The library. Raises `NotSaved` if the database cannot be used."""
        from studio.library.edits import Library

        store, engine = self._ready()
        return Library(store.database, engine.unsaved, self._clean_up_soon)

    def _clean_up_soon(self) -> None:
        if self._scrub is not None:
            self._scrub.clean_up_soon()

    def _ask(self, account: Account, call: Callable[[KieClient], T]) -> T:
        client = self.token_store.client(account.id)
        if client is None:
            raise InvalidInput("token", "Token: it is not known any more. Paste it again.")
        with client:
            return call(client)

    def _look_up(self, account: Account, call: Callable[[KieClient], T]) -> T:
        found = self._ask(account, call)
        self._note_accepted(account.id)
        return found

    def _ready(self) -> tuple[Store, Engine]:
        try:
            return self.open().result(OPEN_PATIENCE)
        except TimeoutError as error:
            raise NotSaved("The database is still being opened. Try again in a moment.") from error
        except Exception as error:
            raise NotSaved(str(error) if isinstance(error, DatabaseTooNew) else "") from error


def _ask_balance(client: KieClient) -> Balance:
    try:
        return Balance(client.credits())
    except KieError as error:
        return Balance(None, error)


_lock = threading.Lock()
_studio: Studio | None = None


def the_studio() -> Studio:
    """Return this process's studio, made from the settings at the first call."""
    global _studio
    with _lock:
        if _studio is None:
            _studio = Studio(settings.load())
        return _studio


def replace_the_studio(studio: Studio | None) -> Studio | None:
    """Use this studio, or with None a new one, from now on; return the one before."""
    global _studio
    with _lock:
        before, _studio = _studio, studio
    return before


def close_the_studio() -> None:
    """Close this process's studio, if there is one; the next call makes a new one."""
    studio = replace_the_studio(None)
    if studio is not None:
        studio.close()
