"""Whatever people paste into “Task ID”: which IDs are read out of it, and what is never taken for one."""

from __future__ import annotations

import html
import json
import random
import re
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from studio.song.pasted_text import (
    AUDIO_FORM,
    LONGEST,
    MASKED,
    NOTHING,
    ONLY_AUDIO,
    PERSONA,
    SONG_OF_PERSONA,
    TOO_LONG,
    Pasted,
    clean_id,
    find_ids,
)

TASK = "7f3c1e90a5b24d6c8e1f0a9b2c3d4e5f"
TASK_2 = "0b9a8c7d6e5f40312233445566778899"
UUID_TASK = "5b8e2f10-93c4-4d7a-b1e6-0c9d8a7f6e52"
JOB = "task_ai-music_1790000000000"
AUDIO, AUDIO_2 = "3b0f6c52-8d1e-4a77-9c24-5e6f7a8b9c0d", "94e1d7a6-20cb-4f5e-8b93-1a2b3c4d5e6f"
SOURCE = "aaaa1111-2222-4333-8444-555566667777"
VOICE = "c1d2e3f405162738495a6b7c8d9e0f10"
"""A persona's ID."""
TOKEN = "9d8c7b6a5f4e3d2c1b0a99887766554e"
KEY = "sk-4f9Qm2Xw8Lr0Tz6Yb1Vc"

LYRICS = '[Verse]\nSalt on the "railing" {low}\n[Chorus] id: none, C:\\new'
PARAM = {"callBackUrl": f"https://hooks.example.com/suno/{TASK_2}", "model": "V5", "prompt": LYRICS}


def track(audio_id: str, number: int = 1) -> dict[str, object]:
    return {
        "id": audio_id,
        "audioUrl": f"https://media.example.com/a/{VOICE}.mp3",
        "sourceAudioUrl": f"https://cdn1.suno.ai/{SOURCE}.mp3",
        "streamAudioUrl": f"https://stream.example.com/{VOICE}",
        "imageUrl": f"https://media.example.com/i/{SOURCE}.jpeg",
        "prompt": LYRICS,
        "modelName": "chirp-crow",
        "title": "Harbour Lights",
        "tags": "chamber jazz",
        "createTime": 1790000123456,
        "duration": 154.68 + number,
    }


def info(task_id: str = TASK, *audio_ids: str, param: dict[str, object] | None = None) -> dict[str, object]:
    """A record-info answer, as live replies look."""
    tracks = [track(audio_id, number) for number, audio_id in enumerate(audio_ids or (AUDIO, AUDIO_2))]
    data = {
        "taskId": task_id,
        "parentMusicId": SOURCE,
        "param": json.dumps(param or PARAM),
        "response": {"taskId": task_id, "sunoData": tracks},
        "status": "SUCCESS",
        "type": "chirp-crow",
        "operationType": "generate",
        "errorCode": None,
        "createTime": 1790000000000,
    }
    return {"code": 200, "msg": "success", "data": data}


CALLBACK_TRACKS = [
    {
        "id": audio_id,
        "audio_url": f"https://media.example.com/{VOICE}.mp3",
        "image_url": f"https://media.example.com/{VOICE}.jpeg",
        "prompt": LYRICS,
        "model_name": "chirp-hawk",
        "title": "Harbour Lights",
        "createTime": "2026-10-01 09:30:00",
        "duration": 198.44,
    }
    for audio_id in (AUDIO, AUDIO_2)
]
CALLBACK = {
    "code": 200,
    "msg": "All generated successfully.",
    "data": {"callbackType": "complete", "task_id": TASK, "data": CALLBACK_TRACKS},
}
ASKED = {"taskId": TASK, "audioId": AUDIO, "name": "Harbour Alto", "description": "Low, smoky", "vocalStart": 24.5}
EXTENDED = info(
    param={"defaultParamFlag": True, "audioId": SOURCE, "taskId": TASK_2, "uploadUrl": "https://x.example/a"}
)
JOB_RECORD: dict[str, object] = {
    "taskId": JOB,
    "model": "ai-music-api/generate-persona",
    "state": "success",
    "param": json.dumps({"input": {"task_id": TASK, "audio_id": SOURCE}}),
    "resultJson": json.dumps({"persona_id": VOICE, "name": "Harbour Alto"}),
    "failCode": None,
    "createTime": 1790000000000,
}
JOB_DONE = {"code": 200, "msg": "success", "data": JOB_RECORD}
JOB_MUSIC = {
    "data": {
        "taskId": JOB,
        "param": '{"input":{"audio_id":"' + SOURCE + '"}}',
        "resultJson": json.dumps({"data": CALLBACK_TRACKS}),
    }
}
BASH = f"""curl -X POST 'https://api.kie.ai/api/v1/generate/generate-persona' \\
  -H 'Authorization: Bearer {TOKEN}' \\
  -H 'Content-Type: application/json' \\
  -d '{json.dumps(ASKED)}'"""
WINDOWS = (
    'curl.exe -X POST "https://api.kie.ai/api/v1/generate/generate-persona" ^\r\n'
    f'  -H "Authorization: Bearer {KEY}" ^\r\n  --data-raw "{json.dumps(ASKED)}"'
).replace(json.dumps(ASKED), json.dumps(ASKED).replace('"', '\\"'))
CHROME_CMD = f'--data-raw ^"^{{^\\^"taskId^\\^":^\\^"{TASK}^\\^",^\\^"audioId^\\^":^\\^"{AUDIO}^\\^"^}}^"'
HISTORY = (
    "created_at,status,persona_id,name,description,task_id,audio_id,style,vocal_start,vocal_end,code,message\r\n"
    f'2026-10-01T09:30:00+00:00,created,{VOICE},Alto,"Low, smoky",{TASK},{AUDIO},,24.5,52.25,200,success\r\n'
    f"2026-10-01T09:31:00+00:00,refused,,Tenor,High,{TASK_2},{AUDIO_2},,,,409,exists\r\n"
)
WIRE = json.dumps(info())
BOTH, TRACKS = (TASK, TASK_2), (AUDIO, AUDIO_2)

