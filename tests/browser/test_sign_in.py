"""People who sign in by name: the app, a browser and an identity provider, with all that passes between them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from sandbox import Server
from tests.browser.acts import button, field, settled, sign_in
from tests.browser.conftest import ROOT, App
from tests.browser.identity_provider import PEOPLE, Provider, identity_provider

ADDRESSES = ["/nowhere", *(f"/{page.stem}".replace("/create", "/") for page in sorted((ROOT / "pages").glob("*.py")))]
SIGN_IN_PAGE = "Persona Studio\n\nSign in to make personas, and to find those that were made here.\n\nlogin\n\nSign in"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with identity_provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, kie: Server, provider: Provider) -> Iterator[App]:
    """One server where people sign in."""
    folder = tmp_path_factory.mktemp("people")
    secrets = folder / "secrets.toml"
    secrets.write_text(provider.secrets())
    app = App(folder, kie.base_url, STREAMLIT_SECRETS_FILES=str(secrets))
    yield app
    app.stop()
    log = app.log.read_text()
    assert "Traceback" not in log, log


@pytest.fixture(scope="module")
def warm(chromium: Browser) -> Iterator[BrowserContext]:
    """One browser for the tests of this module, so that it fetches Streamlit's own files once."""
    context = chromium.new_context()
    yield context
    context.close()


@pytest.fixture
def page(warm: BrowserContext) -> Iterator[Page]:
    """Its only page; nobody has signed in."""
    warm.clear_cookies()
    yield warm.new_page()
    for page in warm.pages:
        page.close()


def enter(page: Page, person: str) -> None:
    """Sign in, from the sign-in page."""
    button(page, "sign_in_default").click()
    page.get_by_role("link", name=person).click()
    expect(page.get_by_text(PEOPLE[person]["name"], exact=True)).to_be_visible()
    settled(page)


def leave(page: Page) -> None:
    """Sign out, and be back at the sign-in page."""
    button(page, "sign_out").click()
    expect(button(page, "sign_in_default")).to_be_visible()
    expect(button(page, "sign_out")).to_have_count(0)
    page.wait_for_url("**/")
    settled(page)


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_stranger_sees_the_sign_in_page_alone_at_every_address(app: App, page: Page, address: str) -> None:
    page.goto(app.url + address)
    expect(button(page, "sign_in_default")).to_be_visible()
    settled(page)
    assert page.locator("body").inner_text().removeprefix("Skip to main content\n") == SIGN_IN_PAGE


def test_who_signs_in_sees_the_page_and_their_name_as_it_is_until_they_sign_out(
    app: App, page: Page, token: str
) -> None:
    page.goto(app.url)
    enter(page, "ada")
    expect(page.get_by_role("heading", name="Create a persona", level=1)).to_be_visible()
    assert page.get_by_role("link", name="Lovelace").count() == 0
    other = page.context.new_page()
    other.goto(app.url)
    sign_in(other, token)
    leave(page)
    # The other tab shows it by itself, and the next person does not find the token of the last.
    expect(button(other, "sign_in_default")).to_be_visible()
    expect(field(other, "name")).to_have_count(0)
    expect(other.get_by_role("link", name="Library")).to_have_count(0)
    enter(page, "bob")
    expect(field(page, "token")).to_be_visible()
