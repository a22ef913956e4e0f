"""Pages through the router, without a browser, against the stand-in KIE."""

from __future__ import annotations

import gc
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from sandbox import Server, serve
from studio import facade
from studio.library import import_merge
from studio.library.import_reader import Record
from studio.people.token_store import Account
from studio.settings import Settings
from tests.pages.helpers import MAIN, START, ended, field_of
from tests.scenarios import scenario


@pytest.fixture(scope="session", autouse=True)
def quick() -> Iterator[None]:
    """Do once what a server does once and AppTest anew for each test: look through all packages for components."""
    import pandas  # noqa: F401

    gc.collect()
    gc.freeze()  # as the server does
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture(scope="module")
def kie() -> Iterator[Server]:
    with serve() as server:
        server.sandbox.looks_per_second = 1000
        yield server


@pytest.fixture(scope="module")
def studio(kie: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[facade.Studio]:
    """A studio for the tests of a module, in the place of the process's one; each test uses an account of its own."""
    database = tmp_path_factory.mktemp("studio") / "studio.db"
    studio = facade.Studio(Settings(base_url=kie.base_url, database_url=f"sqlite:///{database}"))
    before = facade.replace_the_studio(studio)
    yield studio
    facade.replace_the_studio(before)
    studio.open().result(30)
    studio.close()


@pytest.fixture
def in_place() -> Iterator[Callable[[facade.Studio], object]]:
    """Put another studio in the place of the process's one, for a test."""
    before = facade.replace_the_studio(None)
    facade.replace_the_studio(before)
    yield facade.replace_the_studio
    facade.replace_the_studio(before)


@pytest.fixture
def page(studio: facade.Studio) -> AppTest:
    return AppTest.from_file(str(MAIN), default_timeout=30).run()


@pytest.fixture
def token(kie: Server) -> str:
    """A token of an account that no other test uses."""
    return kie.sandbox.new_account()


@pytest.fixture
def account(studio: facade.Studio, token: str) -> Account:
    """Its account, which is that of `signed_in`, `create` and `add_attempts` too."""
    return studio.sign_in(token)


@pytest.fixture
def signed_in(page: AppTest, token: str) -> AppTest:
    """The create page after a token was pasted."""
    page.text_input(key="token").input(token).run()
    return page


@pytest.fixture
def create(signed_in: AppTest, studio: facade.Studio) -> Callable[..., AppTest]:
    """Fill in a song of the stand-in KIE, press Create, and wait until the attempt has ended."""

    def fill_and_press(key: str, **texts: str) -> AppTest:
        song = scenario(key)
        filled = {"task_id": song.task_id, "audio_id": song.audio_id, "name": "Alto", "description": "Low"} | texts
        for widget in ("task_id", "audio_id", "name"):
            field_of(signed_in, widget).input(filled[widget])
        signed_in.text_area(key="description").input(filled["description"])
        signed_in.button(key="create").click().run()
        return ended(signed_in, studio)

    return fill_and_press


@pytest.fixture
def add_attempts(studio: facade.Studio, account: Account) -> Callable[..., list[str]]:
    """Put attempts into the account's library, each an hour younger than the one before; return their IDs."""

    def rows(*given: dict[str, Any], of: Account = account) -> list[str]:
        records = [Record("", blank(number) | values) for number, values in enumerate(given)]
        import_merge.import_records(studio.library, of.id, records)
        return [record.values["id"] for record in records]

    return rows


def blank(number: int) -> dict[str, Any]:
    return {
        "id": uuid.uuid4().hex,
        "status": "created",
        "created_at": START + timedelta(hours=number),
        "persona_id": f"persona{number}",
        "name": f"Name {number}",
        "audio_id": f"audio{number}",
        "origin": "",
    }
