"""What keeps a wish from being done, each with a text for a person. Plain data: importing it loads nothing else."""

from __future__ import annotations


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


class BadFile(Exception):
    """A file that is not taken in. Each text says where the trouble is and what to do."""

    def __init__(self, *problems: str) -> None:
        super().__init__(*problems)
        self.problems = problems
