"""The words to start from: a draft made of what KIE says of a track."""

from __future__ import annotations

import pytest

from kie import Track
from studio.song import description_draft

TRACK = Track("audio", "Quay", "folk, warm alto", "[Verse]\nOne", "V6", 120.0, "https://a.example/1.mp3")


@pytest.mark.parametrize(
    ("tags", "lyrics", "draft"),
    [
        ("folk, warm alto", "[Verse]\nOne", "Folk, warm alto"),
        ("folk; warm alto", "[Chorus: belted, wide]\nOne", "Folk, warm alto, belted, wide"),
        ("folk", "[Verse - whispered]\nOne\n[Outro: whispered]", "Folk, whispered"),
        ("folk", "", "Folk. Instrumental"),
        ("", "[Bridge: spoken]\nOne", "Spoken"),
        ("", "", ""),
        (" , ,", "[Verse]", ""),
    ],
)
def test_a_draft_is_made_of_tags_and_of_how_it_is_sung(tags: str, lyrics: str, draft: str) -> None:
    assert description_draft.draft(Track("audio", tags=tags, lyrics=lyrics)) == draft


def test_a_draft_is_never_longer_than_a_description_may_be() -> None:
    assert len(description_draft.draft(Track("audio", tags="la " * 9000))) <= 5000


def test_first_words_are_title_draft_and_first_tag() -> None:
    assert description_draft.suggested_texts(TRACK) == {
        "name": "Quay",
        "description": "Folk, warm alto",
        "style": "folk",
    }
