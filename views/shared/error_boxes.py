"""What stands on a page about trouble: the sentence, the next step, and below them what KIE or the connection said."""

from __future__ import annotations

import streamlit as st

from kie import Cause, Meaning, no_connection
from studio.facade import NotSaved
from studio.sending.attempts import Attempt, Status
from studio.sending.kinds import kind_named
from views.shared import persona_requests
from views.shared.elements import button, literal
from views.shared.screen_state import Trouble


def show(trouble: Trouble | None, icon: str, *, warning: bool = False) -> None:
    """Show what went wrong, if anything did, with what KIE said below it."""
    if trouble is not None:
        (st.warning if warning else st.error)(trouble.sentence, icon=icon)
        show_kie_message(trouble.code, trouble.message)


def meaning_of(attempt: Attempt) -> Meaning:
    """Return what the cause of an attempt's end means to a person, for what was asked."""
    if attempt.cause == Cause.NOT_CONNECTED.value:
        return no_connection(attempt.message)
    return kind_named(attempt.kind).operation.meaning_for(attempt.cause)


def show_refusal(attempt: Attempt) -> None:
    """Say in one paragraph why an attempt was refused, and what can be done."""
    meaning = meaning_of(attempt)
    st.markdown(f"**{meaning.sentence}** {meaning.next_step}")
    failed_later(attempt)
    show_kie_message(attempt.code, attempt.message)


def job(attempt: Attempt, key: str, *, disabled: bool = False) -> None:
    """Show the ID of the job that KIE accepted, and offer to ask for it once more."""
    if attempt.outcome.handle:
        literal(attempt.outcome.handle, "KIE’s job, as kie.ai/logs lists it")
        if not attempt.origin:
            look_again = persona_requests.look_again
            button("Look for it at KIE again", key, "search", look_again, attempt.id, of=attempt.id, disabled=disabled)


def failed_later(attempt: Attempt) -> None:
    """Say that KIE had accepted an attempt before it failed, if that is so."""
    if attempt.outcome.handle and attempt.status is Status.REFUSED:
        st.caption("KIE had accepted it, and it failed later. Others report that KIE gives credits back then.")


def database(error: NotSaved) -> None:
    """Say that nothing can be read or sent now, and why."""
    st.error(
        "The history cannot be read or written now, so nothing new will be sent. What is on disk stays there.",
        icon=":material/database_off:",
    )
    st.text(str(error) or "The server's log says why.")


def unsaved(attempt: Attempt) -> None:
    """Warn that a persona's ID is known and not written yet."""
    if not attempt.saved:
        st.error(
            "This ID could not be written to disk. Copy it now; the program keeps trying.", icon=":material/warning:"
        )


def seen_id(attempt: Attempt) -> None:
    """Show an ID that stands in an answer that broke off: KIE most likely made the persona that it names."""
    found = attempt.outcome.result.get("seen_id")
    if found:
        whole = attempt.outcome.handle  # of a job whose record could be read
        label = "Seen in the answer: this may be the" if whole else "Seen in the broken answer: this is most likely the"
        literal(str(found), f"{label} persona’s ID")


def show_kie_message(code: int | None, message: str) -> None:
    """Show KIE's own code and message; what a connection said is for experts, so it stands in a closed box."""
    words = " ".join(str(part) for part in (code, message) if part not in (None, ""))
    if words and code is not None:
        literal(words, "KIE’s own words")
    elif words:
        with st.expander("Technical details"):
            literal(words)
