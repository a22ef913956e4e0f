"""A job at KIE: what createTask answers, and the record of recordInfo (docs.kie.ai, "Get task details").

Imported when first needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kie.json_trees import persona_id_in
from kie.json_values import read_text
from kie.music_task import (
    TaskState,
    error_in,
    is_blank,
    job_name,
    record_in,
    state_of,
    status_in,
)
from kie.persona import PERSONA_JOB_NAME, Persona


class JobHandle(str):
    """The ID under which KIE works on a job; "" if KIE answered at once and gave none.

    It is a text, so that who only needs the ID can store it and hand it on as one.
    """

    persona: Persona | None = None
    """The persona, if the answer has its ID already."""
    raw: str = ""
    """The start of the answer as received."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job and what is known of its result. `status` is KIE's own word for its state."""

    handle: str
    name: str = ""
    """What it makes: "generate-persona", "generate", ..."""
    status: str = ""
    result: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The record without the request behind it; what KIE made is somewhere in it."""
    error_code: str = ""
    error_message: str = ""
    raw: str = field(default="", repr=False)
    """The start of the answer as received."""

    @property
    def state(self) -> TaskState:
        """How far it is."""
        if not self.status:
            return TaskState.ABSENT
        error, found = bool(self.error_code or self.error_message), bool(self.persona_id)
        return state_of(self.status, error=error, complete=found, empty=not found)

    @property
    def persona_id(self) -> str:
        """The persona's ID, wherever it stands in the result; "" if it is nowhere, or the job makes something else."""
        return persona_id_in(self.result) if self.name in ("", PERSONA_JOB_NAME.rpartition("/")[2]) else ""

    @classmethod
    def read(cls, handle: str, data: object, raw: str = "") -> Job:
        """Read `data` of an answer; null means that KIE has no record (yet)."""
        record = record_in(data)
        if record is None:
            return cls(handle, raw=raw)
        code, message = error_in(record)
        if is_blank(record) and not persona_id_in(record):
            return cls(handle, raw=raw)
        return cls(
            handle=read_text(record.get("taskid")) or handle,
            name=job_name(record),
            status=status_in(record),
            result={name: value for name, value in record.items() if name != "param"},
            error_code=code,
            error_message=message,
            raw=raw,
        )
