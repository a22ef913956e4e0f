"""Which messages of a browser pass, and what is cut."""

from __future__ import annotations

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from views.middleware import client_messages
from views.middleware.client_messages import LONGEST_VALUE, MOST_BYTES_BESIDE, MOST_FIELDS, NotAMessage, read
from views.shared.field_values import LONGEST_PASTE


def run_with(*fields: tuple[str, str]) -> bytes:
    message = BackMsg()
    for key, value in fields:
        message.rerun_script.widget_states.widgets.add(id=f"$$ID-0123abcd-{key}", string_value=value)
    message.rerun_script.query_string = "attempt=1"
    return bytes(message.SerializeToString())


def values(data: bytes) -> list[str]:
    message = BackMsg.FromString(data)
    assert message.rerun_script.query_string == "attempt=1"
    return [field.string_value for field in message.rerun_script.widget_states.widgets]


def test_a_page_s_own_message_passes_as_it_is() -> None:
    data = run_with(("name", "Harbour Alto"), ("description", "x" * 10_000))
    assert read(data) == ("rerun_script", data)


def test_a_text_is_kept_up_to_its_limit() -> None:
    data = run_with(("name", "ä" * (LONGEST_VALUE + 5)), ("task_id", "x" * (LONGEST_PASTE + 5)), ("style", "jazz"))
    assert [len(value) for value in values(read(data)[1])] == [LONGEST_VALUE, LONGEST_PASTE, 4]


def test_another_value_that_is_too_long_is_left_out() -> None:
    message = BackMsg.FromString(run_with(("name", "Alto")))
    message.rerun_script.widget_states.widgets.add(id="$$ID-0-data", json_value="x" * (LONGEST_VALUE + 1))
    message.rerun_script.widget_states.widgets.add(id="$$ID-0-tags").string_array_value.data.extend(["x" * 9_000] * 3)
    assert values(read(message.SerializeToString())[1]) == ["Alto"]


@pytest.mark.parametrize(
    "kind", ["clear_cache", "load_git_info", "set_run_on_save", "debug_shutdown_runtime", "stop_script"]
)
def test_what_would_change_the_server_or_stop_a_script_half_way_is_dropped(kind: str) -> None:
    message = BackMsg(**{kind: True})  # type: ignore[arg-type]
    assert read(message.SerializeToString())[0] == ""


@pytest.mark.parametrize("kind", ["install_skills", "dismiss_skills_nudge"])
def test_so_is_an_operation_that_would(kind: str) -> None:
    message = BackMsg()
    getattr(message.backend_operation_request, kind).SetInParent()
    assert read(message.SerializeToString())[0] == ""
    message.backend_operation_request.deferred_file.file_id = "x"
    assert read(message.SerializeToString())[0] == "backend_operation_request"


def test_an_empty_message_is_dropped() -> None:
    assert read(b"")[0] == ""


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff not protobuf",
        run_with(*[("name", "")] * (MOST_FIELDS + 1)),
        BackMsg(rerun_script={"query_string": "x" * MOST_BYTES_BESIDE}).SerializeToString(),  # type: ignore[arg-type]
    ],
)
def test_what_no_page_would_send_is_no_message(data: bytes) -> None:
    with pytest.raises(NotAMessage):
        read(data)


def test_files_are_asked_for_in_small_numbers() -> None:
    message = BackMsg()
    message.file_urls_request.file_names.extend(["a.csv"] * client_messages.MOST_FILES)
    assert read(message.SerializeToString())[0] == "file_urls_request"
    message.file_urls_request.file_names.append("a.csv")
    assert read(message.SerializeToString())[0] == ""
