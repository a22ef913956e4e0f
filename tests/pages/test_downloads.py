"""The download middleware: what a browser gets for the token of a download button."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from typing import IO

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from studio.facade import Studio
from studio.people.browser_grants import Grant
from studio.people.token_store import Account
from views.shared import browser_cookie
from views.shared.browser_cookie import COOKIE
from views.shared.downloads import PIECE, PLACEHOLDER, DownloadMiddleware

CLICK = {"sec-fetch-mode": "navigate"}
CHECK = {"sec-fetch-mode": "cors", "accept": "*/*"}
CONTENT = bytes(range(256)) * (PIECE // 100)


class Given(io.BytesIO):
    """A file that is longer than one piece."""

    def __init__(self) -> None:
        super().__init__(CONTENT)


def counted(made: list[int]) -> Callable[[], IO[bytes]]:
    """Return a maker of files that counts how many it made."""

    def make() -> IO[bytes]:
        made.append(1)
        return io.BytesIO()

    return make


async def _media(request: Request) -> Response:
    """Answer as Streamlit does for a download button."""
    name = request.path_params["name"]
    body = b"plain" if name == "plain.csv" else PLACEHOLDER + name.removesuffix(".csv").encode()
    headers = {"content-disposition": 'attachment; filename="personas.csv"', "accept-ranges": "bytes"}
    return Response(body, headers=headers, media_type="text/csv")


@pytest.fixture
def grant(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    monkeypatch.setattr(browser_cookie, "_is_ours", bool)
    studio.browsers.use_account("chrome", "0123456789ab")

    def grant(token: str, make: Callable[[], IO[bytes]], visitor: str = "chrome") -> None:
        studio.downloads.grant(token, Grant(Account("0123456789ab", ""), visitor, make))

    return grant


@pytest.fixture
def browser(studio: Studio) -> TestClient:
    routes = [Route("/base/media/{name}", _media), Route("/other/{name}", _media)]
    return TestClient(
        Starlette(routes=routes, middleware=[Middleware(DownloadMiddleware)]),
        headers={"accept": "text/html"},
        cookies={COOKIE: "chrome"},
    )


def test_a_click_gets_the_whole_file_and_its_name(browser: TestClient, grant: Callable[..., None]) -> None:
    grant("all", Given)
    answer = browser.get("/base/media/all.csv", headers=CLICK)
    assert answer.status_code == 200
    assert answer.content == CONTENT
    assert answer.headers["content-length"] == str(len(CONTENT))
    assert answer.headers["content-disposition"] == 'attachment; filename="personas.csv"'
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["cache-control"] == "no-store"


def test_the_file_is_closed_after_it_was_handed_out(browser: TestClient, grant: Callable[..., None]) -> None:
    made: list[Given] = []

    def make() -> Given:
        made.append(Given())
        return made[-1]

    grant("closed", make)
    browser.get("/base/media/closed.csv", headers=CLICK)
    assert [file.closed for file in made] == [True]


def test_asking_for_the_head_alone_makes_no_file(browser: TestClient, grant: Callable[..., None]) -> None:
    made: list[int] = []
    grant("head", counted(made))
    assert browser.head("/base/media/head.csv", headers=CLICK).status_code == 200
    assert not made


@pytest.mark.parametrize("headers", [CHECK, {"accept": "*/*"}])
def test_a_page_that_checks_that_the_token_is_there_makes_no_file(
    browser: TestClient, grant: Callable[..., None], headers: dict[str, str]
) -> None:
    made: list[int] = []
    grant("check", counted(made))
    assert browser.get("/base/media/check.csv", headers=headers).content == PLACEHOLDER + b"check"
    assert not made


def test_without_https_a_click_is_known_by_what_it_accepts(browser: TestClient, grant: Callable[..., None]) -> None:
    grant("plain_http", Given)
    assert browser.get("/base/media/plain_http.csv").content == CONTENT


def test_other_files_and_other_places_stay_as_they_are(browser: TestClient, grant: Callable[..., None]) -> None:
    grant("other", Given)
    answer = browser.get("/base/media/plain.csv", headers=CLICK)
    assert (answer.content, answer.headers["accept-ranges"]) == (b"plain", "bytes")
    assert browser.get("/other/other.csv", headers=CLICK).content == PLACEHOLDER + b"other"
    assert browser.get("/base/media/none", headers={"range": "bytes=0-1"}).status_code == 200


def test_the_file_goes_to_the_browser_that_was_offered_it_and_to_no_other(
    browser: TestClient, grant: Callable[..., None]
) -> None:
    grant("mine", Given)
    browser.cookies.clear()
    assert browser.get("/base/media/mine.csv", headers=CLICK | {"cookie": f"{COOKIE}=chrome"}).content == CONTENT
    answer = browser.get("/base/media/mine.csv", headers=CLICK | {"cookie": f"{COOKIE}=firefox"})
    assert "not for you" in answer.text
    assert answer.headers["content-disposition"] == 'attachment; filename="No file, and why.txt"'
    assert "not open any more" in browser.get("/base/media/unknown.csv", headers=CLICK).text
    grant("nobodys", Given, "")
    for cookie in ({}, {"cookie": f"{COOKIE}=chrome"}):
        assert "not for you" in browser.get("/base/media/nobodys.csv", headers=CLICK | cookie).text


def test_a_click_on_a_page_from_before_a_restart_says_that_it_wants_a_reload(browser: TestClient) -> None:
    gone = browser.get("/base/media/gone/away.csv", headers=CLICK)
    assert "Reload the page" in gone.text
    assert gone.headers["content-disposition"] == 'attachment; filename="No file, and why.txt"'
    assert browser.get("/base/media/gone/away.csv", headers={"sec-fetch-mode": "no-cors"}).status_code == 404


def test_a_file_that_cannot_be_made_is_a_sentence_and_a_fault_has_a_reference(
    browser: TestClient, grant: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    def gone() -> IO[bytes]:
        raise ValueError("KIE does not have the file any more.")

    def broken() -> IO[bytes]:
        raise RuntimeError("secret detail")

    grant("gone", gone)
    grant("broken", broken)
    assert browser.get("/base/media/gone.csv", headers=CLICK).text == "KIE does not have the file any more."
    with caplog.at_level(logging.ERROR, "persona-studio"):
        told = browser.get("/base/media/broken.csv", headers=CLICK).text
    reference = told.removesuffix(".").rsplit(" ", 1)[-1]
    assert "secret" not in told
    assert f"Download error {reference}" in caplog.text
