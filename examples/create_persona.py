"""Create a persona from one track of a finished song, with the client alone.

KIE_API_KEY=… python -m examples.create_persona TASK_ID AUDIO_ID "Harbour Alto" "Low, close-miked, unhurried"

KIE tells the ID once, so it is the only line on standard output. Exit code: 0 created, 1 refused or not sent,
2 usage, 3 unknown: the request was sent, and KIE may have made the persona.
"""

from __future__ import annotations

import os
import sys

from kie import KieClient, KieError, PersonaRequest, Sent


def main(arguments: list[str]) -> int:
    """Send one request and print the persona's ID."""
    if len(arguments) != 4 or "KIE_API_KEY" not in os.environ:
        print(__doc__, file=sys.stderr)
        return 2
    task_id, audio_id, name, description = arguments
    try:
        with KieClient(os.environ["KIE_API_KEY"], os.environ.get("KIE_BASE_URL", "https://api.kie.ai")) as client:
            print(client.create_persona(PersonaRequest(task_id, audio_id, name, description)).persona_id)
    except KieError as error:
        print(error, error.next_step, sep="\n", file=sys.stderr)
        if error.sent is not Sent.UNKNOWN:
            return 1
        print(f"Persona ID in the answer: {error.seen_id or 'none'}. The answer:\n{error.raw}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
