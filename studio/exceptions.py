"""Errors that pages show, each with a sentence for a person. Importing this loads nothing else of ours."""

from __future__ import annotations


class NotSaved(RuntimeError):
    """The database cannot be used, so nothing was sent or changed. Its text, if it has one, says more to a person."""

    def sentence(self, not_done: str = "sent") -> str:
        """Return the text, or else that nothing was `not_done`, such as "changed" or "brought in"."""
        return str(self) or f"The disk could not be written, so nothing was {not_done}. The log says why."


class MaybeSaved(NotSaved):
    """The database broke off during a commit: the request may be on file, and then it is sent."""

    def __init__(self) -> None:
        super().__init__(
            "The database broke off while the request was being filed. It may be on file, and then it is sent by "
            "itself: look in the library before you press again."
        )


class DatabaseTooNew(RuntimeError):
    """The database was written by a newer version of this program."""


class BadFile(Exception):
    """A file that cannot be imported. Each text says what is wrong where, and what to do."""

    def __init__(self, *problems: str) -> None:
        super().__init__(*problems)
        self.problems = problems
