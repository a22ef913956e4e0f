"""The line to KIE.AI's Suno API: one thin client over requests, its models, its errors. Nothing else of ours.

from kie import KieClient, PersonaRequest

with KieClient(token) as client:
    persona = client.create_persona(PersonaRequest(task_id, audio_id, name, description))
"""

from kie.catalogue import Cause, Meaning, meaning_for, meaning_of
from kie.client import KieClient
from kie.errors import InvalidInput, KieError, NoAnswer, NotConnected, Refused, Sent, UnreadableAnswer
from kie.models import MusicTask, Persona, PersonaRequest, Problem, TaskState, Track
from kie.repeat import pause_before_repeat
from kie.transport import check_token

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
