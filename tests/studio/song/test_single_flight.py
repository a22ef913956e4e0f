"""Calls that only read are shared."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from studio.song.single_flight import SingleFlight
from tests.polling import eventually


class Question:
    """Counts how often it was asked, and answers when it may."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = threading.Event()
        self.may_answer.set()

    def __call__(self) -> int:
        self.asked += 1
        self.may_answer.wait(10)
        return self.asked


@pytest.fixture
def question() -> Question:
    return Question()


def test_who_asks_while_one_is_asking_gets_that_answer(question: Question) -> None:
    shared = SingleFlight()
    question.may_answer.clear()
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(shared.once, "same", question) for _ in range(4)]
        eventually(lambda: question.asked)
        question.may_answer.set()
        assert [answer.result() for answer in answers] == [1, 1, 1, 1]


def test_another_question_is_asked_by_itself(question: Question) -> None:
    shared = SingleFlight()
    assert [shared.once("one", question), shared.once("two", question)] == [1, 2]


def test_an_answer_holds_for_its_time(question: Question, monkeypatch: pytest.MonkeyPatch) -> None:
    shared, now = SingleFlight(), [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    told = [shared.once("same", question, keep=1.0)]
    for now[0] in (100.9, 101.1):
        told.append(shared.once("same", question, keep=1.0))
    assert told == [1, 1, 2]


def test_a_failure_is_told_and_forgotten(question: Question) -> None:
    shared = SingleFlight()

    def fail() -> int:
        raise OSError("no line")

    with pytest.raises(OSError, match="no line"):
        shared.once("same", fail)
    assert shared.once("same", question) == 1


def test_only_what_was_answered_is_known(question: Question) -> None:
    shared = SingleFlight()
    before = shared.cached("same")
    shared.once("same", question)
    assert (before, shared.cached("same")) == (None, 1)


def test_the_oldest_answers_are_forgotten(question: Question, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studio.song.single_flight.MOST", 2)
    shared = SingleFlight()
    for what in "abc":
        shared.once(what, question)
    assert [shared.cached(what) for what in "abc"] == [None, 2, 3]
