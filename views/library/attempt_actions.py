"""What the library's buttons and fields do with an attempt. Each is written at once; nothing is sent here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from kie import KieError, PersonaRequest
from studio.facade import NotSaved, the_studio
from studio.sending.attempts import NotAllowed, Seen
from views.create import actions
from views.shared import sign_in, token_panel


def settle_in(account_id: str) -> None:
    """Forget what this session had open, said or chosen for another account."""
    state = st.session_state
    if state.setdefault("library_account", account_id) != account_id:
        for key in ("library_open", "library_message", "library_preview", "library_page", "imported", "not_imported"):
            state.pop(key, None)
        state.library_account = account_id


def opened() -> str:
    """Return the ID of the attempt that is open; it stands in the address too."""
    state = st.session_state
    if "library_open" not in state:
        state.library_open = st.query_params.get("attempt", "")
    attempt_id: str = state.library_open
    if attempt_id and attempt_id != st.query_params.get("attempt", ""):
        st.query_params["attempt"] = attempt_id
    elif not attempt_id:
        st.query_params.pop("attempt", None)
    return attempt_id


def open_attempt(attempt_id: str) -> None:
    """Show one attempt, or with "" none."""
    st.session_state.library_open = attempt_id
    st.session_state.pop("library_message", None)


def message(place: str = "") -> dict[str, Any]:
    """Return what the last change has to say: its `sentence`, whether it is `bad`, and what `undo` brings back.

    It stands at the top of the page, or with a `place` beside the field that it is about.
    """
    found: dict[str, Any] = st.session_state.get("library_message", {})
    return found if found.get("place", "") == place else {}


def trouble(place: str) -> None:
    """Say beside a field what kept it from being written."""
    with st.container():  # a place of its own, so that what is open below stays open
        if message(place):
            st.error(message(place)["sentence"])


def star(attempt_id: str, favourite: bool) -> None:
    """Mark or unmark a favourite."""
    _write(lambda account: the_studio().library.annotate(account, attempt_id, favourite=favourite))


def note(attempt_id: str) -> None:
    """Keep the note as it was typed."""
    text = str(st.session_state.get(f"note_{attempt_id}") or "")
    _write(lambda account: the_studio().library.annotate(account, attempt_id, note=text), "note")


def tags(attempt_id: str) -> None:
    """Keep the tags as they were chosen."""
    chosen = list(st.session_state.get(f"tags_{attempt_id}") or ())
    _write(lambda account: the_studio().library.annotate(account, attempt_id, tags=chosen), "tags")


def used(attempt_id: str) -> None:
    """Note what the persona was used for, and empty the field for the next."""
    key, author = f"used_{attempt_id}", sign_in.author()
    where = str(st.session_state.get(key) or "")
    if _write(lambda account: the_studio().library.record_use(account, attempt_id, where, author), "used"):
        st.session_state[key] = ""


def look_up(attempt_id: str, request: PersonaRequest) -> None:
    """Ask KIE for the song and keep what it says of the track."""
    account = token_panel.current()
    if account is None:
        return
    try:
        task = the_studio().music_task(account, request.task_id)
    except KieError as error:
        _say(f"{error.sentence} {error.next_step}", bad=True, place="track")
        return
    track = next((track for track in task.tracks if track.audio_id == request.audio_id), None)
    if track is None:
        _say("KIE no longer lists this track.", bad=True, place="track")
    else:
        _write(lambda account: the_studio().library.record_track(account, attempt_id, track))


def change_and_try_again(request: PersonaRequest) -> None:
    """Open the create page with everything filled in."""
    state = st.session_state
    for field in (*actions.FIELDS, *actions.WINDOW):
        state[field] = getattr(request, field)
    state.style = request.style or ""
    actions.forget_outcome()
    st.switch_page(actions.CREATE_PAGE)


def ask_again(seen: Seen) -> None:
    """Send an unknown attempt again, unchanged, and watch it on the create page."""
    actions.ask_again(seen)
    st.switch_page(actions.CREATE_PAGE)


def not_made(attempt_id: str) -> None:
    """Take the person's word that KIE made nothing."""
    author = sign_in.author()
    _write(lambda account: the_studio().library.not_made(account, attempt_id, author))


def found_by_hand(attempt_id: str) -> None:
    """Keep the persona ID that the person found in KIE's logs."""
    author, typed = sign_in.author(), str(st.session_state.get(f"by_hand_{attempt_id}") or "")
    _write(lambda account: the_studio().library.found_by_hand(account, attempt_id, typed, author), "by_hand")


def delete(attempt_id: str, name: str) -> None:
    """Take an attempt out of the library, with a way back."""
    author = sign_in.author()
    if _write(lambda account: the_studio().library.delete(account, attempt_id, author)):
        open_attempt("")
        _say("Deleted from this library. KIE keeps its own.", undo=attempt_id, name=name)
        st.toast("Deleted. **Undo** is at the top of the page.", icon=":material/delete:")  # which may be out of sight


def restore(attempt_id: str) -> None:
    """Bring a deleted attempt back, and show it."""
    author = sign_in.author()
    if _write(lambda account: the_studio().library.restore(account, attempt_id, author)):
        open_attempt(attempt_id)
        _say("It is back in the library.")


def forget() -> None:
    """Erase all of an account's rows, if its ID was typed."""
    account = token_panel.current()
    if account is None or str(st.session_state.get("forget_account") or "").strip() != account.id:
        sentence = "Account: type the account’s 12 characters as they stand in the sidebar. Nothing was erased."
        _say(sentence, bad=True, place="forget")
        return
    erased: list[int] = []
    if _write(lambda mine: erased.append(the_studio().library.erase_account(mine))):
        open_attempt("")
        actions.forget_outcome()
        _say(f"Erased here, of this account: {erased[0]:,} " + ("attempt." if erased[0] == 1 else "attempts."))


def _write(change: Callable[[str], None], place: str = "") -> bool:
    """Do it for the account of this browser; say what kept it from being done, and beside its field what to mend."""
    account = token_panel.current()
    if account is None:
        return False
    st.session_state.pop("library_message", None)
    try:
        change(account.id)
    except ValueError as error:
        _say(str(error), bad=True, place=place)
        return False
    except NotAllowed as error:
        _say(str(error), bad=True)
        return False
    except NotSaved:
        _say("The disk could not be written, so nothing was changed.", bad=True)
        return False
    return True


def _say(sentence: str, *, bad: bool = False, undo: str = "", name: str = "", place: str = "") -> None:
    st.session_state.library_message = {"sentence": sentence, "bad": bad, "undo": undo, "name": name, "place": place}
