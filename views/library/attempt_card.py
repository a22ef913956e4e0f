"""One attempt, open: all that was sent and answered, what was decided since, and every way on."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime

import streamlit as st

from kie import Track
from studio.facade import the_studio
from studio.library.search_query import CLAIMED, LONGEST_NOTE, LONGEST_USE, MOST_TAGS
from studio.people.token_store import Account
from studio.sending.attempts import Attempt, Event, Settled, Status
from studio.sending.kinds import kind_named
from studio.song import allowed_media
from views.library import attempt_actions
from views.shared import (
    attempt_progress,
    downloads,
    error_boxes,
    field_values,
    persona_requests,
    status,
    times,
    track_card,
    visitor,
)
from views.shared.elements import button, fact, literal
from views.shared.screen_state import OpenAttempt, state

COVER = 76
"""Pixels; small enough to leave the words beside it on a phone."""
EVENTS_SHOWN = 50
LONGEST_DETAIL = 5000
"""Characters of an event's detail on the page; the JSON Lines have all."""
SETTLED = {
    Settled.ASKED_AGAIN: "The same request was sent again later, and KIE answered that one.",
    Settled.NOT_MADE: "You said that KIE made nothing.",
    Settled.BY_HAND: "This ID was typed in by hand, from KIE’s logs.",
}
EVENTS = {
    "asked_again": "Sent again with exactly the same text",
    "replaced": "Sent again with another text, which may have replaced this one at KIE",
    "by_job": "KIE refused the direct call, so it goes on as a job",
    "looked_again": "Looked for at KIE again",
    "late_answer": "KIE’s answer came after it had been given up",
    "not_made": "Marked as not made",
    "by_hand": "Persona ID typed in by hand",
    "used": "Used",
    "from_file": "Changed by a file; what stood here before:",
    "imported": "Brought in from a file",
    "deleted": "Deleted from this library",
    "restored": "Brought back",
}


def show(account: Account, attempt: Attempt) -> None:
    """Show the attempt as a card."""
    with st.container(border=True, key="library_detail"):
        _head(attempt)
        if attempt.deleted_at is not None:
            button("Bring it back", "library_restore", "undo", attempt_actions.restore, attempt.id, of=attempt.id)
        with st.container():  # a place of its own, so that what is open below stays open when it changes
            _outcome(account, attempt)
        fact("Name", attempt.request.name or "No name")
        fact("Description", attempt.request.description or "No description")
        if attempt.request.style:
            fact("Style", attempt.request.style)
        with st.container():
            _ways_out(account, attempt)
        _track(account, attempt)
        _notes_and_tags(account, attempt)
        if attempt.persona_id:
            _uses(account, attempt)
        _story(account, attempt)
        _papers(attempt)
        _delete(attempt)


def _head(attempt: Attempt) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        status.badge(attempt.status)
        button(
            "★ Favourite" if attempt.favourite else "☆ Add to favourites",
            "library_star",
            "",
            attempt_actions.star,
            attempt.id,
            not attempt.favourite,
            of=attempt.id,
            type="tertiary",
        )
        button("Close", "library_close", "close", attempt_actions.open_attempt, "", type="tertiary")


def _outcome(account: Account, attempt: Attempt) -> None:
    if attempt.in_flight:
        attempt_progress.show(account, attempt, "library_card_waiting")
    if attempt.persona_id:
        with st.container(gap="xxsmall"):
            literal(attempt.persona_id, "Persona ID")
    error_boxes.unsaved(attempt)
    if attempt.settled is not Settled.NOT:
        st.markdown(f":material/person_edit: {SETTLED[attempt.settled]}")
    if attempt.status is Status.REFUSED and attempt.settled is Settled.NOT:
        error_boxes.show_refusal(attempt)


