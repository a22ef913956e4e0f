"""What a session keeps of its features, and what it forgets together."""

from __future__ import annotations

import pytest
import streamlit as st

from studio.people.token_store import Account
from views.shared import screen_state
from views.shared.screen_state import Boost, PastedText, PersonaRequests, Window, state

ADA, BOB = Account("0123456789ab", "1234"), Account("ba9876543210", "4321")


@pytest.fixture(autouse=True)
def session(monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setattr(st, "session_state", {})


def test_the_same_scope_has_the_same_state_and_another_scope_its_own() -> None:
    state(Window, ADA, "song", "track").words_wanted = True
    assert state(Window, ADA, "song", "track").words_wanted
    for other in (state(Window, ADA, "song", "other"), state(Window, BOB, "song", "track"), state(Window, None)):
        assert not other.words_wanted


def test_everything_is_forgotten_but_a_boost_that_cost_credits() -> None:
    boost, requests, window = (
        state(Boost, ADA, "song"),
        state(PersonaRequests, None),
        state(Window, ADA, "song", "track"),
    )
    screen_state.forget()
    assert state(Boost, ADA, "song") is boost
    assert state(PersonaRequests, None) is not requests
    assert state(Window, ADA, "song", "track") is not window


def test_another_page_forgets_a_pasted_token_and_a_rerun_does_not() -> None:
    state(PastedText, ADA).token = state(PastedText, None).token = "a token"
    state(PastedText, ADA).task_ids = ("one", "two")
    requests = state(PersonaRequests, ADA)
    for _ in range(2):
        screen_state.enter_page("")
        assert state(PastedText, ADA).token
    screen_state.enter_page("library")
    assert not state(PastedText, ADA).token
    assert not state(PastedText, None).token
    assert state(PastedText, ADA).task_ids == ("one", "two")
    assert state(PersonaRequests, ADA) is requests


def test_the_oldest_of_very_many_tracks_goes_and_nothing_of_another_kind() -> None:
    requests, first = state(PersonaRequests, ADA), state(Window, ADA, "song", "0")
    windows = [state(Window, ADA, "song", str(number)) for number in range(1, screen_state.MOST)]
    assert state(Window, ADA, "song", "0") is first
    state(Window, ADA, "song", "one more")
    assert state(PersonaRequests, ADA) is requests
    assert state(Window, ADA, "song", "2") is windows[1]
    assert state(Window, ADA, "song", "0") is not first


def test_a_pasted_token_is_in_no_repr() -> None:
    state(PastedText, ADA).token = "a secret token"
    assert "secret" not in repr(st.session_state)
