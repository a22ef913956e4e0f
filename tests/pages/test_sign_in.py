"""Signing in by name: who sees the pages, who sees only the sign-in page, and what is kept of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
import streamlit as st
from streamlit import config
from streamlit.runtime.secrets import Secrets
from streamlit.testing.v1 import AppTest

from sandbox import Server
from studio.facade import Studio
from studio.settings import Settings, load
from tests.pages.helpers import MAIN, ended, field_of, said
from tests.scenarios import scenario
from views.shared import browser_cookie, identity_providers

PROVIDER = {
    "client_id": "persona-studio",
    "client_secret": "secret of the client",
    "server_metadata_url": "https://login.example/.well-known/openid-configuration",
}
SHARED = {"redirect_uri": "https://studio.example/oauth2callback", "cookie_secret": "0123456789abcdef" * 4}
AUTH: dict[str, Any] = SHARED | PROVIDER
ADA = {
    "is_logged_in": True,
    "provider": "default",
    "iss": "https://login.example",
    "sub": "1",
    "name": "Ada :material/mic: [L](https://tracker.example)",
    "email": "ada@example.com",
    "email_verified": True,
}
VERIFIED = {"email": "ada@example.com", "email_verified": True}
BOB = ADA | {"sub": "2", "name": "Bob", "email": "bob@example.com"}
STRANGER = {"is_logged_in": False}
Visit = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def _never_seen_auth(studio: Studio) -> None:
    studio.people_sign_in = False


@pytest.fixture
def visit(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> Visit:
    """Open the page in a session of its own, all in one browser."""
    browser = token_hex()
    monkeypatch.setattr(browser_cookie, "browser", lambda: browser)

    def visit(user: dict[str, Any], auth: object = AUTH) -> AppTest:
        page = AppTest.from_file(str(MAIN), default_timeout=30)
        page.user, page.secrets = user, {"auth": auth}
        return page.run()

    return visit


SIGN_IN_PAGE = {"main", "title", "markdown", "button", "error", "text"}


def is_the_sign_in_page(page: AppTest) -> bool:
    """Whether there is nothing but a title, a sentence or two, and ways to sign in."""
    kinds = {element.type for element in page.main}
    ways = all(str(button.key).startswith("sign_in_") for button in page.button)
    return page.title[0].value == "Persona Studio" and kinds <= SIGN_IN_PAGE and ways and not len(page.sidebar)


@pytest.mark.parametrize(
    "user",
    [{}, STRANGER, ADA | {"is_logged_in": "true"}, ADA | {"provider": "of yesterday"}, {"email": "ada@example.com"}],
)
def test_who_has_not_signed_in_sees_the_sign_in_page_and_no_page_runs(
    visit: Visit, user: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("views.shared.visitor.account", lambda: pytest.fail("A page was asked for."))
    page = visit(user)
    assert is_the_sign_in_page(page)
    assert [button.label for button in page.button] == ["Sign in"]


def test_who_has_signed_in_sees_the_page_and_their_name_as_it_is(visit: Visit) -> None:
    page = visit(ADA)
    assert page.title[0].value == "Create a persona"
    assert ADA["name"] in [text.value for text in page.sidebar.text]


def test_without_auth_nobody_signs_in_and_nothing_says_so(page: AppTest) -> None:
    assert page.title[0].value == "Create a persona"
    assert not [button for button in page.button if button.key in ("sign_in_default", "sign_out")]


BROKEN = {
    "empty": ({}, "redirect_uri is missing in [auth]."),
    "not a section": ("yes", "[auth] has to be a section of its own."),
    "switched off": (False, "[auth] has to be a section of its own."),
    "no secret": (AUTH | {"cookie_secret": ""}, "cookie_secret is missing in [auth]."),
    "a secret to guess": (AUTH | {"cookie_secret": "secret"}, "cookie_secret in [auth] takes at least 32"),
    "a number": (AUTH | {"cookie_secret": 12}, "cookie_secret is missing in [auth]."),
    "no way back": (PROVIDER | {"cookie_secret": "x" * 32}, "redirect_uri is missing in [auth]."),
    "another way back": (AUTH | {"redirect_uri": "https://studio.example/"}, "redirect_uri in [auth] takes"),
    "no provider": (SHARED, "client_id is missing in [auth]."),
    "half a provider": (SHARED | {"client_id": "one"}, "client_secret is missing in [auth]."),
    "half a named one": (AUTH | {"google": {"client_id": "one"}}, "client_secret is missing in [auth.google]."),
    "a name that Streamlit refuses": (AUTH | {"my_own": PROVIDER}, "letters, digits and hyphens only"),
    "arguments alone": (SHARED | {"client_kwargs": {"prompt": "login"}}, "client_id is missing in [auth]."),
}


@pytest.mark.parametrize("name", list(BROKEN))
def test_a_broken_auth_lets_nobody_in_and_says_what_is_missing(visit: Visit, name: str) -> None:
    auth, sentence = BROKEN[name]
    for user in (STRANGER, ADA):
        page = visit(user, auth)
        assert is_the_sign_in_page(page)
        assert sentence in said(page)
        assert not page.button


def test_what_is_wrong_is_said_without_any_value(visit: Visit) -> None:
    page = visit(STRANGER, AUTH | {"cookie_secret": "short secret", "client_secret": "secret of the client"})
    assert "secret of the client" not in said(page)
    assert "short secret" not in said(page)


def test_a_missing_package_lets_nobody_in_and_is_named(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity_providers, "PACKAGES", ("a_package_from_nowhere",))
    page = visit(ADA)
    assert is_the_sign_in_page(page)
    assert "Not installed: a_package_from_nowhere." in said(page)


def test_secrets_that_cannot_be_read_let_nobody_in(
    visit: Visit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "secrets.toml"
    file.write_text("[auth\n")
    before = config.get_option("secrets.files")
    monkeypatch.setattr(st, "secrets", Secrets())
    config.set_option("secrets.files", [str(file)])
    try:
        page = AppTest.from_file(str(MAIN), default_timeout=30).run()
    finally:
        config.set_option("secrets.files", before)
    assert is_the_sign_in_page(page)
    assert "cannot be read" in said(page)


def test_an_auth_that_vanishes_while_the_server_runs_opens_nothing(visit: Visit, page: AppTest) -> None:
    visit(ADA)
    assert is_the_sign_in_page(page.run())


def test_an_auth_in_a_file_that_streamlit_does_not_read_opens_nothing(
    tmp_path: Path, kie: Server, in_place: Callable[[Studio], object]
) -> None:
    file = tmp_path / "secrets.toml"
    file.write_text('KIE_RATE_LIMIT = 7\n[auth]\nclient_id = "x"\n')
    settings = load({"KIE_BASE_URL": kie.base_url, "DATABASE_URL": f"sqlite:///{tmp_path}/studio.db"}, file)
    in_place(Studio(settings))
    assert is_the_sign_in_page(AppTest.from_file(str(MAIN), default_timeout=30).run())


def test_each_provider_has_a_button_of_its_own(visit: Visit) -> None:
    page = visit(STRANGER, AUTH | {"google": PROVIDER, "my-own": PROVIDER})
    assert [button.label for button in page.button] == ["Sign in with Google", "Sign in with My-own", "Sign in"]


def test_a_single_named_provider_needs_no_name(visit: Visit) -> None:
    page = visit(STRANGER, SHARED | {"google": PROVIDER})
    assert [(button.key, button.label) for button in page.button] == [("sign_in_google", "Sign in")]


def _write_the_author() -> None:
    import streamlit as st

    from views.shared import visitor

    st.text(visitor.author())


@pytest.mark.parametrize(
    ("claims", "author"),
    [
        (VERIFIED | {"name": "Ada", "sub": "1"}, "ada@example.com"),
        (VERIFIED | {"email_verified": "true"}, "ada@example.com"),
        (VERIFIED | {"email_verified": False, "name": "Ada", "sub": "1"}, "Ada (name)"),
        (VERIFIED | {"email_verified": "false", "sub": "1"}, "1 (ID)"),
        ({"email": "ada@example.com", "name": "Ada", "sub": "1"}, "Ada (name)"),
        ({"name": "ada@example.com", "sub": "1"}, "ada@example.com (name)"),
        ({"sub": "ada@example.com"}, "ada@example.com (ID)"),
        (VERIFIED | {"email": "", "name": "Ada", "sub": "1"}, "Ada (name)"),
        (VERIFIED | {"email": None, "name": ["Ada"], "sub": "1"}, "1 (ID)"),
        (VERIFIED | {"email": " \u200b\n ", "name": "Ada\u202e\n\x00 Love\u00a0lace\u2028"}, "Ada Love lace (name)"),
        (VERIFIED | {"email": "a" * 500}, "a" * 200),
        (VERIFIED | {"email": "=cmd()"}, "=cmd()"),
        ({}, ""),
    ],
)
def test_the_author_is_one_printable_line(claims: dict[str, Any], author: str, studio: Studio) -> None:
    page = AppTest.from_function(_write_the_author)
    page.user, page.secrets = {"is_logged_in": True, "provider": "default"} | claims, {"auth": AUTH}
    assert page.run().text[0].value == author


def test_without_auth_there_is_no_author(studio: Studio) -> None:
    page = AppTest.from_function(_write_the_author)
    page.user = ADA
    assert page.run().text[0].value == ""


def test_an_attempt_is_filed_with_its_author(visit: Visit, kie: Server, studio: Studio) -> None:
    page = visit(ADA)
    page.text_input(key="token").input(kie.sandbox.new_account()).run()
    song = scenario("finished")
    for widget, text in {"task_id": song.task_id, "audio_id": song.audio_id, "name": "Alto"}.items():
        field_of(page, widget).input(text)
    page.text_area(key="description").input("Low")
    page.button(key="create").click().run()
    ended(page, studio)
    account = studio.token_store.account(page.session_state["account_id"])
    assert account is not None
    assert [attempt.author for attempt in studio.history(account, 10)] == ["ada@example.com"]


@pytest.fixture
def ada(visit: Visit, kie: Server) -> AppTest:
    """The page of a person who has signed in and pasted a token."""
    page = visit(ADA)
    page.text_input(key="token").input(kie.sandbox.new_account()).run()
    assert page.metric[0].label == "Credits left"
    return page


def test_a_person_finds_their_account_in_another_tab(visit: Visit, ada: AppTest) -> None:
    assert visit(ADA).session_state["account_id"] == ada.session_state["account_id"]


@pytest.mark.usefixtures("ada")
def test_a_stranger_at_the_same_browser_reaches_no_account(visit: Visit) -> None:
    page = visit(STRANGER)
    assert is_the_sign_in_page(page)
    assert "account_id" not in page.session_state


@pytest.mark.usefixtures("ada")
def test_another_person_at_the_same_browser_is_asked_for_a_token(visit: Visit) -> None:
    page = visit(BOB)
    assert page.text_input(key="token").label == "Token"
    assert not page.metric


def test_signing_out_shows_the_sign_in_page_and_forgets_the_token(visit: Visit, ada: AppTest, studio: Studio) -> None:
    account_id = ada.session_state["account_id"]
    ada.button(key="sign_out").click().run()
    assert is_the_sign_in_page(ada)
    assert studio.token_store.account(account_id) is None
    assert visit(ADA).text_input(key="token").label == "Token"


def test_a_copy_of_the_sign_in_cookie_is_not_accepted_after_signing_out(visit: Visit) -> None:
    first, later = ADA | {"iat": 1_770_000_000, "nonce": "one"}, ADA | {"iat": 1_770_000_000, "nonce": "two"}
    page = visit(first)
    page.button(key="sign_out").click().run()
    assert is_the_sign_in_page(visit(first))
    assert not is_the_sign_in_page(visit(later))
    assert is_the_sign_in_page(visit(first))


def test_so_is_it_in_another_browser(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    claims = ADA | {"iat": 1_770_000_000}
    visit(claims).button(key="sign_out").click().run()
    monkeypatch.setattr(browser_cookie, "browser", lambda: "another")
    assert is_the_sign_in_page(visit(claims))


def test_who_has_signed_in_and_keeps_no_cookie_is_not_let_in_and_told_why(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser_cookie, "browser", lambda: "")
    page = visit(ADA)
    assert "This page needs its cookie." in said(page)
    assert [button.key for button in page.button] == ["sign_in_default"]


def test_signing_out_closes_the_other_tabs_and_nothing_is_filed_from_there(
    tmp_path: Path, visit: Visit, kie: Server, in_place: Callable[[Studio], object]
) -> None:
    token, database = kie.sandbox.new_account(), f"sqlite:///{tmp_path}/studio.db"
    studio = Studio(Settings(api_key=token, base_url=kie.base_url, database_url=database))
    in_place(studio)
    one, other = visit(ADA), visit(ADA)
    one.button(key="sign_out").click().run()
    other.text_area(key="task_id").input("t")
    other.text_input(key="audio_id").input("a")
    other.text_input(key="name").input("n")
    other.text_area(key="description").input("d")
    other.button(key="create").click().run()
    assert is_the_sign_in_page(other)
    assert studio.shared is not None
    filed = studio.history(studio.shared, 10)
    studio.close()
    assert filed == []


def test_signing_out_works_in_a_tab_that_shows_another_account(visit: Visit, kie: Server) -> None:
    page, other = visit(ADA), visit(ADA)
    other.text_input(key="token").input(kie.sandbox.new_account()).run()
    assert is_the_sign_in_page(page.button(key="sign_out").click().run())
    assert is_the_sign_in_page(other.run())


def test_leaving_an_account_does_not_sign_anybody_out(ada: AppTest) -> None:
    ada.button(key="leave").click().run()
    assert ada.text_input(key="token").label == "Token"
    assert ada.button(key="sign_out").label == "Sign out"
