"""A persona by job, as a person sees it: a server that is killed meanwhile, and a direct call that is gone."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from sandbox import Server
from sandbox.replies import JOB_PATH, PERSONA_PATH
from tests.browser.acts import button, eventually, field, fill_in, history_cell, sign_in
from tests.browser.conftest import App
from tests.scenarios import task_of


def test_a_server_killed_while_a_job_runs_shows_its_persona_afterwards(
    start_app: Callable[..., App], kie: Server, page: Page, token: str
) -> None:
    app = start_app()
    page.goto(app.url)
    sign_in(page, token)
    fill_in(page, "job_slow")
    button(page, "create").click()
    expect(page.locator(".headline", has_text="KIE has accepted it and works on it")).to_be_visible()
    app.kill()
    app.start()
    page.goto(app.url)
    sign_in(page, token)
    expect(page.get_by_text("Here is your persona").or_(history_cell(page, "Created")).first).to_be_attached(
        timeout=45_000
    )
    [persona] = kie.sandbox.personas(token)
    expect(history_cell(page, persona["personaId"])).to_be_attached()
    assert (kie.sandbox.count(PERSONA_PATH, token), kie.sandbox.count(JOB_PATH, token)) == (0, 1)


def test_the_first_persona_after_the_direct_call_is_gone_says_so_and_the_next_does_not(
    app: App, kie: Server, page: Page, token: str
) -> None:
    kie.sandbox.fault("gone", token=token, path=PERSONA_PATH, times=None)
    page.goto(app.url)
    sign_in(page, token)
    fill_in(page, "finished")
    button(page, "create").click()
    expect(page.get_by_text("Here is your persona")).to_be_visible()
    expect(page.get_by_text("made by a job")).to_be_visible()
    button(page, "start_over").click()
    expect(page.get_by_text("Here is your persona")).to_have_count(0)
    fill_in(page, "finished")
    field(page, "audio_id").fill(task_of("finished").tracks[1].audio_id)
    field(page, "audio_id").press("Tab")
    button(page, "create").click()
    eventually(lambda: len(kie.sandbox.personas(token)) == 2, page=page)
    expect(page.get_by_text("Here is your persona")).to_be_visible()
    expect(page.get_by_text("made by a job")).to_have_count(0)
    assert (kie.sandbox.count(PERSONA_PATH, token), kie.sandbox.count(JOB_PATH, token)) == (1, 2)
