"""When words are sung: the documented answer, the sandbox's songs, and whatever else comes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kie import Cause, InvalidInput, KieClient, KieError, Refused, Sent, TimedWord, TimedWords
from sandbox.replies import LYRICS_PATH
from tests.kie.servers import REQUEST, TOKEN, Account, ScriptedServer, answer, envelope, examples_of, steady
from tests.scenarios import scenario, task_of


def word(text: Any = "salt", start: Any = 1, end: Any = 2, **more: Any) -> dict[str, Any]:
    return {"word": text, "success": True, "startS": start, "endS": end, "palign": 0, **more}


def read(*words: Any) -> list[TimedWord]:
    return list(TimedWords.read({"alignedWords": list(words)}).words)


def texts(*words: Any) -> list[tuple[str, str]]:
    return [(each.section, each.text) for each in read(*words)]


def ask(client: KieClient) -> TimedWords:
    return client.timed_words(REQUEST.task_id, REQUEST.audio_id)


# The call


def test_the_contracts_song_is_read(contract: dict[str, Any], server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(examples_of(contract, "post", "/api/v1/generate/get-timestamped-lyrics")["sung"]["value"]))
    assert ask(client) == TimedWords(
        (
            TimedWord("Salt", 14.2, 14.61, "Verse"),
            TimedWord("on", 14.61, 14.8),
            TimedWord("the", 14.8, 14.95),
            TimedWord("railing", 14.95, 15.7),
        ),
        (0.0, 0.12, 0.5, 0.75, 1.0, 0.33),
    )


def test_the_contracts_instrumental_has_no_words(
    contract: dict[str, Any], server: ScriptedServer, client: KieClient
) -> None:
    server.sends(
        answer(examples_of(contract, "post", "/api/v1/generate/get-timestamped-lyrics")["instrumental"]["value"])
    )
    assert ask(client) == TimedWords()


@pytest.mark.parametrize("body", [envelope(None), envelope([]), {"code": 200, "msg": "success"}])
def test_no_data_is_no_words(body: dict[str, Any], server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(body))
    assert ask(client) == TimedWords()


def test_both_ids_are_sent_to_the_documented_place(server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer(envelope(None)))
    ask(client)
    (seen,) = server.requests
    assert (seen.method, seen.path) == ("POST", "/api/v1/generate/get-timestamped-lyrics")
    assert seen.json == {"taskId": REQUEST.task_id, "audioId": REQUEST.audio_id}
    assert (seen.headers["content-type"], seen.headers["authorization"]) == ("application/json", f"Bearer {TOKEN}")


@pytest.mark.parametrize(("task_id", "audio_id", "field"), [("", "a", "task_id"), ("t", "a b", "audio_id")])
def test_what_cannot_be_an_id_is_never_asked_for(
    task_id: str, audio_id: str, field: str, server: ScriptedServer, client: KieClient
) -> None:
    with pytest.raises(InvalidInput) as raised:
        client.timed_words(task_id, audio_id)
    assert (raised.value.field, server.connections) == (field, 0)


def test_a_refusal_has_its_cause(server: ScriptedServer, client: KieClient) -> None:
    server.sends(answer({"code": 500, "msg": "Music does not exist", "data": None}))
    with pytest.raises(Refused) as raised:
        ask(client)
    assert raised.value.cause is Cause.NOT_READY


@pytest.mark.parametrize("kind", ["drop_after", "cut_json"])
def test_a_lost_answer_may_have_been_sent(kind: str, account: Account) -> None:
    account.fault(kind, path=LYRICS_PATH)
    with account.client(repeat=False) as client, pytest.raises(KieError) as raised:
        client.timed_words(account.request.task_id, account.request.audio_id)
    assert raised.value.sent is Sent.UNKNOWN


@pytest.mark.parametrize("key", ["finished", "short", "documented"])
def test_a_song_of_the_sandbox_is_its_lyrics(key: str, account: Account) -> None:
    song = scenario(key)
    track = task_of(song).tracks[0]
    with account.client() as client:
        timed = client.timed_words(song.task_id, song.audio_id)
    sung = "".join(f"[{word.section}] {word.text} " if word.section else f"{word.text} " for word in timed.words)
    assert sung.split() == track.lyrics.split()
    assert all(0 <= word.start < word.end <= track.duration for word in timed.words)
    assert timed.waveform


def test_an_instrumental_of_the_sandbox_has_no_words(account: Account) -> None:
    with account.client() as client:
        assert client.timed_words(scenario("instrumental").task_id, scenario("instrumental").audio_id) == TimedWords()


# Texts and section labels


@pytest.mark.parametrize(
    ("told", "text", "section"),
    [
        ("[Verse]\nWaggin'", "Waggin'", "Verse"),
        ("[Verse 1]\n\nWaggin' ", "Waggin'", "Verse 1"),
        ("[ Pre -\n Chorus ] oh", "oh", "Pre - Chorus"),
        ("[Intro]\n[Verse]\nSalt", "Salt", "Verse"),
        ("[]salt", "salt", ""),
        ("rail\ning\n\n", "rail ing", ""),
        ("(ooh)", "(ooh)", ""),
        ("[half a label", "[half a label", ""),
        ("cut \ud83d\0", "cut ??", ""),
        (1999, "1999", ""),
    ],
)
def test_a_word_is_told_from_its_label(told: object, text: str, section: str) -> None:
    assert texts(word(told)) == [(section, text)]


def test_a_label_after_a_word_begins_the_next_section() -> None:
    assert texts(word("railing\n\n[Chorus]\n", 1, 2), word("Leave", 3, 4), word("one", 4, 5)) == [
        ("", "railing"),
        ("Chorus", "Leave"),
        ("", "one"),
    ]


@pytest.mark.parametrize(
    "silent",
    [
        word("[Chorus]\n"),
        word("[Chorus]\nlost", success=False),
        word("[Chorus]\nlost", None),
        {"word": "[Chorus]\nlost"},
    ],
)
def test_the_label_of_a_word_that_is_left_out_goes_to_the_next(silent: object) -> None:
    assert texts(silent, word("Leave")) == [("Chorus", "Leave")]


@pytest.mark.parametrize("blank", [None, " \n", "[Break]"])
def test_a_word_without_a_text_is_left_out(blank: object) -> None:
    assert read(word(blank)) == []


# Times


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [
        ("14.2", "14.61", (14.2, 14.61)),
        (5.5, 5.0, (5.0, 5.5)),
        (-0.4, 0.3, (0.0, 0.3)),
        (-2, -1, (0.0, 0.0)),
    ],
)
def test_a_time_is_seconds_from_the_beginning(start: object, end: object, seconds: tuple[float, float]) -> None:
    (only,) = read(word("salt", start, end))
    assert (only.start, only.end) == seconds


@pytest.mark.parametrize("time", [None, "soon", float("nan")])
def test_a_word_without_a_time_is_left_out(time: object) -> None:
    assert read(word(start=time), word(end=time)) == []


def test_a_word_that_could_not_be_placed_is_left_out() -> None:
    assert [each.text for each in read(word("a", success=False), word("b", success=None), word("c"))] == ["b", "c"]


def test_words_are_in_the_order_in_which_they_are_sung() -> None:
    assert [each.text for each in read(word("c", 3, 4), word("a", 1, 2), word("b", 1, 3))] == ["a", "b", "c"]


def test_what_is_no_word_is_left_out() -> None:
    assert [each.text for each in read(None, "salt", 5, [], word("salt"), {})] == ["salt"]


# The waveform


def test_a_level_is_between_0_and_1_and_keeps_its_place() -> None:
    told = [0.5, -1, 2, "0.25", None, "loud", float("nan"), float("inf"), True, 1]
    assert TimedWords.read({"waveformData": told}).waveform == (0.5, 0, 1, 0.25, 0, 0, 0, 0, 0, 1)


# Anything at all

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.text("[]a \n"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
KEYS = ("word", "success", "startS", "endS", "palign")
entries = st.lists(values | st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, values)), max_size=4)
answers = values | st.fixed_dictionaries({"alignedWords": values | entries, "waveformData": values | st.lists(values)})


@steady
@given(data=answers)
def test_any_json_at_all_is_read_in_order_and_within_bounds(data: object) -> None:
    timed = TimedWords.read(data)
    assert list(timed.words) == sorted(timed.words, key=lambda word: (word.start, word.end))
    assert all(0 <= each.start <= each.end and each.text for each in timed.words)
    assert all(0 <= level <= 1 for level in timed.waveform)
    assert b"\0" not in "".join(each.text + each.section for each in timed.words).encode()
