"""The line to KIE.AI's Suno API: one thin client over requests, its models, its errors. Nothing else of ours.

from kie import KieClient, PersonaRequest

with KieClient(token) as client:
    persona = client.create_persona(PersonaRequest(task_id, audio_id, name, description))
"""

from typing import TYPE_CHECKING, Any

from kie.catalogue import Cause, Meaning, meaning_for, meaning_of
from kie.client import KieClient
from kie.errors import InvalidInput, KieError, NoAnswer, NotConnected, Refused, Sent, UnreadableAnswer
from kie.models import Persona, PersonaRequest, Problem
from kie.repeat import pause_before_repeat
from kie.transport import check_token

if TYPE_CHECKING:
    from kie.tasks import MusicTask, TaskState, Track

__all__ = [
    "Cause",
    "InvalidInput",
    "KieClient",
    "KieError",
    "Meaning",
    "MusicTask",
    "NoAnswer",
    "NotConnected",
    "Persona",
    "PersonaRequest",
    "Problem",
    "Refused",
    "Sent",
    "TaskState",
    "Track",
    "UnreadableAnswer",
    "check_token",
    "meaning_for",
    "meaning_of",
    "pause_before_repeat",
]


def __getattr__(name: str) -> Any:
    """Load what belongs to music tasks when it is first named (PEP 562): making a persona needs none of it."""
    if name in ("MusicTask", "TaskState", "Track"):
        from kie import tasks

        return getattr(tasks, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
