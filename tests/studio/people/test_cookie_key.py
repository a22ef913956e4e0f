"""The key that signs the browsers' cookies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from studio.people.cookie_key import cookie_key


def test_a_process_that_starts_later_has_the_same_key_and_nobody_else_can_read_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/data/studio.db"
    key = cookie_key(url)
    assert len(key) > 40
    assert cookie_key(url) == cookie_key(f"{url}?timeout=1") == key
    assert [file.name for file in (tmp_path / "data").iterdir()] == ["studio.db-cookie-key"]
    assert (tmp_path / "data" / "studio.db-cookie-key").stat().st_mode & 0o777 == 0o600
    assert cookie_key(f"sqlite:///{tmp_path}/other.db") != key


def test_of_two_processes_that_start_together_the_first_makes_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, link = f"sqlite:///{tmp_path}/studio.db", os.link
    first: list[str] = []

    def late(source: Path, target: Path) -> None:
        monkeypatch.setattr(os, "link", link)
        first.append(cookie_key(url))
        link(source, target)

    monkeypatch.setattr(os, "link", late)
    assert [cookie_key(url)] == first
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:////dev/null/studio.db"])
def test_where_no_file_can_be_the_key_is_random(url: str) -> None:
    assert len(cookie_key(url)) > 40
    assert cookie_key(url) != cookie_key(url)


def test_a_file_without_a_key_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "studio.db-cookie-key").write_text("\n")
    assert len(cookie_key(f"sqlite:///{tmp_path}/studio.db")) > 40
