"""A boost: KIE makes a description richer, for credits."""

from __future__ import annotations

import hashlib
import json

from kie import KieClient
from kie.operations import BOOST_STYLE
from studio.sending.attempts import Attempt, Outcome, Status
from studio.sending.kinds.kind import Kind


class BoostKind(Kind):
    """KIE answers at once. Asking again may be counted again."""

    name = "boost"
    makes = "text"
    operation = BOOST_STYLE

    def subject(self, attempt_id: str, body: str) -> str:
        """The text, so that the same one is not sent twice at a time."""
        return "boost " + hashlib.sha256(json.dumps(json.loads(body)).encode()).hexdigest()

    def send(self, client: KieClient, attempt: Attempt) -> Outcome:
        """Ask for the richer text."""
        made = client.boost_style(json.loads(attempt.body)["content"])
        result = {"text": made.text, "price": made.credits_consumed}
        return Outcome(Status.CREATED, raw=made.raw, http_status=200, code=200, result=result)


BOOST = BoostKind()