def _ways_out(account: Account, attempt: Attempt) -> None:
    if attempt.status is Status.REFUSED:
        button(
            "Change and try again",
            "library_change",
            "edit",
            attempt_actions.change_and_try_again,
            attempt.request,
            of=attempt.id,
            type="primary",
        )
    elif attempt.status is Status.UNKNOWN and attempt.settled is Settled.NOT:
        meaning = error_boxes.meaning_of(attempt)
        st.markdown(f"**{meaning.sentence}** {meaning.next_step}")
        error_boxes.job(attempt, "library_look_again")
        error_boxes.seen_id(attempt)
        error_boxes.show_kie_message(attempt.code, attempt.message)
        button(
            persona_requests.ASK_AGAIN,
            "library_ask_again",
            "refresh",
            attempt_actions.ask_again,
            attempt.seen,
            of=attempt.id,
            type="primary",
        )
        with st.expander("I found the ID in KIE’s logs", icon=":material/manage_search:"):
            st.caption("KIE lists its calls for two months at kie.ai/logs. Copy the persona ID from there.")
            st.text_input("Persona ID", key=f"by_hand_{attempt.id}", max_chars=field_values.LONGEST_ID)
            attempt_actions.trouble(account, "by_hand")
            button("Keep this ID", "library_by_hand", "", attempt_actions.found_by_hand, attempt.id, of=attempt.id)
        with st.expander("It was not made, let me change it", icon=":material/edit:"):
            st.caption(
                "Choose this only if KIE’s logs show no such call: if the persona exists after all, another text "
                "could replace its name and description."
            )
            button("It was not made", "library_not_made", "", attempt_actions.not_made, attempt.id, of=attempt.id)


def _track(account: Account, attempt: Attempt) -> None:
    request, track = attempt.request, attempt.track
    st.caption("Track")
    made = track.created_at if track is not None else None
    alive = made is None or made > datetime.now(UTC) - times.MEDIA_LIFE
    if track is not None:
        shown = track if alive else replace(track, image_url="", audio_url="")
        if attempt.origin:
            shown = _on_a_click(account, attempt, shown)
        with st.container(horizontal=True, vertical_alignment="center"):
            track_card.cover(account, shown, COVER)
            with st.container(gap="xxsmall", width="stretch"):
                track_card.facts(track)
        track_card.sound(account, shown)
    if made is not None:
        st.caption(times.media_clock(made) + (" The persona stays." if attempt.persona_id else ""))
    with st.container(horizontal=True):
        if track is not None and track.audio_url and alive:
            base_url = the_studio().token_store.base_url(account.id)
            downloads.button(
                "Keep the source clip",
                "library_clip",
                request.audio_id + (".wav" if track.audio_url.endswith(".wav") else ".mp3"),
                "application/octet-stream",
                ":material/download:",
                account,
                lambda: io.BytesIO(allowed_media.download(track.audio_url, base_url)),
            )
        if request.task_id and (track is None or not track.audio_url):
            button(
                "Look the track up at KIE",
                "library_look_up",
                "search",
                attempt_actions.look_up,
                attempt.id,
                request,
                of=attempt.id,
            )
    attempt_actions.trouble(account, "track")


def _on_a_click(account: Account, attempt: Attempt, track: Track) -> Track:
    """Return a track that came from a file without its addresses, until a person asked to load just these."""
    hosts, of = track_card.hosts(account, track), state(OpenAttempt, account, attempt.id)
    addresses = track.image_url, track.audio_url
    if not hosts or of.media == addresses:
        return track
    st.text(f"It came from a file, so nothing is loaded by itself. Its cover and sound are at: {', '.join(hosts)}")
    button("Load the cover and the sound", "library_media", "download", of.load, addresses, of=attempt.id)
    return replace(track, image_url="", audio_url="")


def _notes_and_tags(account: Account, attempt: Attempt) -> None:
    st.text_area(
        "Note",
        value=attempt.note,
        key=f"note_{attempt.id}",
        max_chars=LONGEST_NOTE,
        height=80,
        placeholder="What is it good for? Saved as soon as you leave the field.",
        on_change=visitor.for_this_account(attempt_actions.note),
        args=(attempt.id,),
    )
    attempt_actions.trouble(account, "note")
    st.multiselect(
        "Tags",
        sorted({*the_studio().library.tags(account.id), *attempt.tags}, key=str.casefold),
        default=list(attempt.tags),
        key=f"tags_{attempt.id}",
        accept_new_options=True,
        max_selections=MOST_TAGS,
        placeholder="Choose, or type a new one",
        on_change=visitor.for_this_account(attempt_actions.tags),
        args=(attempt.id,),
    )
    attempt_actions.trouble(account, "tags")


def _uses(account: Account, attempt: Attempt) -> None:
    st.text_input(
        "Used for",
        key=f"used_{attempt.id}",
        max_chars=LONGEST_USE,
        placeholder="A song or a project; press Enter",
        on_change=visitor.for_this_account(attempt_actions.used),
        args=(attempt.id,),
    )
    attempt_actions.trouble(account, "used")
    total = the_studio().library.count_events(account.id, attempt.id, kind="used")
    for event in reversed(_events(account, attempt, total, "used")):
        st.text(f"{times.told(event.at)}  {_short(event.detail.get('for', ''))}{_by(event.author)}")