PASTES: list[tuple[str, str, tuple[str, ...], tuple[str, ...], str]] = [
    # IDs by themselves, or nearly
    ("an ID", TASK, (TASK,), (), ""),
    ("an ID with blanks", f" \t{TASK}\n", (TASK,), (), ""),
    ("a UUID", AUDIO, (), (AUDIO,), ""),
    ("a job's ID", JOB, (JOB,), (), ""),
    ("an ID of another kind", "Suno-2026_x9", ("Suno-2026_x9",), (), ""),
    ("capital letters", TASK.upper(), (TASK,), (), ""),
    ("an ID in quotes", f"“{TASK}”", (TASK,), (), ""),
    ("another kind in quotes", '"Suno-2026_x9"', ("Suno-2026_x9",), (), ""),
    ("zero width characters", f"\ufeff{TASK[:7]}\u200b{TASK[7:]}\u200e", (TASK,), (), ""),
    ("two IDs", f"{TASK}\n{TASK_2}\n{TASK}", BOTH, (), ""),
    # answers
    ("record-info", WIRE, (TASK,), TRACKS, ""),
    ("record-info over many lines", json.dumps(info(), indent=2), (TASK,), TRACKS, ""),
    ("record-info, line breaks gone", json.dumps(info(), indent=2).replace("\n", ""), (TASK,), TRACKS, ""),
    ("record-info, line breaks blanks", json.dumps(info(), indent=4).replace("\n", " "), (TASK,), TRACKS, ""),
    ("record-info, keys in order", json.dumps(info(), sort_keys=True), (TASK,), TRACKS, ""),
    ("record-info printed by Python", repr(info()), (TASK,), TRACKS, ""),
    ("record-info inside a string", json.dumps(json.dumps(info())), (TASK,), TRACKS, ""),
    ("record-info inside a string inside a string", json.dumps(json.dumps(WIRE)), (TASK,), TRACKS, ""),
    ("record-info with smart quotes", re.sub(r'(?<!\\)"', "”", WIRE), (TASK,), TRACKS, ""),
    ("record-info as HTML shows it", html.escape(json.dumps(info(), indent=1)), (TASK,), TRACKS, ""),
    ("record-info in a CSV cell", '1,"' + WIRE.replace('"', '""') + '",ok', (TASK,), TRACKS, ""),
    ("record-info in a URL", "https://x.example/?body=" + quote(WIRE), (TASK,), TRACKS, ""),
    ("record-info in a form", "body=" + quote_plus(WIRE), (TASK,), TRACKS, ""),
    ("record-info in Markdown", f"Here:\n```json\n{WIRE}\n```\nthanks", (TASK,), TRACKS, ""),
    ("record-info of an extended song", json.dumps(EXTENDED), (TASK,), TRACKS, ""),
    ("the same, keys in order", json.dumps(EXTENDED, sort_keys=True), (TASK,), TRACKS, ""),
    (
        "the same, printed by Python, keys in order",
        repr(json.loads(json.dumps(EXTENDED, sort_keys=True))),
        (TASK,),
        TRACKS,
        "",
    ),
    ("the same, printed by Node", re.sub(r'(?<!\\)"(\w+)": ', r"\1: ", json.dumps(EXTENDED)), (TASK,), TRACKS, ""),
    ("record-info broken off in a track", WIRE[: WIRE.index("imageUrl")], (TASK,), (AUDIO,), ""),
    ("broken off behind the second track's ID", WIRE[: WIRE.index(AUDIO_2) + 37], (TASK,), TRACKS, ""),
    ("broken off behind the first track's ID", WIRE[: WIRE.index(AUDIO) + 37], (TASK,), (AUDIO,), ""),
    ("broken off inside the track's ID", WIRE[: WIRE.index(AUDIO) + 20], (TASK,), (), ""),
    ("broken off in the request", WIRE[: WIRE.index("Salt")], (TASK,), (), ""),
    ("nothing but the request", f'"param":"{{\\"input\\":{{\\"task_id\\":\\"{TASK}\\"}}}}"', (), (), ""),
    ("the beginning is missing", WIRE[WIRE.index("sunoData") :], (), TRACKS, ""),
    ("one track", json.dumps(track(AUDIO)), (), (AUDIO,), ""),
    ("two record-infos", WIRE + "\n\n" + json.dumps(info(TASK_2, SOURCE)), BOTH, (*TRACKS, SOURCE), ""),
    (
        "a waiting task",
        f'{{"code":200,"data":{{"taskId":"{TASK}","response":null,"status":"PENDING"}}}}',
        (TASK,),
        (),
        "",
    ),
    ("an unquoted opaque ID", "taskId=Suno2026x9 done", ("Suno2026x9",), (), ""),
    ("an opaque ID in an answer", '{"data":{"taskId":"t-1"}}', ("t-1",), (), ""),
    ("a sparse second track", f'"sunoData":[{json.dumps(track(AUDIO))},{{"id":"{AUDIO_2}"}}]', (), TRACKS, ""),
    ("a generate answer", f'{{"code":200,"msg":"success","data":{{"taskId":"{TASK}"}}}}', (TASK,), (), ""),
    ("a callback", json.dumps(CALLBACK), (TASK,), TRACKS, ""),
    ("a callback, wrapped", json.dumps({"id": SOURCE, "body": CALLBACK, "requestId": VOICE}), (TASK,), TRACKS, ""),
    ("a callback printed by Python", repr(CALLBACK), (TASK,), TRACKS, ""),
    ("a persona's job", json.dumps(JOB_DONE), (TASK,), (SOURCE,), ""),
    ("a persona's job, keys in order", json.dumps(JOB_DONE, sort_keys=True), (TASK,), (SOURCE,), ""),
    ("a music job's answer", json.dumps(JOB_MUSIC), (JOB,), TRACKS, ""),
    ("a list of tracks", json.dumps([track(AUDIO), {"id": AUDIO_2}]), (), TRACKS, ""),
    (
        "a stray quotation mark",
        f'He said " {{"x":[{{"id":"{AUDIO}","title":"a b","audioUrl":"https://x.example"}}]}}',
        (),
        (AUDIO,),
        "",
    ),
    ("a sample for an ID", '{"taskId": "your_task_1"}', (), (), ""),
    ("half an ID", f"Task ID: {TASK[:12]}", (), (), ""),
    ("half a job's ID", f"taskId={JOB[:-3]}", (), (), ""),
    ("an opaque ID broken off", '{"taskId": "Suno202', (), (), ""),
    ("a colon behind an ID", f'"taskId": "{TASK}"\n: done', (TASK,), (), ""),
    ("a persona's ID twice", f"Persona ID: {VOICE}. So {VOICE}!", (), (), ""),
    ("a part of a token", f"Bearer {TOKEN}Done taskId={TOKEN} taskId={TOKEN}Done", (), (), f"{TOKEN}Done"),
    ("the end of a token", f"Bearer x~{TASK} and x~{TASK}", (), (), f"x~{TASK}"),
    # requests
    ("a persona request", json.dumps(ASKED), (TASK,), (AUDIO,), ""),
    ("a persona job", f'{{"input":{{"task_id":"{TASK}","audio_id":"{AUDIO}"}}}}', (TASK,), (AUDIO,), ""),
    ("an extend request", f'{{"audioId":"{AUDIO}","personaId":"{VOICE}","model":"V5"}}', (), (AUDIO,), ""),
    ("curl for bash", BASH, (TASK,), (AUDIO,), TOKEN),
    ("curl for bash, line breaks gone", BASH.replace("\n", ""), (TASK,), (AUDIO,), TOKEN),
    ("curl for Windows", WINDOWS, (TASK,), (AUDIO,), KEY),
    ("curl from Chrome for Windows", CHROME_CMD, (TASK,), (AUDIO,), ""),
    ("another kind from Chrome for Windows", '^"taskId^":^"Suno-9^"', ("Suno-9",), (), ""),
    ("JSON with escapes", f"\\u0022audioId\\u0022:\\u0022{AUDIO}\\u0022", (), (AUDIO,), ""),
    ("a result in a request", json.dumps(info(param={"response": {"taskId": TASK_2}})), (TASK,), TRACKS, ""),
    (
        "curl for record-info",
        f'curl "https://api.kie.ai/x?taskId={TASK}" -H "Authorization: Bearer {KEY}"',
        (TASK,),
        (),
        KEY,
    ),
    ("curl with a form", f"curl -G https://x.example --data-urlencode 'taskId={JOB}'", (JOB,), (), ""),
    ("a URL", f"https://api.kie.ai/api/v1/generate/record-info?taskId={TASK}", (TASK,), (), ""),
    ("an ID in a URL", f"https://kie.ai/logs?id={TASK}&tab=music", (TASK,), (), ""),
    ("a URL with more", f"https://x.example/s?a=1&task_id={JOB}&audio_id={AUDIO}#top", (JOB,), (AUDIO,), ""),
    ("a URL in a URL", "https://x.example/?to=" + quote(f"https://kie.ai/logs?taskId={TASK}&x=1", ""), (TASK,), (), ""),
    ("twice encoded", "https://x.example/?to=" + quote(quote(f"?taskId={TASK}", ""), ""), (TASK,), (), ""),
    ("a link in HTML", f'<a href="https://kie.ai/logs?x=1&amp;taskId={TASK}">open</a>', (TASK,), (), ""),
    # code and logs
    ("Python", f'client.create_persona(task_id="{TASK}", audio_id="{AUDIO}")', (TASK,), (AUDIO,), ""),
    ("a Python dictionary", f"payload['taskId'] = '{TASK}'  # was task_id", (TASK,), (), ""),
    ("JavaScript", f"const taskId = '{TASK}'; post({{ taskId, audioId: `{AUDIO}` }})", (TASK,), (AUDIO,), ""),
    ("Java", f"Record(taskId={TASK}, tracks=[Track(id={AUDIO}, audioUrl=https://x.example)])", (TASK,), (AUDIO,), ""),
    (
        "YAML",
        f"taskId: {TASK}\nsunoData:\n  - id: {AUDIO}\n    audioUrl: https://x.example/a.mp3\n",
        (TASK,),
        (AUDIO,),
        "",
    ),
    ("an option", f"persona --task-id {TASK} --audio-id {AUDIO}", (TASK,), (AUDIO,), ""),
    ("a log line", f"2026-10-01 09:30:00.123 INFO [req {SOURCE}] taskId={TASK} status=SUCCESS", (TASK,), (), ""),
    ("a log line in words", f"09:30 music job {JOB} finished in 93 s", (JOB,), (), ""),
    ("a log's next line comes right behind", f"Task ID: {TASK}Status: SUCCESS", (TASK,), (), ""),
    ("the next line begins with a date", f"taskId={TASK}2026-10-01 09:31:00 done", (TASK,), (), ""),
    ("a row", f"2026-10-01T09:30:00Z,{TASK},V5,SUCCESS,12", (TASK,), (), ""),
    ("a row with tabs", f"2026-10-01\t{TASK}\tV5\t{AUDIO}", (TASK,), (), ""),
    ("a history", HISTORY, BOTH, TRACKS, ""),
    ("a table with tabs", f"taskId\tpersonaId\taudioId\n{TASK}\t{VOICE}\t{AUDIO}", (TASK,), (AUDIO,), ""),
    ("a table, the task last", f"audioId;personaId;taskId\n{AUDIO};{VOICE};{TASK}\n", (TASK,), (AUDIO,), ""),
    (
        "a table in HTML",
        f"<tr><td>taskId</td><td>{TASK}</td></tr><tr><td>audioId</td><td>{AUDIO}</td>",
        (TASK,),
        (AUDIO,),
        "",
    ),
    (
        "a table with its names above",
        f"<th>audioId</th><th>taskId</th><tr><td>{AUDIO}</td><td>{TASK}</td>",
        (TASK,),
        (AUDIO,),
        "",
    ),
    ("a table in Markdown", f"| Task ID | {TASK} |\n|---|---|\n| Audio ID | {AUDIO} |", (TASK,), (AUDIO,), ""),
    (
        "coloured code",
        f'<span class="k">"taskId"</span><span>:</span> <span class="s">"{TASK}"</span>',
        (TASK,),
        (),
        "",
    ),
    (
        "a table in HTML with personas",
        f"<table>\n<tr>\n<th>Persona ID</th>\n<th>Task ID</th>\n</tr>\n<tr>\n<td>{VOICE}</td>\n<td>{TASK}</td>\n</tr>",
        (TASK,),
        (),
        "",
    ),
    ("a table in a list", f"Songs:\ntaskId, audioId\n- {TASK}, {AUDIO}\n", (TASK,), (AUDIO,), ""),
    ("a cell of several lines", f'name;task_id\n"Harbour\nLights";{TASK}\n', (TASK,), (), ""),
    ("what a browser's tools list", f'{{"name":"taskId","value":"{TASK}"}}', (TASK,), (), ""),
    # people
    ("a message", f"Hi! My task ID is: **{TASK}**. Could you look? Thanks :)", (TASK,), (), ""),
    ("a message without the word", f"this one: {TASK}, please", (TASK,), (), ""),
    ("an ID in words", f"ID: {TASK}", (TASK,), (), ""),
    ("two tracks in words", f"Task ID {TASK}, audio IDs {AUDIO} and {AUDIO_2}", (TASK,), TRACKS, ""),
    ("a number sign", f"see task #{TASK}", (TASK,), (), ""),
    ("Chinese", f"任务ID：{TASK}，音频没有声音", (TASK,), (), ""),
    ("Japanese", f"タスクID「{TASK}」です", (TASK,), (), ""),
    ("Russian", f"Вот идентификатор задачи — {TASK}.", (TASK,), (), ""),
    ("French", f"Identifiant de la tâche : « {TASK} »", (TASK,), (), ""),
    ("Arabic", f"معرّف المهمة \u200f{TASK}\u200f شكرا", (TASK,), (), ""),
    ("both IDs in words", f"Task ID: {TASK}\nAudio ID: {AUDIO}\nPersona ID: {VOICE}", (TASK,), (AUDIO,), ""),
    # tokens
    ("a token to keep", f"KIE_API_KEY={TOKEN}", (), (), TOKEN),
    ("a header", f"Authorization: Bearer {TOKEN}", (), (), TOKEN),
    ("a bare header", f'"Authorization": "{TOKEN}"', (), (), TOKEN),
    ("a token by its look", KEY, (), (), KEY),
    ("a token in a file", f"# kie\nexport KIE_API_KEY='{KEY}'\ntask_id={TASK}\n", (TASK,), (), KEY),
    ("a token in JSON", f'{{"api_key": "{TOKEN}", "taskId": "{TASK}"}}', (TASK,), (), TOKEN),
    ("a token in a URL", f"https://x.example/?api_key={TOKEN}&taskId={TASK}", (TASK,), (), TOKEN),
    ("a token, percent-encoded", f"Authorization=Bearer%20{TOKEN}&taskId%3D{TASK}", (TASK,), (), TOKEN),
    ("a token where a task ID should be", f"Bearer {TOKEN}\ntaskId={TOKEN}", (), (), TOKEN),
    ("a token in words", f"my KIE API key is {TOKEN}, and the song is {TASK}.", (TASK,), (), TOKEN),
    ("a token, then a task", f"Authorization: Bearer {TOKEN} {TASK}", (TASK,), (), TOKEN),
    (
        "a token, the next line right behind",
        f"Bearer {TOKEN}Content-Type: x taskId={TASK}",
        (TASK,),
        (),
        f"{TOKEN}Content-Type",
    ),
    ("a token at the end of a sentence", f"My token is {TOKEN}. Thanks", (), (), TOKEN),
    ("another scheme", f"Authorization: Basic {TOKEN}", (), (), TOKEN),
    ("a sample for a token", f'-H "Authorization: Bearer YOUR_API_KEY_1" -d taskId={TASK}', (TASK,), (), ""),
    (
        "a variable for a token",
        f'-H "Authorization: Bearer $KIE_API_KEY" "https://x.example/v1?taskId={TASK}"',
        (TASK,),
        (),
        "",
    ),
    # nothing
    ("nothing", "", (), (), ""),
    ("a sentence", "Where do I find the task ID? Bearer of bad news: I lost it in 2026.", (), (), ""),
    ("a persona's answer", f'{{"code":200,"data":{{"personaId":"{VOICE}","name":"Alto"}}}}', (), (), ""),
    ("an error", '{"code":401,"msg":"You do not have access permissions"}', (), (), ""),
    ("a gateway's page", '<html id="a1b2c3d4"><body>502 Bad Gateway</body></html>', (), (), ""),
    ("an audio's address", f"https://cdn1.suno.ai/{AUDIO}.mp3", (), (), ""),
    ("a picture's address", f"https://media.example.com/i/{VOICE}.jpeg?v=1790000000000", (), (), ""),
    ("other things with IDs", json.dumps({"id": SOURCE, "etag": VOICE, "data": [{"id": "gpt-4"}]}), (), (), ""),
    ("empty values", '{"taskId":"","task_id":null,"audioId":"","status":"SUCCESS1"}', (), (), ""),
    ("words for values", '{"taskId": "string", "audioId": "your_audio_id_1", task_id: response2.data}', (), (), ""),
    (
        "code without values",
        "taskId = response.data.taskId; post({ taskId: taskId, audioId: pick(tracks2) })",
        (),
        (),
        "",
    ),
    ("a source that is no task", f"parentMusicId={SOURCE} personaTaskId={TASK_2}", (), (), ""),
    ("a masked sample", '{"taskId": "5c79****be8e", "audioId": "e231****-****-****-****-****8cadc7dc"}', (), (), ""),
    ("a shortened ID", "Task ID: 7f3c1e90…2c3d4e5f", (), (), ""),
]


