"""What buttons do: read the fields, hand them to the studio, remember which attempt to show. Nothing is sent here."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import streamlit as st

from kie import KieError, PersonaRequest, Problem, Track
from studio.facade import NotSaved, the_studio
from studio.people.token_store import Account
from studio.sending.attempts import Attempt, NeedsDecision, NotAllowed, Seen
from studio.song import text_draft
from views.shared import sign_in, token_panel

FIELDS = ("task_id", "audio_id", "name", "description", "style")
NOT_WRITTEN = Problem("create", "The disk could not be written, so nothing was sent. The log says why.")
KNOWN_BY_NOW = Problem("create", "Its outcome is known by now, so nothing was sent. Look at it, then decide again.")
NO_TOKEN = "Token: paste your KIE token in the sidebar first, or try the demo."
CREATE_PAGE = "../pages/create.py"
"""As st.switch_page wants it: seen from the router."""
WINDOW = ("vocal_start", "vocal_end")


def typed_request() -> PersonaRequest:
    """Return what the fields say, without surrounding white space."""
    state = st.session_state
    texts = {key: str(state.get(key) or "").strip() for key in FIELDS}
    return PersonaRequest(
        task_id=texts["task_id"],
        audio_id=texts["audio_id"],
        name=texts["name"],
        description=texts["description"],
        style=texts["style"] or None,
        vocal_start=_seconds(state.get("vocal_start")),
        vocal_end=_seconds(state.get("vocal_end")),
    )


def create() -> None:
    """Check the fields, and ask for the persona; the first click of a double one counts."""
    account = token_panel.current()
    if account is None:
        _refuse(Problem("token", NO_TOKEN))
        return
    request, problems = _request()
    if problems:
        _refuse(*problems)
    else:
        _send(account, request)


def send_over(earlier: Seen) -> None:
    """Send what the fields say although the track has a persona: the person has decided to replace its text."""
    account = token_panel.current()
    request, problems = _request()
    if problems:
        _refuse(*problems)
    elif account is not None:
        _send(account, request, earlier)


def ask_again(seen: Seen) -> None:
    """Send an attempt whose outcome is unknown again, unchanged."""
    account = token_panel.current()
    try:
        earlier = the_studio().attempt(account, seen.id) if account else None
    except NotSaved as error:
        _refuse(_not_written(error))
        return
    if account is not None and earlier is not None:
        _send(account, earlier.request, seen, earlier.track)


def memo() -> dict[str, Any]:
    """Return what this page remembers between runs: the attempt it shows, what was refused, what to decide.

    A plain dictionary, because Streamlit may end a run at every access to the session's state or the address: after a
    request was filed, what follows must not be lost to the second half of a double click.
    """
    found: dict[str, Any] = st.session_state.setdefault("memo", {})
    return found


def shown_attempt(account: Account | None) -> Attempt | None:
    """Return the attempt that this page is about; its ID stands in the address, so a reload shows it again.

    A page that was reloaded before its address could change shows what its browser still waits for.
    """
    if account is None:
        return None
    noted = memo()
    if "attempt" not in noted:
        noted["attempt"] = st.query_params.get("attempt", "") or the_studio().browsers.expected_outcome(
            sign_in.session_key()
        )
    attempt_id = noted["attempt"]
    if attempt_id and attempt_id != st.query_params.get("attempt", ""):
        st.query_params["attempt"] = attempt_id
    elif not attempt_id:
        st.query_params.pop("attempt", None)
    attempt = the_studio().attempt(account, attempt_id) if attempt_id else None
    if attempt is not None and not attempt.in_flight:
        the_studio().browsers.outcome_shown(sign_in.session_key(), attempt_id)
    return attempt


def start_over() -> None:
    """Clear the fields for the next persona."""
    for key in (*FIELDS, *WINDOW):
        st.session_state[key] = None if key in WINDOW else ""
    forget_outcome()
    for key in ("task", "task_problem", "task_wanted"):
        st.session_state.pop(key, None)


def forget_outcome() -> None:
    """Take the last outcome off the page; it stays in the history."""
    memo().update(attempt="", decision="", problems=())


def stop_waiting(attempt_id: str) -> None:
    """Cancel an attempt that waits to be sent, or to be sent again."""
    account = token_panel.current()
    if account is not None:
        with suppress(NotSaved):  # the page says so
            the_studio().cancel(account, attempt_id)


def send_held(attempt_id: str) -> None:
    """Have an attempt sent that was held after a backup was brought back."""
    account = token_panel.current()
    if account is not None:
        with suppress(NotSaved):  # the page says so
            the_studio().send_held(account, attempt_id)


def use_sibling(attempt: Attempt) -> None:
    """Fill in the other track of the same song, with a window of its own; the text stays."""
    account = token_panel.current()
    if account is None:
        return
    state = st.session_state
    try:
        task = the_studio().music_task(account, attempt.request.task_id)
    except KieError as error:
        state.task_problem = (f"{error.sentence} {error.next_step}", error.code, error.message)
        return
    other = next((track for track in task.tracks if track.audio_id != attempt.request.audio_id), None)
    if other is None:
        state.task_problem = ("KIE lists no other track for this song. Make a new song.", None, "")
        return
    for key in FIELDS:
        state[key] = state.get(key) or getattr(attempt.request, key) or ""
    state.update(task_id=task.task_id, task=task, task_problem=None)
    use_track(other)
    forget_outcome()


def use_track(track: Track) -> None:
    """Choose a track: its ID, a window of its own, and first words where nothing was typed."""
    state = st.session_state
    state.audio_id = track.audio_id
    for key, words in text_draft.suggested_texts(track).items():
        state[key] = state.get(key) or words
    state.vocal_start = state.vocal_end = None  # the chooser fits it to the track


def want_tracks() -> None:
    """Remember which task to look up. The page does it; if that run is interrupted, the next one does."""
    for key in ("task", "task_problem", "task_choices", "words_problem"):
        st.session_state.pop(key, None)
    problems = [problem for problem in typed_request().problems() if problem.field == "task_id"]
    if token_panel.current() is None:
        st.session_state.task_problem = (NO_TOKEN, None, "")
    elif problems:
        st.session_state.task_problem = (problems[0].sentence, None, "")
    else:
        st.session_state.task_wanted = typed_request().task_id


def _send(account: Account, request: PersonaRequest, replaces: Seen | None = None, track: Track | None = None) -> None:
    noted, browser, author = memo(), sign_in.session_key(), sign_in.author()
    track = track or _known_track(request.audio_id)
    # From here on nothing touches Streamlit: no interruption can come between the request and its note.
    try:
        attempt = the_studio().create_persona(account, request, replaces, author=author, track=track)
    except NeedsDecision as needed:
        if needed.stale:
            noted.update(attempt=needed.earlier.id, decision="", problems=(KNOWN_BY_NOW,))
        else:
            noted.update(attempt="", decision=needed.earlier.id, problems=())
    except (NotSaved, NotAllowed) as error:
        noted.update(attempt="", decision="", problems=(_not_written(error),))
    else:
        noted.update(attempt=attempt.id, unsaid=attempt.id, decision="", problems=())
        if browser:
            the_studio().browsers.expect_outcome(browser, attempt.id)


def _request() -> tuple[PersonaRequest, list[Problem]]:
    """Return what to ask for and what is wrong with it; a short track gets a window also before the fields show it."""
    from studio.song import best_window

    request = typed_request()
    duration = _known_duration(request.audio_id)
    fits = best_window.default(duration)
    if fits is not None and request.vocal_start is None and request.vocal_end is None:
        request = replace(request, vocal_start=fits[0], vocal_end=fits[1])
    return request, list(request.problems(duration))


def _not_written(error: NotSaved | NotAllowed) -> Problem:
    return Problem("create", str(error)) if str(error) else NOT_WRITTEN


def _refuse(*problems: Problem) -> None:
    memo().update(attempt="", decision="", problems=problems)


def _known_track(audio_id: str) -> Track | None:
    task = st.session_state.get("task")
    tracks = task.tracks if task is not None else ()
    return next((track for track in tracks if track.audio_id == audio_id), None)


def _known_duration(audio_id: str) -> float | None:
    track = _known_track(audio_id)
    return track.duration if track is not None else None


def _seconds(value: float | None) -> float | None:
    return None if value is None else round(float(value), 2)
