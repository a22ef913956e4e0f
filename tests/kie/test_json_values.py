"""Single values of KIE's JSON: what is read of each type, and that any text can be stored."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kie.json_values import clean, read_number, read_text
from tests.kie.servers import steady

values = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers(), max_size=2)
finite = st.integers(-(10**300), 10**300) | st.floats(allow_nan=False, allow_infinity=False)


@steady
@given(number=finite)
def test_a_number_is_read_as_it_is_and_as_text(number: float) -> None:
    assert (read_number(number), read_number(str(number))) == (float(number), float(number))


@steady
@given(value=values)
@example(value=10**400)
@example(value="nan")
@example(value=math.inf)
@example(value=True)
@example(value="")
def test_what_is_read_is_a_finite_number_or_none(value: object) -> None:
    number = read_number(value)
    assert number is None or (type(number) is float and math.isfinite(number))


@pytest.mark.parametrize("value", [None, True, [], {}, "", "long", "1,5", "inf"])
def test_what_is_no_number_is_none(value: object) -> None:
    assert read_number(value) is None


@pytest.mark.parametrize(("value", "text"), [("a", "a"), (5, "5"), (1.5, "1.5"), (True, ""), (None, ""), ([], "")])
def test_a_text_is_a_text_or_a_number(value: object, text: str) -> None:
    assert read_text(value) == text


@steady
@given(text=st.text(st.characters()) | st.text(st.characters(categories=["Cs", "Cc"])))
@example(text="cut \ud83d")
@example(text="a\0b")
def test_a_cleaned_text_can_be_stored_and_keeps_the_rest(text: str) -> None:
    lone = [character == "\0" or "\ud800" <= character <= "\udfff" for character in text]
    assert clean(text) == "".join("?" if odd else character for character, odd in zip(text, lone, strict=True))