@pytest.mark.parametrize(("text", "tasks", "tracks", "token"), [p[1:] for p in PASTES], ids=[p[0] for p in PASTES])
def test_a_paste_gives_its_ids(text: str, tasks: tuple[str, ...], tracks: tuple[str, ...], token: str) -> None:
    found = find_ids(text)
    assert (found.task_ids, found.audio_ids, found.token) == (tasks, tracks, token)
    assert bool(found.problem) == (not tasks and not token)


BROKEN = [p for p in PASTES if len(p[1].splitlines()) > 1 and not p[0].startswith(("a table", "a history"))]
"""Those that have line breaks. A table without them is none."""


@pytest.mark.parametrize(("text", "tasks", "tracks", "token"), [p[1:] for p in BROKEN], ids=[p[0] for p in BROKEN])
def test_a_text_field_may_turn_line_breaks_into_blanks(
    text: str, tasks: tuple[str, ...], tracks: tuple[str, ...], token: str
) -> None:
    found = find_ids(" ".join(text.splitlines()))
    assert (found.task_ids, found.audio_ids, found.token) == (tasks, tracks, token)


@pytest.mark.parametrize("write", [json.dumps, repr], ids=["JSON", "Python"])
@pytest.mark.parametrize("answer", [info(), EXTENDED, CALLBACK, JOB_MUSIC], ids=["info", "extended", "callback", "job"])
def test_an_answer_that_breaks_off_anywhere_gives_no_wrong_id(answer: object, write: Callable[[object], str]) -> None:
    text = write(answer)
    whole = find_ids(text)
    for end in range(text.index("{", 1), len(text), 3):
        part = find_ids(text[:end])
        assert part.task_ids == whole.task_ids[: len(part.task_ids)]
        assert part.audio_ids == whole.audio_ids[: len(part.audio_ids)]


