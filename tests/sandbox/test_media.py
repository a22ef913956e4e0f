"""The tunes and covers of the invented tracks."""

from __future__ import annotations

import io
import wave
from array import array

import pytest
from PIL import Image

from sandbox.media import cover, tune
from sandbox.scenarios import TRACKS
from tests.sandbox.sandbox_caller import Caller
from tests.scenarios import BY_KEY


@pytest.mark.parametrize("key", ["finished", "instrumental", "short", "tiny"])
def test_a_tune_lasts_exactly_as_long_as_its_track(key: str, caller: Caller) -> None:
    track = caller.task(key).json()["data"]["response"]["sunoData"][0]
    answer = caller.send("GET", track["audioUrl"].removeprefix(caller.server.base_url))
    with wave.open(io.BytesIO(answer.content)) as tune_file:
        assert tune_file.getnframes() / tune_file.getframerate() == track["duration"]
        samples = array("h", tune_file.readframes(tune_file.getnframes()))
    assert 8000 < max(samples) < 32767


def test_a_player_can_ask_for_a_part(caller: Caller) -> None:
    path = f"/media/{BY_KEY['tiny'].audio_id}.wav"
    whole = caller.send("GET", path).content
    for wanted, part in (("2-5", whole[2:6]), ("100-", whole[100:]), ("-7", whole[-7:])):
        answer = caller.send("GET", path, headers={"Range": f"bytes={wanted}"})
        assert (answer.status_code, answer.content) == (206, part)


def test_a_part_beyond_the_end_cannot_be_had(caller: Caller) -> None:
    path = f"/media/{BY_KEY['tiny'].audio_id}.wav"
    assert caller.send("GET", path, headers={"Range": "bytes=99999999-"}).status_code == 416


def test_a_cover_is_a_square_picture(caller: Caller) -> None:
    answer = caller.send("GET", f"/media/{BY_KEY['finished'].audio_id}.png")
    picture = Image.open(io.BytesIO(answer.content))
    assert (answer.headers["content-type"], picture.size) == ("image/png", (320, 320))


def test_no_two_tracks_look_alike() -> None:
    some = list(TRACKS.values())[:8]
    assert len({cover(track) for track in some}) == len(some)


def test_composing_twice_gives_the_same() -> None:
    track = TRACKS[BY_KEY["tiny"].audio_id]
    first = tune(track), cover(track)
    tune.cache_clear()
    cover.cache_clear()
    assert (tune(track), cover(track)) == first


def test_a_stream_delivers_nothing_as_on_the_live_service(caller: Caller) -> None:
    answer = caller.send("GET", f"/media/{BY_KEY['finished'].audio_id}.stream")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("name", ["nobody.wav", f"{BY_KEY['finished'].audio_id}.exe"])
def test_other_media_are_not_found(name: str, caller: Caller) -> None:
    assert caller.send("GET", f"/media/{name}").status_code == 404


def test_the_log_shows_which_media_were_fetched(own: Caller) -> None:
    path = f"/media/{BY_KEY['finished'].audio_id}.png"
    own.send("GET", path)
    assert own.server.sandbox.count(path) == 1
