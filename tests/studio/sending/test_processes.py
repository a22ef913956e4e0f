"""The processes of a database, on SQLite and on PostgreSQL: which are gone."""

from __future__ import annotations

from studio.sending.attempt_store import Store
from studio.sending.processes import LEASE
from tests.studio.helpers import Clock

GONE_AFTER = LEASE.total_seconds()


def test_only_processes_without_a_heartbeat_are_gone(store: Store, clock: Clock) -> None:
    store.processes.heartbeat("one")
    store.processes.heartbeat("two")
    clock.forward(GONE_AFTER)
    store.processes.heartbeat("two")
    assert store.processes.gone() == ["one"]