# kinds of pastes, each in many spellings


def ways(text: str) -> list[str]:
    """A text as it is, and with its line breaks turned into blanks."""
    return [text, " ".join(text.splitlines())]


def written(answer: object) -> list[str]:
    """An answer in the ways in which it is shown."""
    return [
        json.dumps(answer),
        repr(answer),
        json.dumps(answer, sort_keys=True),
        json.dumps(answer, indent=2),
        json.dumps(answer, indent=2).replace("\n", ""),
        json.dumps(json.dumps(answer)),
        html.escape(json.dumps(answer)),
        f"Here it is:\n```json\n{json.dumps(answer)}\n```\nThanks!",
        "https://x.example/?body=" + quote(json.dumps(answer)),
        '1,"' + json.dumps(answer).replace('"', '""') + '",ok',
    ]


@pytest.mark.parametrize(
    "text",
    [
        f"audioId: {AUDIO}\ntaskId: {TASK}\nstatus: done",
        f"audioId: {AUDIO}taskId: {TASK}status: done",
        f"taskId: {TASK}audioId: {AUDIO}status: done",
        f"Task ID: {TASK}Audio ID: {AUDIO}",
        f"Audio ID: {AUDIO}\nPersona ID: {VOICE}\nTask ID: {TASK}",
        f"AUDIO_ID={AUDIO.upper()}\nTASK_ID={TASK.upper()}\n",
        f"The audio ID is {AUDIO} and the task ID is {TASK}.",
        f"音频ID：{AUDIO}\n任务ID：{TASK}",
        f"- **Audio ID:** `{AUDIO}`\n- **Task ID:** `{TASK}`",
        f"-[ RECORD 1 ]---+---\npersona_id | {VOICE}\nsource_task_id | {TASK}\nsource_audio_id | {AUDIO}",
    ],
)
def test_lines_of_keys(text: str) -> None:
    for way in ways(text):
        found = find_ids(way)
        assert (found.task_ids, found.audio_ids) == ((TASK,), (AUDIO,)), way


HEADS = [
    ["suno_persona_id", "name", "source_task_id", "source_audio_id"],
    ["Persona ID", "Name", "Task ID", "Audio ID"],
    ["personaId", "name", "taskId", "audioId"],
    ["PERSONA_ID", "NAME", "TASK_ID", "AUDIO_ID"],
    ["persona-id", "name", "task-id", "audio-id"],
    ["Persona ID", "Length (s)", "Source Task ID", "Source Audio ID"],
]
ROWS = [[VOICE, "Alto", TASK, AUDIO], [VOICE, "Tenor", TASK_2, AUDIO_2]]


def markdown(rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [rows[0], ["---"] * len(rows[0]), *rows[1:]])


def psql(rows: list[list[str]]) -> str:
    ruled = [" | ".join(rows[0]), "-+-".join("-" * len(head) for head in rows[0]), *map(" | ".join, rows[1:])]
    return "\n".join([f" {line}" for line in ruled] + [f"({len(rows) - 1} rows)", ""])


def boxed(rows: list[list[str]]) -> str:
    rule = "+" + "+".join(["------"] * len(rows[0])) + "+"
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([rule, lines[0], rule, *lines[1:], rule])


