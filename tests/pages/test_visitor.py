"""Who is at the page: what a tab does after another tab signed out or changed the token, and whose a session is."""

from __future__ import annotations

from collections.abc import Callable
from secrets import token_hex
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from sandbox import Server
from studio.facade import Studio
from studio.people.token_store import Account, account_of
from studio.sending.attempts import Attempt
from tests.pages.helpers import MAIN, button_of, ended, field_of, said
from tests.scenarios import scenario
from views.shared import browser_cookie

REFUSED = "This tab showed another account than this browser uses now, so nothing was done."
CHANGED = "Another tab of this browser has left the account that was shown here, or uses another by now."
LIBRARY = "../pages/library.py"


@pytest.fixture
def cookie(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Say which cookie the browser has from now on."""

    def have(name: str) -> None:
        monkeypatch.setattr(browser_cookie, "browser", lambda: name)

    have(token_hex())
    return have


@pytest.fixture
def tab(studio: Studio, cookie: Callable[[str], None]) -> Callable[[], AppTest]:
    """Open a tab in the one browser."""
    return lambda: AppTest.from_file(str(MAIN), default_timeout=30).run()


@pytest.fixture
def tokens(kie: Server) -> tuple[str, str]:
    return kie.sandbox.new_account(), kie.sandbox.new_account()


def paste(page: AppTest, token: str) -> AppTest:
    return page.text_input(key="token").input(token).run()


def fill(page: AppTest, key: str = "finished") -> AppTest:
    """Fill in a song, with its tracks looked up."""
    song = scenario(key)
    for widget, text in {"task_id": song.task_id, "audio_id": song.audio_id, "name": "Alto"}.items():
        field_of(page, widget).input(text)
    page.text_area(key="description").input("Low")
    return page.button(key="find_tracks").click().run()


def on_file(studio: Studio, *tokens: str) -> list[Attempt]:
    accounts = [studio.token_store.account(account_of(token)) or Account(account_of(token), "") for token in tokens]
    return [attempt for account in accounts for attempt in studio.history(account, 100)]


def account_id(page: AppTest) -> str:
    """Return the account that a tab shows, or ""."""
    return str(page.session_state["account_id"]) if "account_id" in page.session_state else ""


def asked(kie: Server) -> list[Any]:
    return kie.sandbox.requests()


def changed(page: AppTest, *tokens: str) -> AppTest:
    """Use another token in this tab."""
    page.button(key="leave").click().run()
    for token in tokens:
        paste(page, token)
    return page


def create_page(page: AppTest) -> AppTest:
    return fill(page)


def created_page(page: AppTest, studio: Studio) -> AppTest:
    fill(page).button(key="create").click().run()
    return ended(page, studio)


BUTTONS = ["boost", "create", "draft", "find_tracks", "leave", "refresh_balance", "suggest", "window_default"]


@pytest.mark.parametrize("left", [True, False], ids=["signed out", "changed"])
@pytest.mark.parametrize("key", BUTTONS)
def test_a_button_of_a_tab_that_shows_another_account_does_nothing_and_says_so(
    tab: Callable[[], AppTest], tokens: tuple[str, str], studio: Studio, kie: Server, key: str, left: bool
) -> None:
    stale = create_page(paste(tab(), tokens[0]))
    other = changed(tab(), *(() if left else (tokens[1],)))
    before, requests = on_file(studio, *tokens), len(asked(kie))
    stale.button(key=key).click().run()
    assert REFUSED in said(stale)
    assert on_file(studio, *tokens) == before
    balance_of_the_new_one = [] if left else ["/api/v1/chat/credit"]
    assert {each.path for each in asked(kie)[requests:]} <= set(balance_of_the_new_one)
    assert (account_id(stale) == account_of(tokens[1])) is not left
    assert account_id(other.run()) == ("" if left else account_of(tokens[1]))


@pytest.mark.parametrize("key", ["library_star", "library_delete", "library_change"])
def test_so_does_one_of_the_library(
    tab: Callable[[], AppTest], tokens: tuple[str, str], studio: Studio, key: str
) -> None:
    stale = paste(tab(), tokens[0])
    fill(stale, "code_402").button(key="create").click().run()
    ended(stale, studio)
    (attempt,) = on_file(studio, tokens[0])
    stale.query_params["attempt"] = attempt.id
    stale.switch_page(LIBRARY).run()
    changed(tab(), tokens[1])
    button_of(stale, key).click().run()
    assert REFUSED in said(stale)
    assert "Name" not in [each.label for each in stale.text_input]
    assert on_file(studio, *tokens) == [attempt]


@pytest.mark.parametrize(("key", "text"), [("note", "mine"), ("used", "a song")])
def test_so_does_a_field(
    tab: Callable[[], AppTest], tokens: tuple[str, str], studio: Studio, key: str, text: str
) -> None:
    stale = created_page(paste(tab(), tokens[0]), studio)
    (attempt,) = on_file(studio, tokens[0])
    stale.switch_page(LIBRARY)
    stale.query_params["attempt"] = attempt.id
    stale.run()
    changed(tab(), tokens[1])
    field = stale.text_area(key=f"note_{attempt.id}") if key == "note" else stale.text_input(key=f"used_{attempt.id}")
    field.input(text).run()
    assert REFUSED in said(stale)
    account = Account(account_of(tokens[0]), "")
    assert on_file(studio, tokens[0])[0].note == ""
    assert not studio.library.events(account.id, attempt.id)


def test_a_tab_whose_account_was_left_in_another_says_so_and_keeps_nothing_of_a_demo(
    tab: Callable[[], AppTest], tokens: tuple[str, str]
) -> None:
    other, page = tab(), tab()
    page.button(key="try_demo").click().run()
    fill(page)
    other.run().button(key="leave").click().run()
    assert CHANGED in said(page.run())
    assert CHANGED not in said(other)
    assert [field_of(page, key).value for key in ("task_id", "audio_id", "name")] == ["", "", ""]
    assert page.text_area(key="description").value == ""
    paste(other, tokens[0])
    fill(page.run())
    changed(other, tokens[1])
    assert CHANGED in said(page.run())
    assert page.text_input(key="name").value == "Alto"  # what was typed for a real account stays


def test_a_demo_is_not_begun_from_a_tab_that_showed_nobody_while_the_browser_has_a_token(
    tab: Callable[[], AppTest], tokens: tuple[str, str]
) -> None:
    stale = tab()
    paste(tab(), tokens[0])
    stale.button(key="try_demo").click().run()
    assert REFUSED in said(stale)
    assert account_id(stale) == account_of(tokens[0])


def test_the_second_half_of_a_double_click_on_what_changes_the_account_does_nothing_and_says_nothing(
    studio: Studio, cookie: Callable[[str], None]
) -> None:
    def script() -> None:
        import streamlit as st

        from views.shared import token_panel, visitor

        visitor.arrive()
        start = visitor.for_this_account(token_panel.start_demo)
        start()
        first = visitor.account()
        start()
        st.text(f"one account: {first is not None and visitor.account() == first}, refused: {visitor.was_refused()}")
        leave = visitor.for_this_account(visitor.leave)
        leave()
        leave()
        st.text(f"left: {visitor.account() is None}, refused: {visitor.was_refused()}")

    said_then = said(AppTest.from_function(script).run(timeout=30))
    assert said_then == "one account: True, refused: False\nleft: True, refused: False"


@pytest.mark.parametrize(("first", "acts"), [("enter", True), ("change", False), ("leave", False)])
def test_what_is_pressed_before_the_page_shows_a_token_that_was_given_here_acts_for_it(
    tokens: tuple[str, str], studio: Studio, cookie: Callable[[str], None], first: str, acts: bool
) -> None:
    def script(first: str, one: str, other: str) -> None:
        import streamlit as st

        from views.shared import token_panel, visitor

        visitor.arrive()
        give = visitor.for_this_account(token_panel.use_token)
        if first != "enter":
            give(other)
        pressed = visitor.for_this_account(lambda: st.text(f"for {visitor.account()}"))  # drawn here
        if first == "leave":
            visitor.for_this_account(visitor.leave)()
        else:
            visitor.for_this_account(token_panel.use_token)(one)
        pressed()
        st.text(f"refused: {visitor.was_refused()}")

    page = AppTest.from_function(script, args=(first, *tokens)).run(timeout=30)
    assert (f"for Account(id='{account_of(tokens[0])}'" in said(page)) is acts
    assert f"refused: {not acts}" in said(page)


def test_the_next_button_acts_and_the_sentence_is_gone(
    tab: Callable[[], AppTest], tokens: tuple[str, str], studio: Studio
) -> None:
    stale = create_page(paste(tab(), tokens[0]))
    changed(tab(), tokens[1])
    stale.button(key="create").click().run()
    fill(stale).button(key="create").click().run()
    assert REFUSED not in said(stale)
    assert [attempt.account for attempt in on_file(studio, *tokens)] == [account_of(tokens[1])]


@pytest.mark.parametrize("name", ["", "another"], ids=["no cookie", "another cookie"])
def test_a_session_belongs_to_the_browser_that_began_it(
    tab: Callable[[], AppTest],
    tokens: tuple[str, str],
    studio: Studio,
    kie: Server,
    cookie: Callable[[str], None],
    name: str,
) -> None:
    stolen = create_page(paste(tab(), tokens[0]))
    cookie(name)
    requests = len(asked(kie))
    stolen.button(key="create").click().run()
    assert on_file(studio, *tokens) == []
    assert len(asked(kie)) == requests
    assert stolen.text_input(key="name").value == ""
    assert account_id(stolen) == ""
    assert account_of(tokens[0]) not in said(stolen)


def test_a_browser_without_cookies_keeps_its_account_in_its_tab(
    tab: Callable[[], AppTest], tokens: tuple[str, str], cookie: Callable[[str], None]
) -> None:
    cookie("")
    page = paste(tab(), tokens[0])
    assert account_id(page.run()) == account_of(tokens[0])
    assert account_id(tab()) == ""


def test_a_fragment_of_an_account_that_was_left_draws_the_page_anew(
    tab: Callable[[], AppTest], tokens: tuple[str, str], studio: Studio
) -> None:
    def script(account_id: str) -> None:
        import streamlit as st

        from studio.people.token_store import Account
        from views.shared import visitor

        here = visitor.arrive().account
        if not st.session_state.get("runs"):
            st.session_state.runs = 1
            visitor.draw_anew_if_left(Account(account_id, here.last_four if here else ""))
            st.text("a fragment goes on")
        else:
            st.text("drawn anew")

    paste(tab(), tokens[0])
    page = AppTest.from_function(script, args=(account_of(tokens[0]),))
    assert said(page.run()) == "a fragment goes on"
    page = AppTest.from_function(script, args=(account_of(tokens[1]),))
    assert said(page.run()) == "drawn anew"
