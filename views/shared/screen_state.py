"""What a session remembers between two runs of a page: a small class for each feature, kept by what it belongs to.

A state belongs to a scope: an account, one of its songs, tracks or attempts. Another scope has a state of its own,
and `forget` drops them. What people type is not here: Streamlit keeps it under the fields' keys.

Callbacks read a state once and then change a plain object. Streamlit may end a run at every access to
`st.session_state`, so a change in several steps could otherwise be lost half way. And a run that was told to end may
still write while the next one runs: what took long is written only if the state still wants it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st

from kie import KieError, Problem

if TYPE_CHECKING:
    from kie import MusicTask, Track
    from studio.library.import_merge import Preview
    from studio.people.token_store import Account

S = TypeVar("S")
KEY = "screen_state"
MOST = 100
"""States of a kind that a session keeps; the one that was made first goes first."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong, as a sentence for a person, and what KIE said."""

    sentence: str
    code: int | None = None
    message: str = ""

    @classmethod
    def of(cls, error: KieError) -> Trouble:
        """Return what an error of KIE's means, with the next step."""
        return cls(f"{error.sentence} {error.next_step}".strip(), error.code, error.message)


@dataclass(slots=True)
class TokenPanel:
    """The token field and the balance. Scope: none, or the account."""

    trouble: Trouble | None = None
    ask_balance: bool = True


@dataclass(slots=True)
class PastedText:
    """What a paste left for the person to decide. Scope: the account."""

    token: str = field(default="", repr=False)
    """Forgotten with the page."""
    task_ids: tuple[str, ...] = ()
    audio_ids: tuple[str, ...] = ()
    """The tracks, if there are several of one song."""
    note: str = ""
    """A sentence about what was found."""
    trouble: Trouble | None = None
    """Why KIE did not accept the token."""

    def clear(self) -> None:
        """Leave nothing to decide."""
        self.token, self.task_ids, self.audio_ids, self.note, self.trouble = "", (), (), "", None


@dataclass(slots=True)
class SongLookup:
    """The song whose tracks are shown. Scope: the account."""

    wanted: str = ""
    """The task ID to look up in the next run."""
    task: MusicTask | None = None
    since: float = 0.0
    """When it was looked up first, in seconds of `time.monotonic`."""
    trouble: Trouble | None = None

    def clear(self) -> None:
        """Show no song."""
        self.wanted, self.task, self.since, self.trouble = "", None, 0.0, None

    def track(self, audio_id: str) -> Track | None:
        """Return what is known of a track of this song."""
        return self.task.track(audio_id) if self.task is not None else None


@dataclass(slots=True)
class Window:
    """The choice of the window. Scope: the track."""

    drawn: tuple[float | None, ...] = ()
    """The two fields as they were drawn last."""
    words_wanted: bool = False
    trouble: Trouble | None = None
    suggested: tuple[float | None, float | None] | None = None
    why: str = ""
    """Why that window was suggested."""


@dataclass(slots=True)
class Boost:
    """The description that KIE makes richer. Scope: the account."""

    attempt_id: str = ""
    problem: str = ""


@dataclass(slots=True)
class PersonaRequests:
    """What was asked for on the page Create. Scope: the account."""

    attempt_id: str | None = None
    """The attempt that the page shows; None before its address was read."""
    decision_id: str = ""
    """The attempt because of which a person has to decide first."""
    problems: tuple[Problem, ...] = ()
    announce_id: str = ""
    """The attempt whose outcome was not announced yet."""
    ended_id: str = ""
    """The attempt whose outcome was drawn alone; the whole page is drawn next."""


@dataclass(frozen=True, slots=True)
class Message:
    """What the last change in the library has to say: at the top of the page, or with a `place` beside that field."""

    sentence: str
    bad: bool = False
    place: str = ""
    undo_id: str = ""
    name: str = ""


@dataclass(slots=True)
class LibraryPage:
    """What is open in the library. Scope: the account."""

    page: int = 0
    attempt_id: str | None = None
    """The attempt that is open; None before the address was read."""
    message: Message | None = None


@dataclass(slots=True)
class OpenAttempt:
    """What is shown of the attempt that is open in the library. Scope: the attempt."""

    media: tuple[str, str] = ("", "")
    """The addresses of cover and sound that a person asked to load, if it came from a file."""
    skipped: dict[str, int] = field(default_factory=dict)
    """How many of its newest events are not shown, in the story ("") and in the uses ("used")."""

    def load(self, media: tuple[str, str]) -> None:
        """Load the cover and the sound from these addresses."""
        self.media = media

    def turn(self, kind: str, skipped: int) -> None:
        """Show older or newer events."""
        self.skipped[kind] = skipped


@dataclass(slots=True)
class Import:
    """A file that comes in. Scope: the account."""

    uploads: int = 0
    """Files that were brought in; each has an uploader of its own, which is empty at first."""
    previewed: tuple[str, Preview] | None = None
    """The ID of a file, and what it would change."""
    done: str = ""
    problem: str = ""
    details: str = ""


@dataclass(slots=True)
class RandomKeys:
    """The keys under which a browser fetches something of this account. Scope: the account."""

    downloads: dict[tuple[str, str], str] = field(default_factory=dict)
    streams: dict[str, tuple[str, int, dict[str, Any]]] = field(default_factory=dict)


def state(kind: type[S], account: Account | None, *of: str) -> S:
    """Return the state of a feature for nobody, an account, or one of its songs, tracks or attempts by their IDs."""
    scope = (account.id if account is not None else "", *of)
    kept: dict[tuple[type, tuple[str, ...]], S] = st.session_state.setdefault(KEY, {})
    if (kind, scope) not in kept:
        same = [key for key in list(kept) if key[0] is kind]
        for old in same[: max(0, len(same) + 1 - MOST)]:
            kept.pop(old, None)
    return kept.setdefault((kind, scope), kind())  # in one step: two runs of a page may overlap


def forget() -> None:
    """Forget all but boosts, which cost credits and which only their account finds."""
    kept = st.session_state.get(KEY, {})
    for key in list(kept):
        if key[0] is not Boost:
            kept.pop(key, None)


def enter_page(name: str) -> None:
    """Forget a pasted token when another page is opened. The router says which page is open."""
    kept = st.session_state.get(KEY, {})
    if st.session_state.get("page", name) != name:
        for pasted in [value for key, value in list(kept.items()) if key[0] is PastedText]:
            pasted.token = ""
    st.session_state["page"] = name


def has_entered_a_page() -> bool:
    """Whether this session has shown a page to somebody who may see it."""
    return "page" in st.session_state
