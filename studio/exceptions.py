"""What keeps a wish from being done, each with a text for a person. Plain data: importing it loads nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from studio.sending.attempts import Attempt


class NotSaved(RuntimeError):
    """The database cannot be used, so nothing was sent or changed. The text, if there is one, says why to a person."""


class MaybeSaved(NotSaved):
    """The database broke off while it was told to keep something: that may be on file, and may still be sent."""

    def __init__(self) -> None:
        super().__init__(
            "The database broke off while the request was being filed. It may be on file, and then it is sent by "
            "itself: look in the library before you press again."
        )


class DatabaseTooNew(RuntimeError):
    """The database was written by a newer version of this program."""


class NeedsDecision(Exception):
    """This track has a persona, or an attempt whose outcome is unknown: a person decides before more is sent.

    `stale` says that a decision was given, and that what it was made for has changed meanwhile.
    """

    def __init__(self, earlier: Attempt, stale: bool = False) -> None:
        super().__init__(earlier.status)
        self.earlier = earlier
        self.stale = stale


class NotAllowed(Exception):
    """A decision that the attempt does not allow (any more). The text says so to a person."""


class BadFile(Exception):
    """A file that is not taken in. Each text says where the trouble is and what to do."""

    def __init__(self, *problems: str) -> None:
        super().__init__(*problems)
        self.problems = problems