def _events(account: Account, attempt: Attempt, total: int, kind: str = "") -> list[Event]:
    """Return the newest events, or the older ones that a person turned to; offer to turn to others."""
    of = state(OpenAttempt, account, attempt.id)
    skipped = of.skipped.get(kind, 0) if of.skipped.get(kind, 0) < total else 0
    if total > EVENTS_SHOWN:
        first, last = max(1, total - skipped - EVENTS_SHOWN + 1), total - skipped
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"{first:,} to {last:,} of {total:,}")
            earlier, later = skipped + EVENTS_SHOWN, max(0, skipped - EVENTS_SHOWN)
            key = f"library_events_{kind}"
            button("Earlier", f"{key}_earlier", "chevron_left", of.turn, kind, earlier, disabled=first == 1)
            button("Later", f"{key}_later", "chevron_right", of.turn, kind, later, disabled=not skipped)
    return the_studio().library.events(account.id, attempt.id, kind=kind, skip=skipped, limit=EVENTS_SHOWN)


def _by(author: str) -> str:
    return f" {CLAIMED}" if author == CLAIMED else f", by {author}" if author else ""


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_DETAIL else f"{text[:LONGEST_DETAIL]} … (the JSON Lines have all of it)"


def _story(account: Account, attempt: Attempt) -> None:
    library = the_studio().library
    lines: list[tuple[datetime, str, dict[str, str], str]] = [
        (attempt.created_at, "Filed" if not attempt.origin else "Filed (brought in from a file)", {}, attempt.author)
    ]
    if attempt.sent_at:
        tries = "a try" if attempt.repeats == 1 else f"{attempt.repeats} tries"
        again = f", after {tries} that KIE certainly did not act on" if attempt.repeats else ""
        by_job = " as a job" if kind_named(attempt.kind).operation.is_job else ""
        lines.append((attempt.sent_at, f"Sent{by_job}{again}", {}, ""))
    if attempt.ended_at and attempt.sent_at:
        took = (attempt.ended_at - attempt.sent_at).total_seconds()
        lines.append((attempt.ended_at, f"Ended, {took:.1f} s after it was sent", {}, ""))
    total = library.count_events(account.id, attempt.id)
    with st.expander(f"Its story ({len(lines) + total:,})", icon=":material/history:"):
        for event in _events(account, attempt, total):
            lines.append((event.at, EVENTS.get(event.kind, event.kind), event.detail, event.author))
        for moment, sentence, told, author in sorted(lines, key=lambda line: line[0]):
            st.text(f"{times.told(moment)}  {sentence}{_by(author)}")
            rest = {name: value for name, value in told.items() if name != "by" and value}
            if rest:
                literal(_short("\n".join(f"{name}: {value}" for name, value in rest.items())))
        # A file may bring attempts that name each other, or themselves.
        others = {attempt.replaces: "The earlier attempt for this track"}
        others |= {other.id: "The later attempt for this track" for other in library.sent_again(account.id, attempt.id)}
        for other_id, label in others.items():
            if other_id in ("", attempt.id):
                continue
            button(label, f"open_{other_id}", "link", attempt_actions.open_attempt, other_id)


def _sent_body(attempt: Attempt) -> object:
    """Return the body that was sent; rows of the first versions, and files, may have none."""
    try:
        return json.loads(attempt.body)
    except ValueError:
        return attempt.request.payload()


def _papers(attempt: Attempt) -> None:
    with st.expander("All that was sent and answered", icon=":material/description:"):
        st.caption("Sent to KIE (the token is never kept)")
        sent = _sent_body(attempt)
        st.code(json.dumps(sent, indent=2, ensure_ascii=False), language="json", wrap_lines=True)
        literal(attempt.raw or "None was kept.", "KIE’s answer as it came")
        facts = {
            "Attempt": attempt.id,
            "HTTP status": attempt.http_status,
            "KIE’s job": attempt.outcome.handle,
            "KIE’s code": attempt.code,
            "KIE’s message": attempt.message,
            "Credits before": attempt.credits_before,
            "Credits after": attempt.credits_after,
            "Made by": attempt.author,
        }
        st.text("\n".join(f"{label}: {value}" for label, value in facts.items() if value not in (None, "")))


def _delete(attempt: Attempt) -> None:
    if attempt.in_flight or attempt.deleted_at is not None:
        return
    with st.popover("Delete", icon=":material/delete:", type="tertiary"):
        st.markdown("Only this library forgets it; at KIE nothing changes. You can undo it.")
        button(
            "Delete from this library",
            "library_delete",
            "delete",
            attempt_actions.delete,
            attempt.id,
            attempt.request.name,
            of=attempt.id,
        )
