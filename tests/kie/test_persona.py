"""What is sent for a persona, and what is refused before anything is sent."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kie import InvalidInput, KieClient, PersonaRequest, Problem, Sent
from tests.kie.servers import MADE, REQUEST, Account, ScriptedServer, Validate, answer, changed, envelope, steady


def sent(server: ScriptedServer, client: KieClient, request: PersonaRequest) -> Any:
    server.sends(answer(envelope(MADE)))
    client.create_persona(request)
    return server.requests[0].json


def problem_of(request: PersonaRequest, duration: float | None = None) -> Problem:
    """The only problem of a request."""
    (problem,) = request.problems(duration)
    return problem


# The body

BARE = {"taskId": REQUEST.task_id, "audioId": REQUEST.audio_id, "name": REQUEST.name, "description": "Low and smoky"}
BODIES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing optional": ({}, {}),
    "a style": ({"style": "chamber jazz"}, {"style": "chamber jazz"}),
    "an empty style": ({"style": ""}, {}),
    "a window": ({"vocal_start": 5.5, "vocal_end": 25.8}, {"vocalStart": 5.5, "vocalEnd": 25.8}),
    "only a start": ({"vocal_start": 12.25}, {"vocalStart": 12.25, "vocalEnd": 30.0}),
    "only an end": ({"vocal_end": 15}, {"vocalStart": 0.0, "vocalEnd": 15}),
    "a start of zero": ({"vocal_start": 0, "vocal_end": 20}, {"vocalStart": 0, "vocalEnd": 20}),
    "floats that are nearly hundredths": ({"vocal_end": 0.1 + 25.7}, {"vocalStart": 0.0, "vocalEnd": 25.8}),
}
EVERY_BODY = pytest.mark.parametrize(("changes", "added"), BODIES.values(), ids=BODIES)


@EVERY_BODY
def test_the_body_has_what_was_given_and_nothing_else(
    changes: dict[str, Any], added: dict[str, Any], server: ScriptedServer, client: KieClient, validate: Validate
) -> None:
    body = sent(server, client, changed(REQUEST, **changes))
    assert body == BARE | added
    validate("GeneratePersonaRequest", body)


def test_the_contract_tells_a_misspelt_key(validate: Validate) -> None:
    with pytest.raises(AssertionError, match="' vocalStart' was unexpected"):
        validate("GeneratePersonaRequest", {**BARE, " vocalStart": 5})


def test_text_in_any_script_arrives_as_it_was(server: ScriptedServer, client: KieClient) -> None:
    text = 'Ünï 日本語の声 عربي 🎵👩🏽‍🎤 e\u0301 quo"te \\ </b> a\u2028b'
    body = sent(server, client, changed(REQUEST, name=text, description=text, style=text))
    assert (body["name"], body["description"], body["style"]) == (text, text, text)


def test_a_description_may_have_lines(server: ScriptedServer, client: KieClient) -> None:
    assert sent(server, client, changed(REQUEST, description="Low,\r\n\tsmoky"))["description"] == "Low,\r\n\tsmoky"


def test_the_request_goes_to_the_documented_place(server: ScriptedServer, client: KieClient) -> None:
    sent(server, client, REQUEST)
    assert (server.requests[0].method, server.requests[0].path) == ("POST", "/api/v1/generate/generate-persona")


def test_every_request_names_its_content_type(server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(envelope(MADE)), answer(envelope(None)), answer(envelope(1)))
    client.create_persona(REQUEST)
    client.music_task("7f3c")
    client.credits()
    assert {seen.headers["content-type"] for seen in server.requests} == {"application/json"}


def test_a_slash_at_the_end_of_the_base_url_does_not_matter(server: ScriptedServer) -> None:
    server.sends(answer(envelope(1)))
    KieClient("token", server.base_url + "/").credits()
    assert server.requests[0].path == "/api/v1/chat/credit"


def test_a_task_id_is_asked_for_as_it_is(server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(envelope(None)))
    client.music_task("a&taskId=b#?")
    assert server.requests[0].path == "/api/v1/generate/record-info?taskId=a%26taskId%3Db%23%3F"


def test_the_sandbox_reads_the_window(account: Account) -> None:
    with account.client() as client:
        client.create_persona(changed(account.request, vocal_start=5, vocal_end=25.8))
    assert len(account.made) == 1


# Fields

PERSONA_FIELDS = {"task_id": "Task ID", "audio_id": "Audio ID", "name": "Name", "description": "Description"}
LONG = {"task_id": 129, "audio_id": 129, "name": 5001, "description": 5001, "style": 5001}


def test_a_request_in_order_has_no_problems() -> None:
    assert REQUEST.problems(duration=180) == []


@pytest.mark.parametrize("key", PERSONA_FIELDS)
def test_a_blank_field_is_named(key: str) -> None:
    for blank in ("", "\t \n"):
        problem = problem_of(changed(REQUEST, **{key: blank}))
        assert (problem.field, problem.sentence.partition(":")[0]) == (key, PERSONA_FIELDS[key])


@pytest.mark.parametrize(("key", "length"), LONG.items())
def test_a_field_has_a_greatest_length_and_says_how_long_it_is_beyond_it(key: str, length: int) -> None:
    assert changed(REQUEST, **{key: "x" * (length - 1)}).problems() == []
    problem = problem_of(changed(REQUEST, **{key: "x" * length}))
    assert (problem.field, f"{length:,} characters" in problem.sentence) == (key, True)


texts = st.sampled_from(["name", "description", "style"])


@steady
@given(key=texts, odd=st.characters(categories=["Cc", "Cs"], exclude_characters="\t\r\n"))
def test_an_invisible_character_is_named_by_its_number(key: str, odd: str) -> None:
    problem = problem_of(changed(REQUEST, **{key: f"a{odd}b"}))
    assert (problem.field, f"U+{ord(odd):04X}" in problem.sentence) == (key, True)


@steady
@given(key=texts, character=st.characters(exclude_categories=["Cc", "Cs"]) | st.just("\t"))
def test_every_other_character_is_taken(key: str, character: str) -> None:
    assert changed(REQUEST, **{key: f"a{character}b"}).problems() == []


@pytest.mark.parametrize("odd", ["\n", "\r"])
@pytest.mark.parametrize("key", ["name", "style"])
def test_a_line_break_in_a_one_line_field_is_told(key: str, odd: str) -> None:
    problem = problem_of(changed(REQUEST, **{key: f"a{odd}b"}))
    assert (problem.field, "a line break" in problem.sentence) == (key, True)


@steady
@given(key=st.sampled_from(["task_id", "audio_id"]), character=st.characters())
@example(key="task_id", character=" ")
@example(key="audio_id", character="\u200b")
@example(key="audio_id", character="\ud83d")
@example(key="task_id", character="\x7f")
def test_an_id_is_one_word_of_plain_characters(key: str, character: str) -> None:
    request = changed(REQUEST, **{key: f"a{character}b"})
    if "!" <= character <= "~":
        assert request.problems() == []
    else:
        problem = problem_of(request)
        assert (problem.field, "Copy only the ID" in problem.sentence) == (key, True)


def test_all_problems_are_told_in_the_order_of_the_form() -> None:
    empty = PersonaRequest("", "", "", "", vocal_start=-1, style="\0")
    fields = ["task_id", "audio_id", "name", "description", "style", "vocal_start"]
    assert [problem.field for problem in empty.problems()] == fields


def test_a_request_with_problems_is_never_sent(server: ScriptedServer, client: KieClient) -> None:
    with pytest.raises(InvalidInput) as raised:
        client.create_persona(changed(REQUEST, name=""))
    assert (raised.value.field, raised.value.sent, server.connections) == ("name", Sent.NO, 0)


def test_what_cannot_be_a_task_id_is_never_asked_for(server: ScriptedServer, client: KieClient) -> None:
    with pytest.raises(InvalidInput) as raised:
        client.music_task("a b")
    assert (raised.value.field, server.connections) == ("task_id", 0)


# The window. Whole hundredths are the measure: in them the rules are exact.

hundredths = st.integers(0, 5_000) | st.integers(0, 100_000)


@steady
@given(start=hundredths, end=hundredths, duration=hundredths | st.none())
@example(start=0, end=1000, duration=1000)
@example(start=0, end=3000, duration=3000)
@example(start=0, end=999, duration=None)
@example(start=0, end=3001, duration=None)
@example(start=580, end=2580, duration=2580)
@example(start=581, end=2580, duration=2579)
@example(start=202, end=3202, duration=None)  # 30.000000000000004 as floats
def test_a_window_is_taken_if_and_only_if_it_keeps_the_rules(start: int, end: int, duration: int | None) -> None:
    request = changed(REQUEST, vocal_start=start / 100, vocal_end=end / 100)
    fits = 1000 <= end - start <= 3000 and (duration is None or end <= duration)
    assert (request.problems(None if duration is None else duration / 100) == []) is fits


@steady
@given(start=hundredths, length=st.integers(1000, 3000))
def test_a_window_that_is_taken_is_sent_exactly(start: int, length: int) -> None:
    end = start + length
    body = changed(REQUEST, vocal_start=start / 100, vocal_end=end / 100).payload()
    assert (body["vocalStart"], body["vocalEnd"]) == (start / 100, end / 100)


@steady
@given(start=hundredths)
def test_a_start_without_an_end_is_measured_against_the_end_kie_takes(start: int) -> None:
    assert (changed(REQUEST, vocal_start=start / 100).problems() == []) is (start <= 2000)


@steady
@given(end=hundredths)
def test_an_end_without_a_start_is_measured_from_the_tracks_beginning(end: int) -> None:
    assert (changed(REQUEST, vocal_end=end / 100).problems() == []) is (1000 <= end <= 3000)


@steady
@given(duration=hundredths)
def test_without_a_window_the_track_must_hold_the_one_kie_takes(duration: int) -> None:
    assert (REQUEST.problems(duration / 100) == []) is (duration >= 3000)


@steady
@given(duration=st.floats(10, 29.99))
def test_the_end_that_is_proposed_for_a_short_track_is_taken(duration: float) -> None:
    (problem,) = REQUEST.problems(duration)
    proposed = float(problem.sentence.partition("Set the end to ")[2].partition(" s")[0])
    assert changed(REQUEST, vocal_end=proposed).problems(duration) == []


@pytest.mark.parametrize(("duration", "end", "fits"), [(25.796, 25.8, False), (25.804, 25.8, True)])
def test_an_end_is_held_against_the_tracks_whole_length(duration: float, end: float, fits: bool) -> None:
    assert (changed(REQUEST, vocal_end=end).problems(duration) == []) is fits


edges = st.sampled_from(["vocal_start", "vocal_end"])


@steady
@given(key=edges, value=st.sampled_from([math.nan, math.inf]) | st.floats(max_value=-0.001))
@example(key="vocal_start", value=-0.01)
def test_a_window_needs_seconds_from_the_beginning(key: str, value: float) -> None:
    problem = problem_of(changed(REQUEST, **{key: value}))
    assert (problem.field, "0 or more" in problem.sentence) == (key, True)


@steady
@given(key=edges, whole=st.integers(0, 60), thousandths=st.integers(0, 999))
def test_a_window_has_at_most_two_decimals(key: str, whole: int, thousandths: int) -> None:
    told = [
        (each.field, "two decimals" in each.sentence)
        for each in changed(REQUEST, **{key: whole + thousandths / 1000}).problems()
    ]
    assert ((key, True) in told) is (thousandths % 10 > 0)


def test_a_window_of_a_wrong_length_says_how_long_it_must_be() -> None:
    problem = problem_of(changed(REQUEST, vocal_start=5, vocal_end=12))
    assert (problem.field, "10 to 30 s apart" in problem.sentence) == ("vocal_end", True)


def test_a_window_beyond_the_track_says_where_the_track_ends() -> None:
    problem = problem_of(changed(REQUEST, vocal_end=20), duration=19.99)
    assert (problem.field, "Set the end to 19.99 s or less" in problem.sentence) == ("vocal_end", True)


def test_a_track_that_is_too_short_asks_for_another_one() -> None:
    problem = problem_of(REQUEST, duration=9.99)
    assert (problem.field, "Choose another track" in problem.sentence) == ("audio_id", True)


@pytest.mark.parametrize("duration", [math.nan, math.inf, 1.7e308])
def test_a_length_that_is_no_number_is_taken_as_unknown_and_any_other_measured(duration: float) -> None:
    assert REQUEST.problems(duration) == []


anything = st.text() | st.text(st.characters(categories=["Cc", "Cs", "Zl", "Ll"]))
seconds = st.none() | st.floats() | st.floats(0, 60).map(lambda value: round(value, 2))


@steady
@given(
    request=st.builds(PersonaRequest, anything, anything, anything, anything, seconds, seconds, st.none() | anything),
    duration=seconds,
)
def test_whatever_is_typed_each_problem_names_its_field(request: PersonaRequest, duration: float | None) -> None:
    labels = {"Task ID", "Audio ID", "Name", "Description", "Style", "Window start", "Window end", "Window", "Track"}
    for problem in request.problems(duration):
        assert problem.sentence.partition(":")[0] in labels
        assert problem.sentence.endswith(".")
        assert problem.field in PersonaRequest.__annotations__


words = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=20)
ids = st.text("0123456789abcdef-", min_size=1, max_size=40)


@steady
@given(request=st.builds(PersonaRequest, ids, ids, words, words, seconds, seconds, st.none() | words))
def test_a_request_without_problems_keeps_to_the_contract(request: PersonaRequest, validate: Validate) -> None:
    if not request.problems():
        validate("GeneratePersonaRequest", request.payload())
