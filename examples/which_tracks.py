"""List the tracks of a task, each with its audio ID and whether it can become a persona. It only asks; nothing is made.

KIE_API_KEY=… python -m examples.which_tracks TASK_ID
"""

from __future__ import annotations

import os
import sys

from kie import KieClient, KieError
from studio.song.track_verdict import state_sentence, verdict


def main(arguments: list[str]) -> int:
    """Look the task up and print a line for each track."""
    if len(arguments) != 1 or "KIE_API_KEY" not in os.environ:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        with KieClient(os.environ["KIE_API_KEY"], os.environ.get("KIE_BASE_URL", "https://api.kie.ai")) as client:
            task = client.music_task(arguments[0])
    except KieError as error:
        print(error, error.next_step, sep="\n", file=sys.stderr)
        return 1
    if not task.tracks:
        print(state_sentence(task), file=sys.stderr)
        return 1
    for track in task.tracks:
        print(track.audio_id, track.title, verdict(task, track).sentence, sep="\t")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