TABLES: dict[str, Callable[[list[list[str]]], str]] = {
    "commas": lambda rows: "\r\n".join(map(",".join, rows)),
    "all quoted": lambda rows: "\n".join(",".join(f'"{cell}"' for cell in row) for row in rows),
    "semicolons": lambda rows: "\n".join(map(";".join, rows)),
    "tabs": lambda rows: "\n".join(map("\t".join, rows)),
    "Markdown": markdown,
    "psql": psql,
    "a box": boxed,
    "a box in a message": lambda rows: f"These are mine:\n{boxed(rows)}\nThank you",
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("heads", HEADS, ids=["/".join(heads) for heads in HEADS])
def test_a_table_is_read_by_its_head(heads: list[str], table: Callable[[list[list[str]]], str]) -> None:
    for order in ([0, 1, 2, 3], [2, 3, 1, 0], [1, 3, 0, 2]):
        text = table([[row[column] for column in order] for row in [heads, *ROWS]])
        found = find_ids(text)
        assert (found.task_ids, found.audio_ids, found.note) == (BOTH, TRACKS, ""), text


def test_a_table_of_personas_alone_has_no_song() -> None:
    found = find_ids(markdown([["Persona ID", "Name"], [VOICE, "Alto"]]))
    assert found == Pasted(problem=PERSONA)


def test_a_cell_may_be_longer_than_any_that_is_read() -> None:
    assert find_ids(f"taskId,audioId\n{TASK},{AUDIO}\n{'x' * 200_000}") == Pasted((TASK,), (AUDIO,))


def test_rows_may_be_longer_and_shorter_than_the_head() -> None:
    text = f"sep=,\npersona_id,task_id,note\n{VOICE},{TASK},,,\n\n{VOICE}\n{VOICE},{TASK_2}"
    assert find_ids(text).task_ids == BOTH


@pytest.mark.parametrize(
    "key", ["source_task_id", "sourceTaskId", "originalTaskId", "parentTaskId", "orig_task_id", "SRC-TASK-ID"]
)
def test_the_task_of_the_source_is_taken_where_no_other_is_named(key: str) -> None:
    for text in (f'{{"suno_persona_id":"P","{key}":"{TASK}"}}', f"{key}: {TASK}", f"{key}={TASK}&x=1"):
        assert find_ids(text).task_ids == (TASK,), text
        for more in (f"{text} taskId={TASK_2}", f"Task ID: {TASK_2}\n{text}"):
            assert find_ids(more).task_ids == (TASK_2,), more
    both = f"{key}: {TASK}\nsourceAudioId: {AUDIO}"
    assert find_ids(both).audio_ids == (AUDIO,)
    assert find_ids(f"{both}\ntaskId: {TASK_2}").audio_ids == ()


TOKEN_2 = "1a2b3c4d5e6f708192a3b4c5d6e7f809"
NAMED_TOKENS = (
    """
KIE_API_KEY={}|KIE_SECRET={}|KIE_KEY={}|SUNO_KEY: {}|KIE_API_KEY_2={}|KIEAI_API_KEY={}|export KIE_TOKEN={}
api key: {}|API key {}|apikey {}|api-key: {}|x-api-key: {}|My KIE key is {}|my key for kie: {}|API key (kie.ai): {}
kie.ai key: {}|API key for kie.ai = {}|secret: {}|secret key: {}|private key {}|client_secret: '{}'|access_token={}
token: {}|Token {}|kie token: {}|password: {}|PASS={}|pwd: {}|auth: {}|credentials: {}|API: {}|KIE={}
Bearer {}|authorization: {}|Authorization: Bearer {}|authorization = "Bearer {}"|-H 'authorization: Bearer {}'
"Authorization": `Bearer {}`|const API_KEY = '{}';|const apiKey: string = "{}"|api_key: str = "{}"
os.environ['KIE_API_KEY'] = '{}'|setx KIE_API_KEY {}|<add key="KieApiKey" value="{}"/>|**API key:** `{}`|- API key – {}
{{"name":"Authorization","value":"Bearer {}"}}|{{"key":"api_key","value":"{}"}}|api_key%3D{}|\\"apiKey\\":\\"{}\\"
Chave de API kie.ai: {}|Chave da API: {}|clé API : {}|clé d’API : {}|Clé de l'API: {}|API-Schlüssel: {}|API Schlüssel {}
clave de API: {}|Clave API: {}|clave de la API: {}|chiave API: {}|API-sleutel: {}|API anahtarı: {}|klucz API: {}
API ключ: {}|ключ API: {}|API-ключ — {}|密钥: {}|API密钥：{}|API 密钥: {}|令牌：{}|APIキー：{}|APIキーは{}です
API 키: {}|kie-api-key: {}
""".strip()
    .replace("\n", "|")
    .split("|")
)
NAMED_TOKENS += ["密钥是{}", "KIE_AI_KEY={}", "KIE_API={}", "KIE_TOKEN_PROD={}", "Mein API-Key ist {}", "Token is: {}"]
NAMED_TOKENS += ["| API key | {} |", "API key:\n\n{}\n", "Your API Key\n{}", "api_key:\n  {}"]


@pytest.mark.parametrize("form", NAMED_TOKENS)
@pytest.mark.parametrize("token", [TOKEN, f"{TOKEN}a1b2c3d4", KEY, "Eight8ch"])
def test_a_named_token_is_no_task(form: str, token: str) -> None:
    text = form.format(token)
    for way in ways(text):
        found = find_ids(way)
        assert found == Pasted(token=token), way
        assert found.token == token
    for more in (f"{text}\ntaskId: {TASK}", f"{TASK}, {text}", f'{{"task_id":"{TASK}"}}\n{text}'):
        assert (find_ids(more).task_ids, find_ids(more).token) == ((TASK,), token), more


@pytest.mark.parametrize(
    "form",
    [
        'SUNO_API_KEYS="{},{}"',
        "SUNO_API_KEYS='{} {}'",
        "API_KEYS=[{}, {}]",
        '"apiKeys": ["{}", "{}"]',
        '"apiKeys": [\n  "{}",\n  "{}"\n]',
        "api_keys:\n  - {}\n  - {}",
        "TOKENS={};{}",
        "KIE_API_KEY={},{}",
        "KIE_SECRETS={}\n{}",
        'api_key: "{}, {}"',
        "KIE_API_KEY={}\nKIE_SECRET={}",
    ],
)
def test_none_of_several_tokens_is_a_task(form: str) -> None:
    for text in ways(form.format(TOKEN, TOKEN_2)):
        assert (find_ids(text).task_ids, find_ids(text).token) == ((), TOKEN), text
        more = f"{text}\ntaskId: {TASK} {TOKEN_2}"
        assert (find_ids(more).task_ids, find_ids(more).token) == ((TASK,), TOKEN), more


@pytest.mark.parametrize(
    "text",
    [
        f"token: \ntaskId: {TASK}",
        f"token taskId={TASK}",
        f'{{"token":"","task_id":"{TASK}"}}',
        f"Bearer $TOKEN -d taskId={TASK}",
        f"api_key=\ntask_id={TASK}",
        f"Authorization: Bearer <your key>\ntaskId: {TASK}",
        f"api_key = os.environ['K1'], task_id='{TASK}'",
        f"GET https://api.kie.ai/api/v1/generate/record-info?taskId={TASK}",
    ],
)
def test_a_token_that_is_not_there_takes_no_task_along(text: str) -> None:
    for way in ways(text):
        assert (find_ids(way).task_ids, find_ids(way).token) == ((TASK,), ""), way


@pytest.mark.parametrize(
    "form",
    [
        "audioIds: [{}, {}]",
        "audioIds: {}, {}",
        '"audioIds": ["{}", "{}"]',
        "audio_ids=['{}','{}']",
        "Audio IDs: {}, {}",
        "audioIds:\n- {}\n- {}",
        '"audioId": [\n "{}",\n "{}"\n]',
    ],
)
def test_all_tracks_of_a_list_are_found(form: str) -> None:
    for text in ways(form.format(*TRACKS)):
        assert find_ids(text) == Pasted(audio_ids=TRACKS, problem=ONLY_AUDIO), text
        assert (find_ids(f"{text}\ntaskId: {TASK}").audio_ids) == TRACKS, text


def persona_job(**changed: object) -> dict[str, object]:
    return {"code": 200, "msg": "success", "data": {**JOB_RECORD, **changed}}


LIVE_PARAM = json.dumps(
    {"model": "ai-music-api/generate-persona", "input": json.dumps({"task_id": TASK, "audio_id": AUDIO})}
)
PERSONAS: dict[str, tuple[object, tuple[str, ...], tuple[str, ...]]] = {
    "a job": (JOB_DONE, (TASK,), (SOURCE,)),
    "a job, as live replies look": (persona_job(param=LIVE_PARAM), (TASK,), (AUDIO,)),
    "a job, as the page shows it": (persona_job(param={"input": {"task_id": TASK}}), (TASK,), ()),
    "a job without its model": (persona_job(model=None), (TASK,), (SOURCE,)),
    "a job whose request names the model": (
        persona_job(model="", param=LIVE_PARAM, resultJson=""),
        (TASK,),
        (AUDIO,),
    ),
    "a job that is named in its result": (
        persona_job(param="", resultJson=json.dumps({"task_id": JOB, "persona_id": VOICE})),
        (),
        (),
    ),
    "a job without its request": (persona_job(param=""), (), ()),
    "a job that waits": (persona_job(param="", state="waiting", resultJson=""), (), ()),
    "a job with a decoded result": (
        persona_job(model="", resultJson="", response={"personaId": VOICE}),
        (TASK,),
        (SOURCE,),
    ),
    "an answer": ({"code": 200, "data": {"personaId": VOICE, "name": "Alto", "description": "Low"}}, (), ()),
    "an answer with a job's ID": ({"data": {"taskId": JOB, "recordId": JOB, "personaId": VOICE}}, (), ()),
    "a persona with its source": (
        {"personaId": VOICE, "sourceTaskId": TASK, "sourceAudioId": AUDIO},
        (TASK,),
        (AUDIO,),
    ),
}


@pytest.mark.parametrize(("answer", "tasks", "tracks"), PERSONAS.values(), ids=PERSONAS)
def test_a_persona_is_no_song_but_may_name_one(answer: object, tasks: tuple[str, ...], tracks: tuple[str, ...]) -> None:
    for text in written(answer):
        found = find_ids(text)
        note, problem = (SONG_OF_PERSONA, "") if tasks else ("", PERSONA)
        assert found == Pasted(tasks, tracks, note=note, problem=problem), text


MUSIC_JOB = {
    "data": {
        "taskId": TASK,
        "model": "ai-music-api/generate",
        "state": "success",
        "param": json.dumps({"input": json.dumps({"persona_id": VOICE, "audio_id": SOURCE, "task_id": TASK_2})}),
        "resultJson": json.dumps({"code": 200, "data": CALLBACK_TRACKS, "task_id": TASK}),
    }
}
SUNG = {"data": {"taskId": TASK, "resultJson": json.dumps({"personaId": VOICE, "data": CALLBACK_TRACKS})}}
WAITING = {"taskId": TASK, "param": json.dumps({"input": {"persona_id": VOICE}}), "resultJson": "", "state": "waiting"}
STORED = {"persona_id": VOICE, "task_id": TASK, "audio_id": AUDIO, "name": "Alto"}
PERSONA_JOB = {"model": "ai-music-api/generate-persona", "input": {"task_id": TASK, "audio_id": AUDIO}}
TRICKY = {"title": "un } balanced ] {", "param": json.dumps({"prompt": ":} } {", "taskId": TASK_2}), "taskId": TASK}


@pytest.mark.parametrize(
    ("answer", "tracks"),
    [
        (info(), TRACKS),
        (MUSIC_JOB, TRACKS),
        (SUNG, TRACKS),
        (WAITING, ()),
        (STORED, (AUDIO,)),
        (PERSONA_JOB, (AUDIO,)),
    ],
    ids=["record-info", "a music job", "a result with a persona", "a waiting job", "a stored persona", "a request"],
)
def test_a_song_needs_no_note(answer: object, tracks: tuple[str, ...]) -> None:
    for text in written(answer):
        assert find_ids(text) == Pasted((TASK,), tracks), text


@pytest.mark.parametrize(
    "words", ["{low}", "Low {smoky, soft}", "{{verse}}", "[Verse: {low}]", ":)", "{", "a } b", "[", "]"]
)
def test_brackets_in_a_text_do_not_end_the_request_behind_a_task(words: str) -> None:
    request = {"extra": {}, "prompt": words, "tags": [], "taskId": TASK_2}
    answers = [TRICKY, {"param": json.dumps(request), "taskId": TASK}, {"param": request, "taskId": TASK}]
    for text in (text for answer in answers for text in written(answer)[:-1]):
        assert find_ids(text) == Pasted((TASK,)), text


def test_a_key_alone_is_no_token() -> None:
    assert find_ids(f"key: {TASK}").token == ""


@pytest.mark.parametrize("form", ["{}", '"{}"', "“{}”", " {}\n", "{},", "My song {} has no sound"])
@pytest.mark.parametrize("audio_id", [AUDIO, AUDIO.upper()])
def test_a_uuid_alone_is_an_audio_id(form: str, audio_id: str) -> None:
    assert find_ids(form.format(audio_id)) == Pasted(audio_ids=(AUDIO,), problem=AUDIO_FORM)
    assert find_ids(f"taskId: {audio_id}").task_ids == (AUDIO,)


@pytest.mark.parametrize("value", [TASK, AUDIO, JOB, "Suno-2026_x9"])
@pytest.mark.parametrize(
    "form", ["{}", " {}\n", '"{}"', "'{}',", "“{}”", "[{}]", '\\"{}\\"', "({});", "\ufeff{}\u200b", "«\xa0{}\xa0»"]
)
def test_a_typed_id_is_freed_of_what_is_around_it(value: str, form: str) -> None:
    assert clean_id(form.format(value)) == value


@pytest.mark.parametrize(
    ("text", "value"), [(TASK.upper(), TASK), (AUDIO.upper(), AUDIO), ("Ab", "Ab"), ("a.b c", "a.b c"), (" ", "")]
)
def test_only_hex_ids_change_their_case(text: str, value: str) -> None:
    assert clean_id(text) == value


# one ID and nothing else


@pytest.mark.parametrize("text", [TASK, JOB, "abc", "_x-1", "a" * 128, f"\n {TASK}\t", f"\xa0{JOB}\u3000"])
def test_one_id_and_nothing_else_is_plain(text: str) -> None:
    assert find_ids(text) == Pasted(task_ids=(text.strip(),), plain=True)


def test_capital_letters_are_plain_too() -> None:
    assert find_ids(f" {TASK.upper()}") == Pasted((TASK,), plain=True)


@pytest.mark.parametrize("text", [f'"{TASK}"', f"{TASK}.", f"\ufeff{TASK}", f"taskId={TASK}", f"{TASK} {TASK}"])
def test_anything_else_around_an_id_is_not(text: str) -> None:
    assert find_ids(text) == Pasted(task_ids=(TASK,))


def test_what_is_longer_than_any_id_is_none() -> None:
    assert find_ids("a1" * 65).task_ids == ()


# tokens


def test_only_who_knows_the_token_can_tell_it_from_a_task_id() -> None:
    assert (find_ids(TOKEN).task_ids, find_ids(TOKEN).token) == ((TOKEN,), "")
    assert find_ids(TOKEN, TOKEN.__eq__) == Pasted(token=TOKEN)


@pytest.mark.parametrize(
    "text",
    [f"taskId={TOKEN}", f"{TOKEN} and {TASK}", json.dumps(info(TOKEN)), f'"id":"{TOKEN}"', f"personaId: {TOKEN}"],
)
def test_a_known_token_is_in_no_other_field(text: str) -> None:
    found = find_ids(text, TOKEN.__eq__)
    assert found.token == TOKEN
    assert TOKEN not in found.task_ids + found.audio_ids


@pytest.mark.parametrize("text", [TOKEN.upper(), f"“{TOKEN.upper()}”", f"taskId={TOKEN.upper()} x"])
def test_a_known_token_is_known_by_its_own_case(text: str) -> None:
    found = find_ids(text, TOKEN.upper().__eq__)
    assert (found.token, found.task_ids) == (TOKEN.upper(), ())


@pytest.mark.parametrize("text", ["kie.demo/token+1=", " 'kie-Hearsay' "])
def test_a_known_token_may_have_any_form(text: str) -> None:
    token = text.strip(" '")
    assert find_ids(text, token.__eq__) == Pasted(token=token)


def test_nothing_of_a_token_is_in_the_repr() -> None:
    found = find_ids(BASH)
    assert found.token == TOKEN
    assert not any(TOKEN[start : start + 4] in repr(found) for start in range(len(TOKEN) - 3))


# sentences


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", NOTHING),
        ("Where is it?", NOTHING),
        ('{"taskId": "5c79****be8e"}', MASKED),
        ("5c79...be8e", MASKED),
        ("Task ID: 5c79••••be8e", MASKED),
        (f"audioId={AUDIO}", ONLY_AUDIO),
        (AUDIO, AUDIO_FORM),
        (f"personaId={VOICE}", PERSONA),
        (f'{{"audioId":"{AUDIO}","personaId":"{VOICE}"}}', ONLY_AUDIO),
        (json.dumps(track(AUDIO) | {"prompt": "f***ing"}), ONLY_AUDIO),
        ("x" * (LONGEST + 1), TOO_LONG),
        (f"Bearer {TOKEN}", ""),
        (f"taskId={TASK} audioId=e231****", ""),
    ],
)
def test_a_sentence_says_what_is_missing(text: str, sentence: str) -> None:
    assert find_ids(text).problem == sentence


