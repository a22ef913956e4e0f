"""What the library's buttons and fields do with an attempt. Each is written at once; nothing is sent here."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from kie import KieError, PersonaRequest
from studio.facade import NotSaved, the_studio
from studio.people.token_store import Account
from studio.sending.attempts import NotAllowed, Seen
from views.shared import field_values, persona_requests, visitor
from views.shared.screen_state import LibraryPage, Message, Trouble, state


def opened(account: Account) -> str:
    """Return the ID of the attempt that is open; it stands in the address too."""
    library = state(LibraryPage, account)
    if library.attempt_id is None:
        library.attempt_id = st.query_params.get("attempt", "")
    persona_requests.show_in_address(library.attempt_id)
    return library.attempt_id


def open_attempt(attempt_id: str) -> None:
    """Show one attempt, or with "" none."""
    account = visitor.account()
    if account is not None:
        library = state(LibraryPage, account)
        library.attempt_id, library.message = attempt_id, None


def trouble(account: Account, place: str) -> None:
    """Say beside a field what kept it from being written."""
    message = state(LibraryPage, account).message
    with st.container():  # a place of its own, so that what is open below stays open
        if message is not None and message.place == place:
            st.error(message.sentence)


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
    key, author = f"used_{attempt_id}", visitor.author()
    where = str(st.session_state.get(key) or "")
    if _write(lambda account: the_studio().library.record_use(account, attempt_id, where, author), "used"):
        st.session_state[key] = ""


def look_up(attempt_id: str, request: PersonaRequest) -> None:
    """Ask KIE for the song and keep what it says of the track."""
    account = visitor.account()
    if account is None:
        return
    try:
        task = the_studio().music_task(account, request.task_id)
    except KieError as error:
        _say(Message(Trouble.of(error).sentence, bad=True, place="track"))
        return
    track = task.track(request.audio_id)
    if track is None:
        _say(Message("KIE no longer lists this track.", bad=True, place="track"))
    else:
        _write(lambda account: the_studio().library.record_track(account, attempt_id, track))


def change_and_try_again(request: PersonaRequest) -> None:
    """Open the create page with everything filled in."""
    field_values.fill_all(request)
    persona_requests.close_outcome()
    st.switch_page(field_values.PAGE)


def ask_again(seen: Seen) -> None:
    """Send an unknown attempt again, unchanged, and watch it on the create page."""
    persona_requests.ask_again(seen)
    st.switch_page(field_values.PAGE)


def not_made(attempt_id: str) -> None:
    """Take the person's word that KIE made nothing."""
    author = visitor.author()
    _write(lambda account: the_studio().library.not_made(account, attempt_id, author))


def found_by_hand(attempt_id: str) -> None:
    """Keep the persona ID that the person found in KIE's logs."""
    author, typed = visitor.author(), str(st.session_state.get(f"by_hand_{attempt_id}") or "")
    _write(lambda account: the_studio().library.found_by_hand(account, attempt_id, typed, author), "by_hand")


def delete(attempt_id: str, name: str) -> None:
    """Take an attempt out of the library, with a way back."""
    author = visitor.author()
    if _write(lambda account: the_studio().library.delete(account, attempt_id, author)):
        open_attempt("")
        _say(Message("Deleted from this library. KIE keeps its own.", undo_id=attempt_id, name=name))
        st.toast("Deleted. **Undo** is at the top of the page.", icon=":material/delete:")  # which may be out of sight


def restore(attempt_id: str) -> None:
    """Bring a deleted attempt back, and show it."""
    author = visitor.author()
    if _write(lambda account: the_studio().library.restore(account, attempt_id, author)):
        open_attempt(attempt_id)
        _say(Message("It is back in the library."))


def forget() -> None:
    """Erase all of an account's rows, if its ID was typed."""
    account = visitor.account()
    if account is None or str(st.session_state.get("forget_account") or "").strip() != account.id:
        sentence = "Account: type the account’s 12 characters as they stand in the sidebar. Nothing was erased."
        _say(Message(sentence, bad=True, place="forget"))
        return
    erased: list[int] = []
    if _write(lambda mine: erased.append(the_studio().library.erase_account(mine))):
        open_attempt("")
        persona_requests.close_outcome()
        attempts = "attempt" if erased[0] == 1 else "attempts"
        _say(Message(f"Erased here, of this account: {erased[0]:,} {attempts}."))


def _write(change: Callable[[str], None], place: str = "") -> bool:
    """Do it for the account of this browser; say what kept it from being done, and beside its field what to mend."""
    account = visitor.account()
    if account is None:
        return False
    state(LibraryPage, account).message = None
    try:
        change(account.id)
    except ValueError as error:
        _say(Message(str(error), bad=True, place=place))
    except NotAllowed as error:
        _say(Message(str(error), bad=True))
    except NotSaved as error:
        _say(Message(error.sentence("changed"), bad=True))
    else:
        return True
    return False


def _say(message: Message) -> None:
    account = visitor.account()
    if account is not None:
        state(LibraryPage, account).message = message
