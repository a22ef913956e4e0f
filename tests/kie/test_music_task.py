"""Music tasks and balances, read tolerantly: the documented shape, the live one, and whatever else comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kie import Cause, KieClient, MusicTask, Refused, TaskState, Track
from kie.music_task import read_time
from sandbox import SCENARIOS, Server
from tests.kie.servers import ScriptedServer, answer, examples_of, steady

TASK_ID = "7f3c1e90a5b24d6c8e1f0a9b2c3d4e5f"
PLAYABLE = {"id": "3b0f6c52", "audioUrl": "https://media.example.com/a.mp3"}


def task(**data: Any) -> MusicTask:
    return MusicTask.read(TASK_ID, {"taskId": TASK_ID, **data})


def track(**data: Any) -> Track:
    (read,) = task(response={"sunoData": [{"id": "3b0f6c52", **data}]}).tracks
    return read


# The contract's examples

EXAMPLES: dict[str, tuple[TaskState, str, int]] = {
    "finished": (TaskState.READY, "V5", 2),
    "finished_as_documented": (TaskState.READY, "V4", 1),
    "waiting": (TaskState.WORKING, "V5", 0),
    "first_track_only": (TaskState.WORKING, "V5", 2),
    "failed": (TaskState.FAILED, "V5", 0),
    "empty": (TaskState.ABSENT, "", 0),
}


def examples(contract: dict[str, Any]) -> dict[str, Any]:
    return examples_of(contract, "get", "/api/v1/generate/record-info")


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_of_the_contract_is_read(
    name: str, contract: dict[str, Any], server: ScriptedServer, client: KieClient
) -> None:
    server.sends(answer(examples(contract)[name]["value"]))
    read = client.music_task(TASK_ID)
    assert (read.task_id, read.state, read.model, len(read.tracks)) == (TASK_ID, *EXAMPLES[name])


def test_the_contracts_refusal_is_a_refusal(
    contract: dict[str, Any], server: ScriptedServer, client: KieClient
) -> None:
    server.sends(answer(examples(contract)["bad_key"]["value"]))
    with pytest.raises(Refused) as raised:
        client.music_task(TASK_ID)
    assert raised.value.cause is Cause.TOKEN


def test_the_contract_has_no_other_examples(contract: dict[str, Any]) -> None:
    assert set(examples(contract)) == {*EXAMPLES, "bad_key"}


def test_all_that_is_known_of_a_track_is_read(contract: dict[str, Any]) -> None:
    read = MusicTask.read(TASK_ID, examples(contract)["finished"]["value"]["data"])
    assert read.tracks[0] == Track(
        audio_id="3b0f6c52-8d1e-4a77-9c24-5e6f7a8b9c0d",
        title="Harbour Lights",
        tags="chamber jazz, brushed drums",
        lyrics="[Verse]\nSalt on the railing",
        model="V5",
        duration=154.68,
        audio_url="https://media.example.com/a/harbour-1.mp3",
        image_url="https://media.example.com/i/harbour-1.jpeg",
        created_at=datetime(2026, 9, 21, 14, 15, 23, 456_000, UTC),
    )


def test_a_failure_keeps_kies_reason(contract: dict[str, Any]) -> None:
    read = MusicTask.read(TASK_ID, examples(contract)["failed"]["value"]["data"])
    assert (read.error_code, read.error_message) == ("500", "Internal Error, Please try again later.")


def test_every_song_of_the_sandbox_is_read(kie_server: Server) -> None:
    songs = [each.task_id for each in SCENARIOS if each.task]
    token = kie_server.sandbox.new_account()
    read = []
    for task_id in songs:  # a client each: on a kept connection the sandbox answers after 40 ms
        with KieClient(token, kie_server.base_url, repeat=False) as client:
            read.append(client.music_task(task_id))
    assert [each.task_id for each in read if each.state is not TaskState.ABSENT] == songs


# Status


def test_a_documented_status_is_taken_at_its_word() -> None:
    states = {
        "PENDING": TaskState.WORKING,
        "TEXT_SUCCESS": TaskState.WORKING,
        "FIRST_SUCCESS": TaskState.WORKING,
        "SUCCESS": TaskState.READY,
        "CREATE_TASK_FAILED": TaskState.FAILED,
        "GENERATE_AUDIO_FAILED": TaskState.FAILED,
        "SENSITIVE_WORD_ERROR": TaskState.FAILED,
    }
    for tracks in ([], [PLAYABLE]):  # both, so that none is judged by its audio
        read = {status: task(status=status, response={"sunoData": tracks}).state for status in states}
        assert read == states


@pytest.mark.parametrize("status", ["CALLBACK_EXCEPTION", "A_STATUS_OF_NEXT_YEAR", None])
def test_another_status_is_judged_by_the_audio(status: str | None) -> None:
    finished = task(status=status, response={"sunoData": [PLAYABLE, PLAYABLE]})
    half = task(status=status, response={"sunoData": [PLAYABLE, {"id": "second", "audioUrl": ""}]})
    none = task(status=status, response=None)
    assert [each.state for each in (finished, half, none)] == [TaskState.READY, TaskState.WORKING, TaskState.WORKING]


def test_an_unknown_status_is_kept() -> None:
    assert task(status="A_STATUS_OF_NEXT_YEAR").status == "A_STATUS_OF_NEXT_YEAR"


@pytest.mark.parametrize("data", [None, [], "gone"])
def test_no_record_is_absent(data: object) -> None:
    assert MusicTask.read(TASK_ID, data) == MusicTask(TASK_ID)


def test_an_answer_without_data_is_absent(server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer({"code": 200, "msg": "success"}))
    assert client.music_task(TASK_ID) == MusicTask(TASK_ID)


def test_absent_has_its_own_state() -> None:
    assert MusicTask(TASK_ID).state is TaskState.ABSENT


@pytest.mark.parametrize("data", [{}, {"taskId": None, "status": None, "response": None}, {"data": {}}])
def test_a_record_that_says_nothing_is_absent(data: object) -> None:
    assert MusicTask.read(TASK_ID, data).state is TaskState.ABSENT


def test_a_record_of_an_id_alone_is_not_absent() -> None:
    assert MusicTask.read(TASK_ID, {"taskId": TASK_ID}).state is TaskState.WORKING


# Model


def test_a_model_has_the_name_people_know() -> None:
    names = {
        "chirp-v3-5": "V3_5",
        "chirp-v4": "V4",
        "chirp-v4-5": "V4_5",
        "chirp-auk": "V4_5",
        "chirp-bluejay": "V4_5PLUS",
        "chirp-crow": "V5",
        "chirp-fenix": "V5_5",
        "chirp-hawk": "V6",
        "chirp-hawk-wild": "V6_WILD",
        "chirp-goose": "V6_MINI",
        "chirp-kiwi": "chirp-kiwi",
    }
    assert {internal: task(type=internal).model for internal in names} == names
    assert {internal: track(modelName=internal).model for internal in names} == names


def test_the_model_that_was_asked_for_wins() -> None:
    read = task(param='{"model": "V6_WILD"}', type="chirp-hawk", response={"sunoData": [{"id": "a"}]})
    assert (read.model, read.tracks[0].model) == ("V6_WILD", "V6_WILD")


@pytest.mark.parametrize(
    "param",
    [None, "not JSON", "[1]", "[" * 10_000, '{"model": null}'],
    ids=["none", "no JSON", "a list", "deep", "null"],
)
def test_a_param_that_tells_nothing_leaves_the_model_to_the_type(param: object) -> None:
    assert task(param=param, type="chirp-crow").model == "V5"


# Times


@pytest.mark.parametrize(
    "told",
    [
        1_790_000_000_000,
        1_790_000_000_000.0,
        "1790000000000",
        "2026-09-21 14:13:20",
        "2026-09-21T14:13:20Z",
        "2026-09-21T16:13:20+02:00",
    ],
)
def test_a_time_is_read_in_any_of_its_shapes(told: object) -> None:
    assert task(createTime=told).created_at == datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)


def test_a_time_always_has_a_zone() -> None:
    read = [read_time(told) for told in ("2026-09-21", "2026-09-21T16:13:20+02:00")]
    assert [each and each.tzinfo for each in read] == [UTC, timezone(timedelta(hours=2))]


def test_a_time_that_is_none_is_left_out() -> None:
    odd: list[object] = [
        None,
        "",
        "soon",
        True,
        [],
        {},
        10**400,
        float("nan"),
        float("inf"),
        -(10**18),
        "9" * 5000,
        "²",
    ]
    assert [told for told in odd if read_time(told) is not None] == []
    assert task(createTime="soon").created_at is None


# Tracks


def test_no_tracks_are_no_tracks() -> None:
    responses: list[object] = [None, [], "x", {}]
    assert [each for each in responses if task(response=each).tracks] == []
    entries: list[object] = [5, None, {}, [None, 5]]
    assert [each for each in entries if task(response={"sunoData": each}).tracks] == []


def test_a_track_without_an_id_is_left_out() -> None:
    nameless: list[dict[str, Any]] = [{}, {"id": None}, {"id": ""}, {"id": ["a"]}, {"id": True}]
    read = task(response={"sunoData": [*nameless, PLAYABLE]})
    assert [each.audio_id for each in read.tracks] == ["3b0f6c52"]


def test_a_sparse_track_is_read() -> None:
    assert track() == Track("3b0f6c52")


@pytest.mark.parametrize(("told", "read"), [("154.68", 154.68), (192, 192.0), ("long", None)])
def test_a_length_is_seconds_or_unknown(told: object, read: float | None) -> None:
    assert track(duration=told).duration == read


def test_the_source_address_stands_in_for_a_missing_one() -> None:
    read = track(audioUrl="", sourceAudioUrl="https://a", imageUrl=None, sourceImageUrl="https://i")
    assert (read.audio_url, read.image_url) == ("https://a", "https://i")


def test_a_stream_is_not_taken_for_the_audio() -> None:
    assert track(audioUrl="", streamAudioUrl="https://stream").audio_url == ""


# Anything at all

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.text(st.characters(categories=["Cs", "Cc"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
TRACK_KEYS = ("id", "title", "tags", "prompt", "modelName", "duration", "audioUrl", "imageUrl", "createTime")
TASK_KEYS = ("taskId", "param", "status", "type", "operationType", "errorCode", "errorMessage", "createTime")
tracks = st.lists(values | st.fixed_dictionaries({}, optional=dict.fromkeys(TRACK_KEYS, values)), max_size=3)
response = values | st.fixed_dictionaries({"sunoData": values | tracks})
records = values | st.fixed_dictionaries({"response": response}, optional=dict.fromkeys(TASK_KEYS, values))


@steady
@given(data=records)
def test_any_json_at_all_is_read_without_an_error(data: object) -> None:
    read = MusicTask.read(TASK_ID, data)
    assert read.state in TaskState


def texts(read: MusicTask) -> str:
    """Every text of a task and its tracks, one after the other."""
    fields = [getattr(each, name) for each in (read, *read.tracks) for name in type(each).__annotations__]
    return "".join(field for field in fields if isinstance(field, str))


@steady
@given(data=records)
def test_any_text_that_is_read_can_be_written(data: object) -> None:
    assert b"\0" not in texts(MusicTask.read(TASK_ID, data)).encode()
