"""Every file in `pages/` is in the navigation, and is drawn with and without an account."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[2]
PAGES = sorted(file.name for file in (ROOT / "pages").glob("*.py"))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_drawn_for_a_visitor_without_an_account(page: AppTest, name: str) -> None:
    page.switch_page(f"../pages/{name}").run()
    assert not page.exception
    assert page.title


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_drawn_for_an_account(signed_in: AppTest, name: str) -> None:
    signed_in.switch_page(f"../pages/{name}").run()
    assert not signed_in.exception
    assert signed_in.title
