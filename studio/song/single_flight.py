"""Single flight: callers that ask the same question at the same time share one call. In memory only."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")
MOST = 500
"""Answers that are kept, at most; the oldest are dropped."""


class SingleFlight:
    """Answers by question. Safe for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: OrderedDict[Hashable, tuple[float, Future[Any]]] = OrderedDict()

    def once(self, what: Hashable, ask: Callable[[], T], keep: float = float("inf")) -> T:
        """Return the answer to a question, which one caller gets for all; it is valid for `keep` seconds.

        Raises what `ask` raises, for all who waited; the next caller asks again.
        """
        with self._lock:
            asked, answer = self._answers.get(what, (0.0, None))
            mine = answer is None or (answer.done() and time.monotonic() - asked >= keep)
            if answer is None or mine:
                answer = Future()
                self._answers[what] = (time.monotonic(), answer)
                self._answers.move_to_end(what)
                while len(self._answers) > MOST:
                    self._answers.popitem(last=False)
        if mine:
            try:
                answer.set_result(ask())
            except BaseException as error:  # noqa: BLE001  # all callers get it
                with self._lock:
                    if self._answers.get(what, (0.0, None))[1] is answer:
                        del self._answers[what]
                answer.set_exception(error)
        found: T = answer.result()
        return found

    def cached(self, what: Hashable) -> Any:
        """Return an answer without asking, or None."""
        with self._lock:
            _, answer = self._answers.get(what, (0.0, None))
        return answer.result() if answer is not None and answer.done() and answer.exception() is None else None
