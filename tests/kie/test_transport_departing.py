"""The moment before a request leaves: a caller hears of it, and can still keep it back."""

from __future__ import annotations

import pytest

from kie import KieClient, NotConnected, Sent, pause_before_repeat
from kie.errors import NotLeaving
from tests.kie.servers import MADE, REQUEST, TOKEN, Account, ScriptedServer, answer, envelope


class Hook:
    """Counts its calls; raises what it was given."""

    def __init__(self, raises: Exception | None = None) -> None:
        self.calls = 0
        self.raises = raises

    def __call__(self) -> None:
        self.calls += 1
        if self.raises is not None:
            raise self.raises


def stopped(server: ScriptedServer, hook: Hook, repeat: bool = False) -> NotConnected:
    server.sends(answer(envelope(MADE)))
    with (
        KieClient(TOKEN, server.base_url, (2, 5), repeat=repeat, departing=hook) as client,
        pytest.raises(NotConnected) as raised,
    ):
        client.create_persona(REQUEST)
    return raised.value


def test_each_post_is_announced_once(server: ScriptedServer) -> None:
    server.sends(answer(envelope(MADE)))
    hook = Hook()
    with KieClient(TOKEN, server.base_url, departing=hook) as client:
        client.create_persona(REQUEST)
        client.create_persona(REQUEST)
    assert (hook.calls, len(server.requests)) == (2, 2)


def test_it_is_announced_before_the_other_end_has_the_body(server: ScriptedServer) -> None:
    server.sends(answer(envelope(MADE)))
    seen: list[tuple[int, int]] = []
    with KieClient(
        TOKEN,
        server.base_url,
        departing=lambda: seen.append((server.connected.acquire(timeout=5), len(server.requests))),
    ) as client:
        client.create_persona(REQUEST)
    assert seen == [(True, 0)]


def test_a_question_is_not_announced(server: ScriptedServer) -> None:
    server.sends(answer(envelope(7)))
    hook = Hook()
    with KieClient(TOKEN, server.base_url, departing=hook) as client:
        client.credits()
    assert hook.calls == 0


def test_what_never_connects_is_not_announced() -> None:
    hook = Hook()
    with ScriptedServer(listening=False) as closed, pytest.raises(NotConnected):
        KieClient(TOKEN, closed.base_url, repeat=False, departing=hook).create_persona(REQUEST)
    assert hook.calls == 0


def test_each_repeat_is_announced(account: Account) -> None:
    account.fault("status", status=429, code=429, retry_after=0)
    hook = Hook()
    with account.client(sleep=lambda seconds: None, departing=hook) as client:
        client.create_persona(account.request)
    assert (hook.calls, account.posts) == (2, 2)


def test_what_is_kept_back_was_not_sent(server: ScriptedServer) -> None:
    error = stopped(server, Hook(NotLeaving("the row was cancelled")))
    assert (type(error), error.sent, error.message) == (NotConnected, Sent.NO, "the row was cancelled")


def test_what_is_kept_back_sends_nothing_of_the_body(server: ScriptedServer) -> None:
    stopped(server, Hook(NotLeaving("no")))
    assert server.hung_up.wait(5)
    assert [seen.body for seen in server.requests] in ([], [b""])


def test_what_is_kept_back_is_not_tried_again_by_itself(server: ScriptedServer) -> None:
    hook = Hook(NotLeaving("no"))
    error = stopped(server, hook, repeat=True)
    assert (hook.calls, pause_before_repeat(error, 0)) == (1, None)


def test_the_next_call_after_one_that_was_kept_back_has_a_connection_of_its_own(server: ScriptedServer) -> None:
    server.sends(answer(envelope(MADE)))
    hook = Hook(NotLeaving("no"))
    with KieClient(TOKEN, server.base_url, (2, 5), repeat=False, departing=hook) as client:
        with pytest.raises(NotConnected):
            client.create_persona(REQUEST)
        hook.raises = None
        assert client.create_persona(REQUEST).persona_id == MADE["personaId"]
    assert server.connections == 2


def test_the_reason_for_keeping_back_never_tells_the_token(server: ScriptedServer) -> None:
    assert TOKEN not in stopped(server, Hook(NotLeaving(f"not for {TOKEN}"))).message


def test_any_other_exception_of_the_hook_is_the_callers(server: ScriptedServer) -> None:
    server.sends(answer(envelope(MADE)))
    hook = Hook(ZeroDivisionError("a mistake"))
    with KieClient(TOKEN, server.base_url, (2, 5), departing=hook) as client, pytest.raises(ZeroDivisionError):
        client.create_persona(REQUEST)
    assert hook.calls == 1
