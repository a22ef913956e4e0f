"""The buttons that ask for a persona: they read the fields, file a request, and note which attempt the page shows.

Nothing is sent here.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import streamlit as st

from kie import PersonaRequest, Problem, Track
from studio.facade import NotSaved, the_studio
from studio.people.token_store import Account
from studio.sending.attempts import Attempt, NeedsDecision, NotAllowed, Seen
from views.shared import field_values, visitor
from views.shared.screen_state import PersonaRequests, SongLookup, state

KNOWN_BY_NOW = Problem("create", "Its outcome is known by now, so nothing was sent. Look at it, then decide again.")
ASK_AGAIN = "Ask KIE again with exactly the same text"
NO_TOKEN = "Token: paste your KIE token in the sidebar first, or try the demo."


def create() -> None:
    """Check the fields, and ask for the persona; the first click of a double one counts."""
    account = visitor.account()
    if account is None:
        _refuse(account, Problem("token", NO_TOKEN))
    else:
        _send_typed(account)


def send_over(earlier: Seen) -> None:
    """Send what the fields say although the track has a persona: the person has decided to replace its text."""
    account = visitor.account()
    if account is not None:
        _send_typed(account, earlier)


def ask_again(seen: Seen) -> None:
    """Send an attempt whose outcome is unknown again, unchanged."""
    account = visitor.account()
    if account is None:
        return
    try:
        earlier = the_studio().attempt(account, seen.id)
    except NotSaved as error:
        _refuse(account, Problem("create", error.sentence()))
        return
    if earlier is not None:
        _send(account, earlier.request, seen, None if earlier.origin else earlier.track)  # no addresses from a file


def shown_attempt(account: Account | None) -> Attempt | None:
    """Return the attempt that this page is about; its ID stands in the address, so a reload shows it again.

    A page that was reloaded before its address could change shows what its browser still waits for.
    """
    if account is None:
        return None
    requests, browsers, session_key = state(PersonaRequests, account), the_studio().browsers, visitor.session_key()
    if requests.attempt_id is None:
        requests.attempt_id = st.query_params.get("attempt", "") or browsers.expected_outcome(session_key)
    show_in_address(requests.attempt_id)
    attempt = the_studio().attempt(account, requests.attempt_id) if requests.attempt_id else None
    if attempt is not None and not attempt.in_flight:
        browsers.outcome_shown(session_key, attempt.id)
    return attempt


def show_in_address(attempt_id: str) -> None:
    """Let the page's address name the attempt that is open, or none with ""."""
    if attempt_id and attempt_id != st.query_params.get("attempt", ""):
        st.query_params["attempt"] = attempt_id
    elif not attempt_id:
        st.query_params.pop("attempt", None)


def start_over() -> None:
    """Clear the fields for the next persona."""
    field_values.clear()
    close_outcome()
    state(SongLookup, visitor.account()).clear()


def close_outcome() -> None:
    """Take the last outcome off the page; it stays in the history."""
    _note(state(PersonaRequests, visitor.account()))


def stop_waiting(attempt_id: str) -> None:
    """Cancel an attempt that waits to be sent, or to be sent again."""
    _change(lambda account: the_studio().cancel(account, attempt_id))


def send_held(attempt_id: str) -> None:
    """Have an attempt sent that was held after a backup was brought back."""
    _change(lambda account: the_studio().send_held(account, attempt_id))


def look_again(attempt_id: str) -> None:
    """Have KIE asked once more what became of an attempt that it accepted."""
    _change(lambda account: the_studio().look_again(account, attempt_id))


def _change(change: Callable[[Account], object]) -> None:
    account = visitor.account()
    if account is not None:
        with suppress(NotSaved):  # the page says so
            change(account)


def _send_typed(account: Account, replaces: Seen | None = None) -> None:
    request, problems = _typed(account)
    if problems:
        _refuse(account, *problems)
    else:
        _send(account, request, replaces, state(SongLookup, account).track(request.audio_id))


def _send(account: Account, request: PersonaRequest, replaces: Seen | None, track: Track | None) -> None:
    requests, session_key, author = state(PersonaRequests, account), visitor.session_key(), visitor.author()
    track = track or state(SongLookup, account).track(request.audio_id)
    # From here on nothing touches Streamlit: no interruption can come between the request and its note.
    try:
        attempt = the_studio().create_persona(account, request, replaces, author=author, track=track)
    except NeedsDecision as needed:
        if needed.stale:
            _note(requests, attempt_id=needed.earlier.id, problems=(KNOWN_BY_NOW,))
        else:
            _note(requests, decision_id=needed.earlier.id)
    except (NotSaved, NotAllowed) as error:
        sentence = error.sentence() if isinstance(error, NotSaved) else str(error)
        _note(requests, problems=(Problem("create", sentence),))
    else:
        _note(requests, attempt_id=attempt.id)
        requests.announce_id = attempt.id
        if session_key:
            the_studio().browsers.expect_outcome(session_key, attempt.id)


def _typed(account: Account) -> tuple[PersonaRequest, list[Problem]]:
    """Return what to ask for and what is wrong with it; a short track gets a window also before the fields show it."""
    from studio.song import best_window

    request = field_values.typed()
    track = state(SongLookup, account).track(request.audio_id)
    duration = track.duration if track is not None else None
    fits = best_window.default(duration)
    if fits is not None and request.vocal_start is None and request.vocal_end is None:
        request = replace(request, vocal_start=fits[0], vocal_end=fits[1])
    return request, [*request.problems(duration), *_track_problems(account, request)]


def _track_problems(account: Account, request: PersonaRequest) -> list[Problem]:
    """Return that the track is none of the song's, where KIE was asked for the song and listed its tracks."""
    task = state(SongLookup, account).task
    listed = task is not None and task.task_id == request.task_id and task.tracks
    if not listed or not request.audio_id or task is None or task.track(request.audio_id) is not None:
        return []
    return [Problem("audio_id", "Audio ID: it is no track of this song. Choose one of the tracks above.")]


def _refuse(account: Account | None, *problems: Problem) -> None:
    _note(state(PersonaRequests, account), problems=problems)


def _note(
    requests: PersonaRequests, *, attempt_id: str = "", decision_id: str = "", problems: tuple[Problem, ...] = ()
) -> None:
    """Show this one thing on the page instead of what was there."""
    requests.attempt_id, requests.decision_id, requests.problems = attempt_id, decision_id, problems
