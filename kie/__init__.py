"""A client for the Suno operations of KIE.AI: its requests, its answers and its errors.

from kie import KieClient, PersonaRequest

with KieClient(token) as client:
    persona = client.create_persona(PersonaRequest(task_id, audio_id, name, description))
"""

from typing import TYPE_CHECKING, Any

from kie.client import KieClient
from kie.error_sentences import Cause, Meaning, meaning_for, meaning_of, no_connection
from kie.errors import InvalidInput, KieError, NoAnswer, NotConnected, Refused, Sent, UnreadableAnswer
from kie.persona import Persona, PersonaRequest, Problem
from kie.retry import pause_before_repeat
from kie.transport import check_token

if TYPE_CHECKING:
    from kie.boost import BoostedStyle
    from kie.job import Job, JobHandle
    from kie.music_task import MusicTask, TaskState, Track
    from kie.timed_words import TimedWord, TimedWords

__all__ = [
    "BoostedStyle",
    "Cause",
    "InvalidInput",
    "Job",
    "JobHandle",
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
    "TimedWord",
    "TimedWords",
    "Track",
    "UnreadableAnswer",
    "check_token",
    "meaning_for",
    "meaning_of",
    "no_connection",
    "pause_before_repeat",
]


_LAZY = {
    "BoostedStyle": "boost",
    "Job": "job",
    "JobHandle": "job",
    "MusicTask": "music_task",
    "TaskState": "music_task",
    "TimedWord": "timed_words",
    "TimedWords": "timed_words",
    "Track": "music_task",
}
"""Names that creating a persona does not need, each with its module, which is imported when the name is first used."""


def __getattr__(name: str) -> Any:
    """Import a name of `_LAZY` (PEP 562)."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"kie.{_LAZY[name]}"), name)
