"""The library's list: what is looked for, one page of it, and the attempt that is open beside it."""

from __future__ import annotations

import streamlit as st

from studio.facade import the_studio
from studio.library.search_query import Order, Query
from studio.people.token_store import Account
from studio.sending.attempts import Attempt
from views.library import attempt_actions, attempt_card
from views.shared import attempt_table, field_values, live_updates, status, times, visitor
from views.shared.elements import button
from views.shared.screen_state import LibraryPage, Message, state

ROWS = 50
MOST = 200
"""Attempts are counted up to here; beyond, "more than" is said."""
COLUMNS = "favourite status name created_at persona_id title tags description author"


def show(account: Account) -> None:
    """Show the list with its filters, and beside it the attempt that is open."""
    place = state(LibraryPage, account)
    with st.container():  # a place of its own, so that the fields below stay where they are
        _message(place.message)
    query = _query(place)
    open_id = attempt_actions.opened(account)
    attempt = the_studio().attempt(account, open_id) if open_id else None
    if open_id and attempt is None:
        st.warning("This attempt is not in the library of this account.", icon=":material/search_off:")
    if attempt is None:
        _list(account, query, "")
        return
    left, right = st.columns([5, 4], gap="large")
    with left:
        _list(account, query, attempt.id)
    with right:
        attempt_card.show(account, attempt)


def current_query() -> Query:
    """Return what is looked for now, from the widgets' state."""
    fields = st.session_state
    days = fields.get("library_days") or ()
    since, until = (days[0], days[-1]) if isinstance(days, tuple | list) and days else (None, None)
    return Query(
        text=str(fields.get("library_search") or "")[:200],
        statuses=tuple(each for word in fields.get("library_outcomes") or () for each in status.BY_WORD[word]),
        favourites=bool(fields.get("library_favourites")),
        since=times.midnight(since) if since else None,
        until=times.midnight(until, days=1) if until else None,
        deleted=bool(fields.get("library_deleted")),
        order=Order(fields.get("library_order") or Order.NEWEST),
    )


def _query(place: LibraryPage) -> Query:
    def turn_back() -> None:
        place.page = 0

    first_page = visitor.for_this_account(turn_back)

    st.text_input(
        "Search",
        key="library_search",
        type="search",
        live="200ms",
        max_chars=200,
        icon=":material/search:",
        placeholder="Name, description, style, note, tag, track, ID",
        on_change=first_page,
        persist_state="session",
        label_visibility="collapsed",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.pills(
            "Outcome",
            list(status.BY_WORD),
            key="library_outcomes",
            selection_mode="multi",
            on_change=first_page,
            persist_state="session",
        )
        st.date_input(
            "From and to",
            value=[],  # both ends are open
            key="library_days",
            format="YYYY-MM-DD",
            on_change=first_page,
            persist_state="session",
            width=230,
        )
        st.selectbox(
            "Sorted by", list(Order), key="library_order", on_change=first_page, persist_state="session", width=190
        )
        st.toggle("Favourites only", key="library_favourites", on_change=first_page, persist_state="session")
        st.toggle("Deleted ones", key="library_deleted", on_change=first_page, persist_state="session")
    return current_query()


def _list(account: Account, query: Query, open_id: str) -> None:
    library, place = the_studio().library, state(LibraryPage, account)
    page = library.find(account.id, query, offset=place.page * ROWS, limit=ROWS)
    if not page.attempts and place.page:
        place.page = 0
        page = library.find(account.id, query, limit=ROWS)
    if not page.attempts:
        _nothing(query)
        return
    _table(page.attempts, query, place.page, open_id)
    others = [attempt for attempt in page.attempts if attempt.in_flight and attempt.id != open_id]
    if others:  # the one that is open looks after itself
        live_updates.show(account, others, key="library_waiting")
    _pager(place, len(page.attempts), page.more, library.count(account.id, query, MOST + 1))


def _nothing(query: Query) -> None:
    with st.container(border=True, key="library_nothing"):
        if query.deleted and query == Query(deleted=True, order=query.order):
            st.markdown(":material/delete: Nothing is deleted.")
        elif query != Query(order=query.order):
            st.markdown(":material/search_off: **Nothing fits.** Take a word or a filter away.")
        else:
            st.markdown(
                ":material/library_music: **Nothing here yet.** Each persona you ask for is kept here, whatever "
                "becomes of it. You can also bring some in from a file, below."
            )
            st.page_link(field_values.PAGE, label="Create a persona", icon=":material/mic:")


def _table(attempts: list[Attempt], query: Query, page: int, open_id: str) -> None:
    ids = [attempt.id for attempt in attempts]
    # Beside an open attempt it stands elsewhere, and is a table of its own: drawn at its old place before that was
    # cleared, the browser would bring the old selection back, and the same cell could not be chosen again.
    key = f"library_table_{hash((query, page, bool(open_id), *ids)) & 0xFFFFFFFF:x}"
    open_row = ids.index(open_id) if open_id in ids else None

    def choose() -> None:
        chosen = st.session_state[key].selection
        rows = [*(row for row, _ in chosen.cells), *chosen.rows]
        other = next((row for row in rows if row != open_row and row < len(ids)), None)
        if other is not None:
            attempt_actions.open_attempt(ids[other])
        elif not chosen.rows:  # its mark was taken away
            attempt_actions.open_attempt("")

    _mark(key, open_row)
    attempt_table.show(
        attempts,
        [name for name in COLUMNS.split() if name != "author" or any(attempt.author for attempt in attempts)],
        key,
        {"status": {"width": 104}, "name": {"width": 150 if open_id else 200}, "created_at": {"width": 150}},
        height="content" if len(ids) < 12 else 460,
        alt=f"{len(ids)} attempts of this account; choose a row to open it",
        on_select=visitor.for_this_account(choose),
        selection_mode=["single-row", "single-cell"],
    )


def _mark(key: str, row: int | None) -> None:
    """Let the table's selection say which row is open, whatever opened or closed it."""
    chosen = st.session_state.get(key, {}).get("selection", {})
    rows = [] if row is None else [row]
    cells = [cell for cell in chosen.get("cells", []) if cell[0] == row]
    if (chosen.get("rows", []), chosen.get("cells", [])) != (rows, cells):
        st.session_state[key] = {"selection": {"rows": rows, "cells": cells}}


def _pager(place: LibraryPage, shown: int, more: bool, count: int) -> None:
    page = place.page
    first = page * ROWS + 1
    total = f"{count:,}" if count <= MOST else f"more than {MOST:,}"

    def turn(by: int) -> None:
        place.page = max(0, place.page + by)

    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{first:,} to {first + shown - 1:,} of {total}" if page or more else f"{total} in all")
        if page or more:
            button("Back", "library_back", "chevron_left", turn, -1, disabled=not page)
            button("More", "library_more", "chevron_right", turn, 1, icon_position="right", disabled=not more)


def _message(message: Message | None) -> None:
    if message is None or message.place:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="library_message_box"):
        (st.error if message.bad else st.success)(message.sentence)
        if message.undo_id:
            st.text(message.name)
            button("Undo", "library_undo", "undo", attempt_actions.restore, message.undo_id, of=message.undo_id)