@pytest.mark.parametrize("sentence", [NOTHING, ONLY_AUDIO, AUDIO_FORM, PERSONA, MASKED, TOO_LONG])
def test_every_sentence_names_the_field_and_the_next_step(sentence: str) -> None:
    assert sentence.startswith("Task ID: ")
    assert "Copy" in sentence


# size

RANDOM = random.Random(1)
HOSTILE = {
    "random bytes": RANDOM.randbytes(LONGEST).decode("latin-1"),
    "random text": "".join(map(chr, RANDOM.choices(range(32, 0xD800), k=LONGEST))),
    "hex digits": RANDOM.randbytes(LONGEST // 2).hex(),
    "nested JSON": '{"data":' * 10_000 + "[" * 10_000 + "]" * 10_000 + "}" * 10_000,
    "a key and nothing but quotes": "taskId" + '"' * (LONGEST - 6),
    "a key and nothing but backslashes": 'Authorization: "taskId' + "\\" * (LONGEST - 22),
    "a request without an end": '"param":"{' + "a" * (LONGEST - 10),
}
REPEATED = [
    '"taskId":', '"', "\\", '\\"', " ", "{", "},{", "a:", "%22", "%", "&quot;", "\u200b", "<a ", "taskId<a x", "sk-",
    '"param":"{', '},{"id":"', "taskId,a,", "data:[{", "Bearer ", "Bearer a1234567 ", "task_", "***", f"{TASK} ",
    f"x:{TASK} ", f'"id":"{AUDIO}",', f"taskId={TASK} ",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_five_megabytes_of_anything_take_about_a_second(
    text: str, record_property: Callable[[str, object], None]
) -> None:
    started = time.process_time()
    found = find_ids(text)
    record_property("seconds", time.process_time() - started)
    assert time.process_time() - started < 4
    assert found == Pasted(problem=NOTHING)


@pytest.mark.parametrize("piece", REPEATED)
def test_five_megabytes_of_one_thing_take_about_a_second(
    piece: str, record_property: Callable[[str, object], None]
) -> None:
    text = (piece * (LONGEST // len(piece) + 1))[:LONGEST]
    started = time.process_time()
    find_ids(text)
    record_property("seconds", time.process_time() - started)
    assert time.process_time() - started < 4


# whatever else

hex_ids = st.text("0123456789abcdef", min_size=32, max_size=32)
job_ids = st.builds(
    "task_{}_{}".format, st.from_regex(r"[a-z][a-z-]{0,12}[a-z]", fullmatch=True), st.integers(10**12, 10**13 - 1)
)
opaque_ids = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{6,100}[0-9]", fullmatch=True).filter(
    lambda text: not re.match("(?i)(your|my|insert|paste|replace|example)[_-]", text)
)
ids = st.one_of(hex_ids, st.uuids().map(str), job_ids, opaque_ids)
tokens = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._~+-]{14,60}[0-9][A-Za-z0-9]{3}", fullmatch=True)
around = st.text(st.characters(exclude_characters="*")).map(
    lambda text: re.sub("(?i)id|key|token|bearer|auth|sk-|param", "", text)
)


@given(st.text())
def test_no_text_is_an_error(text: str) -> None:
    found = find_ids(text)
    assert found.task_ids or found.token or found.problem


@given(st.binary())
def test_no_bytes_are_an_error(content: bytes) -> None:
    find_ids(content.decode("utf-8", "replace"))
    find_ids(content.decode("latin-1"))


@given(
    st.lists(
        st.sampled_from(
            [*REPEATED, TASK, AUDIO, KEY, "Task ID", "audio_id", "id", '"', ":", "=", ",", "\n", "}", "***"]
        )
    )
)
def test_no_mixture_of_pieces_is_an_error(pieces: list[str]) -> None:
    found = find_ids("".join(pieces))
    assert not {found.token} & {*found.task_ids, *found.audio_ids} - {""}


@given(
    around,
    st.sampled_from(['"taskId": "{}"', "'task_id':'{}'", '\\"taskId\\":\\"{}\\"', "?taskId={}&", "Task ID: {} "]),
    ids,
    around,
)
def test_an_id_behind_its_key_is_found_in_any_surroundings(before: str, form: str, task_id: str, after: str) -> None:
    assert task_id in find_ids(f"{before} {form.format(task_id)}\n{after}").task_ids


@given(
    around,
    st.sampled_from(["Bearer {}", 'Authorization: "Bearer {}"', "KIE_API_KEY={}", '"api_key": "{}"']),
    tokens,
    around,
)
def test_a_token_behind_its_key_is_nowhere_else(before: str, form: str, token: str, after: str) -> None:
    found = find_ids(f"{before} {form.format(token)}\n{after} taskId={token} {token}")
    assert found.token == token
    assert token not in repr(found)
    assert not any(token in value for value in found.task_ids + found.audio_ids)


def answers(task_id: str, first: str, second: str) -> dict[str, tuple[object, tuple[str, ...]]]:
    """Every known shape of an answer or a request, with its tracks."""
    tracks = [{**one, "id": audio_id} for one, audio_id in zip(CALLBACK_TRACKS, (first, second), strict=True)]
    result = {"code": 200, "data": tracks, "task_id": task_id}
    record = {"taskId": task_id, "model": "ai-music-api/extend", "state": "success", "param": LIVE_PARAM}
    return {
        "record-info": (info(task_id, first, second), (first, second)),
        "callback": (
            {"code": 200, "data": {"callbackType": "first", "task_id": task_id, "data": tracks}},
            (first, second),
        ),
        "job": ({"data": {**record, "param": "", "resultJson": json.dumps(result)}}, (first, second)),
        "generate": ({"code": 200, "msg": "success", "data": {"taskId": task_id}}, ()),
        "request": ({"taskId": task_id, "audioId": first, "name": "Alto", "description": "Low {smoky}"}, (first,)),
        "stored": ([{"persona_id": VOICE, "task_id": task_id, "audio_id": first}], (first,)),
    }


PLAIN_TEXTS = {
    "lines": "audioId: {audio}\ntaskId: {task}\nstatus: done",
    "words": "Task ID: {task}\nAudio ID: {audio}\nPersona ID: " + VOICE,
    "address": "https://api.kie.ai/api/v1/generate/record-info?taskId={task}&audioId={audio}",
    "command": "curl -X POST https://api.kie.ai/api/v1/generate/generate-persona \\\n"
    """ -d '{{"taskId":"{task}","audioId":"{audio}"}}'""",
    "YAML": "taskId: {task}\nsunoData:\n  - id: {audio}\n    audioUrl: https://x.example/a.mp3",
    "log": "09:30:00 INFO taskId={task} audioId={audio}\n09:31:00 INFO done",
}
task_ids = st.one_of(hex_ids, job_ids)
audio_ids = st.lists(st.uuids().map(str), min_size=2, max_size=2, unique=True)
shape_names = st.sampled_from(sorted(answers("", "", "")))
messages = st.sampled_from(
    ["{}", "Hi,\n{}\nthanks", "> {}", "```\n{}\n```", "It says {} and that is all", "<pre>{}</pre>"]
)
KNOWN_WAYS = range(len(written({})))


@given(shape_names, st.sampled_from(KNOWN_WAYS), messages, task_ids, audio_ids)
def test_any_answer_in_any_wrapping_gives_its_ids(
    shape: str, way: int, message: str, task_id: str, tracks: list[str]
) -> None:
    answer, expected = answers(task_id, *tracks)[shape]
    for text in ways(message.replace("{}", written(answer)[way])):
        assert find_ids(text) == Pasted((task_id,), expected), text


@given(shape_names, st.sampled_from([json.dumps, repr]), st.floats(0, 1), task_ids, audio_ids)
def test_any_answer_that_breaks_off_gives_no_wrong_id(
    shape: str, write: Callable[[object], str], part: float, task_id: str, tracks: list[str]
) -> None:
    answer, expected = answers(task_id, *tracks)[shape]
    text = write(answer)
    found = find_ids(text[: 1 + int(part * len(text))])
    assert found.task_ids in ((), (task_id,))
    assert found.audio_ids == expected[: len(found.audio_ids)]


@given(st.sampled_from(sorted(PLAIN_TEXTS)), messages, task_ids, st.uuids().map(str))
def test_any_text_with_keys_gives_its_ids(form: str, message: str, task_id: str, audio_id: str) -> None:
    for text in ways(message.replace("{}", PLAIN_TEXTS[form].format(task=task_id, audio=audio_id))):
        found = find_ids(text)
        assert (found.task_ids, found.audio_ids) == ((task_id,), (audio_id,)), text


@given(st.sampled_from(sorted(TABLES)), st.sampled_from(HEADS), st.data())
def test_any_table_gives_its_ids(table: str, heads: list[str], data: st.DataObject) -> None:
    tasks = data.draw(st.lists(task_ids, min_size=1, max_size=4, unique=True))
    tracks = data.draw(st.lists(st.uuids().map(str), min_size=len(tasks), max_size=len(tasks), unique=True))
    rows = [[data.draw(hex_ids), "Alto", *pair] for pair in zip(tasks, tracks, strict=True)]
    text = TABLES[table]([heads, *rows])
    found = find_ids(text)
    assert (found.task_ids, found.audio_ids) == (tuple(tasks), tuple(tracks)), text


secret_tokens = st.one_of(
    hex_ids,
    st.text("0123456789abcdef", min_size=40, max_size=40),
    st.from_regex(r"sk-[A-Za-z0-9]{20}[0-9]", fullmatch=True),
)


@given(shape_names, st.sampled_from(NAMED_TOKENS), st.booleans(), secret_tokens, task_ids, audio_ids)
def test_no_named_token_is_ever_offered(
    shape: str, form: str, first: bool, token: str, task_id: str, tracks: list[str]
) -> None:
    assume(token != task_id)
    answer, expected = answers(task_id, *tracks)[shape]
    pieces = [form.format(token), json.dumps(answer, indent=1), f"taskId={token} audioId: {token} {token}"]
    for text in ways("\n".join(pieces if first else [pieces[1], pieces[0], pieces[2]])):
        found = find_ids(text)
        assert (found.task_ids, found.audio_ids, found.token) == ((task_id,), expected, token), text


@given(shape_names, st.sampled_from(KNOWN_WAYS), hex_ids, audio_ids)
def test_no_known_token_is_ever_offered(shape: str, way: int, token: str, tracks: list[str]) -> None:
    answer, expected = answers(token, *tracks)[shape]
    found = find_ids(written(answer)[way] + f" {token} song: {token} id={token}", token.__eq__)
    assert (found.task_ids, found.audio_ids, found.token) == ((), expected, token)


# Very long texts

LINE = "2026-11-26 INFO nothing of interest\n"


@pytest.mark.parametrize("lines", [1, 8_330, 8_333, 8_334, 20_000, 100_000])
def test_an_id_far_down_in_a_log_is_found(lines: int) -> None:
    found = find_ids(LINE * lines + f"taskId: {TASK}, audioId: {AUDIO}\nKIE_API_KEY={TOKEN}\n" + LINE * 10)
    assert (found.task_ids, found.audio_ids, found.token) == ((TASK,), (AUDIO,), TOKEN)


@pytest.mark.parametrize("at", range(299_960, 300_010, 7))
def test_an_id_where_the_first_part_of_a_long_text_ends_is_whole(at: int) -> None:
    assert find_ids("x" * (at - 8) + f" taskId={TASK} " + LINE * 1000).task_ids == (TASK,)
