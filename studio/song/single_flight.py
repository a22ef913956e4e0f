"""Calls that only read, shared: whoever asks the same while one is asking waits for that answer. In memory only."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")
MOST = 500
"""Answers that are kept; the oldest go first."""


class SingleFlight:
    """Answers by what was asked. Safe for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: OrderedDict[Hashable, tuple[float, Future[Any]]] = OrderedDict()

    def once(self, what: Hashable, ask: Callable[[], T], keep: float = float("inf")) -> T:
        """Return the answer to a question, asked by one caller for all; it holds for `keep` seconds.

        Raises what `ask` raises, for everybody who waited; then the next one asks anew.
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
            except BaseException as error:  # noqa: BLE001  # all who wait get it too
                with self._lock:
                    if self._answers.get(what, (0.0, None))[1] is answer:
                        del self._answers[what]
                answer.set_exception(error)
        found: T = answer.result()
        return found

    def known(self, what: Hashable) -> Any:
        """Return an answer that is there already, or None."""
        with self._lock:
            _, answer = self._answers.get(what, (0.0, None))
        return answer.result() if answer is not None and answer.done() and answer.exception() is None else None
