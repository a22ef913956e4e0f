"""Each scenario is told apart, is told in sentences, and does what it says; each operation is one of KIE's."""

from __future__ import annotations

import pytest

from sandbox import SCENARIOS, Scenario
from sandbox.endpoints import OPERATIONS
from sandbox.scenarios import ByJob
from tests.sandbox.contracts import DIRECT, JOBS, contract
from tests.sandbox.sandbox_caller import Caller
from tests.scenarios import task_of

REFUSALS = [scenario for scenario in SCENARIOS if scenario.group == "refusal"]
EVERY = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.key)


def test_no_two_scenarios_have_one_key_or_one_title() -> None:
    for names in ([each.key for each in SCENARIOS], [each.task.tracks[0].title for each in SCENARIOS if each.task]):
        assert len(names) == len(set(names))


@EVERY
def test_a_scenario_is_told_in_a_line_and_a_sentence(scenario: Scenario) -> None:
    assert not scenario.words.endswith(".")
    assert scenario.shows.endswith(".")


@pytest.mark.parametrize("scenario", REFUSALS, ids=lambda scenario: scenario.key)
def test_a_refusal_answers_with_the_code_that_its_key_names(scenario: Scenario, caller: Caller) -> None:
    trouble = task_of(scenario).tracks[0].trouble
    assert trouble is not None
    code = caller.persona(scenario).json()["code"]
    assert (code, str(code)) == (trouble.code, scenario.key.rpartition("_")[2])


@EVERY
def test_only_a_trouble_goes_wrong_on_the_network_or_in_a_job(scenario: Scenario) -> None:
    tracks = scenario.task.tracks if scenario.task else ()
    kinds = {track.trouble.kind for track in tracks if track.trouble}
    jobs = {track.by_job for track in tracks} - {ByJob()}
    assert (scenario.group == "trouble") == bool(jobs or kinds - {"code", "status"})


def test_every_operation_is_in_the_contract() -> None:
    told = [
        {(method.upper(), path) for path, methods in contract(name)["paths"].items() for method in methods}
        for name in (DIRECT, JOBS)
    ]
    assert told[1] <= set(OPERATIONS) <= told[0]
