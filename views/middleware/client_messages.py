"""A browser's messages to Streamlit: which may pass, and how much of a text is kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from streamlit.proto.BackMsg_pb2 import BackMsg

from views.shared.field_values import LONGEST_PASTE

if TYPE_CHECKING:
    from streamlit.proto.ClientState_pb2 import ClientState

PASSES = {"rerun_script", "file_urls_request", "app_heartbeat", "backend_operation_request"}
"""Without `stop_script`: no script of ours waits for anything long, and a stopped one leaves half a page, which nothing
draws anew."""
OPERATIONS = {"deferred_file", "dataframe_chunk"}
"""Others change the server itself: they clear caches, or install files."""
LONGEST_VALUE = 20_000
"""Characters of one field's value; the longest field of a page takes 10,000."""
LONGER_VALUES = {"task_id": LONGEST_PASTE}
"""By the field's key. Here people paste whole answers and logs."""
MOST_FIELDS = 2_000
MOST_BYTES_BESIDE = 256 * 1024
"""Of a message, without the fields' values. A browser with 2,000 cached messages names them in 90 KB."""
MOST_FILES = 10
TRIGGERS = {"trigger_value", "json_trigger_value", "string_trigger_value", "chat_input_value"}
"""The kinds of values that say that something was pressed or told just now."""


class NotAMessage(ValueError):
    """These bytes are no message of a Streamlit page."""


def read(data: bytes) -> tuple[str, bytes]:
    """Return the type of a message, and the message with its texts cut; "" if Streamlit is not to have it."""
    message = BackMsg()
    try:
        message.ParseFromString(data)
        kind = message.WhichOneof("type") or ""
    except Exception as error:  # what protobuf raises depends on its implementation
        raise NotAMessage from error
    if kind == "rerun_script":
        return kind, message.SerializeToString() if _cut(message.rerun_script) else data
    refused = (
        kind not in PASSES
        or len(data) > MOST_BYTES_BESIDE
        or len(message.file_urls_request.file_names) > MOST_FILES
        or message.backend_operation_request.WhichOneof("payload") not in {*OPERATIONS, None}
    )
    return ("", data) if refused else (kind, data)


def same_page(data: bytes) -> BackMsg:
    """Return the message by which a page that sent this one asks for a run of all of it, with nothing pressed."""
    asked, message = BackMsg.FromString(data).rerun_script, BackMsg()
    again = message.rerun_script
    again.query_string, again.page_name = asked.query_string, asked.page_name
    again.page_script_hash = asked.page_script_hash
    again.context_info.CopyFrom(asked.context_info)
    return message


def is_of_fragment(data: bytes) -> bool:
    """Whether a message asks for a run of one fragment of the page."""
    return bool(BackMsg.FromString(data).rerun_script.fragment_id)


def of_open_page(data: bytes, page: BackMsg) -> bytes:
    """Return a message as one of the page that was asked for last.

    A page that was left may still speak, because the browser draws the next one only when its first answer arrives.
    Streamlit would take that for a wish to go back to it, and for a fragment of it draw an empty page. What was
    pressed or told is passed on; only somebody who goes to another page presses nothing on the page that opens.
    """
    message = BackMsg.FromString(data)
    asked, last = message.rerun_script, page.rerun_script
    if not last.page_script_hash or asked.page_script_hash == last.page_script_hash:
        return data
    is_told = any(field.WhichOneof("value") in TRIGGERS for field in asked.widget_states.widgets)
    if not asked.fragment_id and not is_told:
        return data
    asked.fragment_id, asked.page_name, asked.query_string = "", last.page_name, last.query_string
    asked.page_script_hash = last.page_script_hash
    return bytes(message.SerializeToString())


def _cut(state: ClientState) -> bool:
    """Cut what is too long; return whether anything was."""
    fields = state.widget_states.widgets
    if state.ByteSize() - state.widget_states.ByteSize() > MOST_BYTES_BESIDE or len(fields) > MOST_FIELDS:
        raise NotAMessage
    if state.widget_states.ByteSize() <= LONGEST_VALUE:
        return False
    cut = False
    for place in reversed(range(len(fields))):
        field = fields[place]
        if field.ByteSize() <= LONGEST_VALUE:
            continue
        longest = LONGER_VALUES.get(_key(field.id), LONGEST_VALUE)
        if field.WhichOneof("value") != "string_value" or len(field.id) > LONGEST_VALUE:
            del fields[place]  # no other value of a page is so long
            cut = True
        elif len(field.string_value) > longest:
            field.string_value = field.string_value[:longest]
            cut = True
    return cut


def _key(field_id: str) -> str:
    """Return the key that a page gave a field."""
    return re.sub(r"^\$\$ID-[^-]+-", "", field_id[:200])
