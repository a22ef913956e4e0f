"""What a search looks for and what it looks in: which texts come to the same words."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from studio.database.search_words import LONGEST, searchable, sortable, words_in

texts = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("Quay", ["quay"]),
        ("one two", ["one", "two"]),
        ("one\ttwo\nthree\u00a0four\u3000five", ["five", "four", "one", "three", "two"]),
        ("to be, or not to be", ["be", "not", "or", "to"]),
        ("it's o’clock", ["clock", "it", "o", "s"]),
        ("5c79be8e-4a1f", ["4a1f", "5c79be8e"]),
        ("suno_voice", ["suno", "voice"]),
        ("ines@example.org", ["example", "ines", "org"]),
        ("v5.5", ["5", "v5"]),
        ('"a" AND (b OR c*) NEAR/2 ^d -e col:f', ["2", "a", "and", "b", "c", "col", "d", "e", "f", "near", "or"]),
        ("100% 'off' \\n", ["100", "n", "off"]),
        ("a\0b", ["a", "b"]),
        ("\ud800a", ["a"]),
        ("?!.,;:()[]{}<>|/\\\"'`~@#$%^&*-+=_", []),
        ("🎤🎶", []),
        ("\ue000aaaa\ue001created\ue002", ["aaaa", "created"]),
    ],
    ids=ascii,
)
def test_words_are_runs_of_letters_and_digits(text: str, words: list[str]) -> None:
    assert words_in(text) == words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("QUAY", "quay"),
        ("Éclair", "eclair"),
        ("E\u0301clair", "éclair"),
        ("Überkai", "uberkai"),
        ("Straße", "STRASSE"),
        ("İstanbul", "istanbul"),
        ("ΟΔΟΣ", "οδος"),
        ("ΰ", "υ"),
        ("Ёлка", "елка"),
        ("ＡＢＣ１２３", "abc123"),
        ("ﬁne", "fine"),
        ("x²", "x2"),
        ("Nguyễn", "nguyen"),
        ("ﾀﾜｰ", "タワー"),
        ("がぎ", "かき"),
        ("\u1112\u1161\u11ab\u1100\u116e\u11a8", "한국"),
        ("مُحَمَّد", "محمد"),
    ],
    ids=ascii,
)
def test_case_accents_and_width_make_no_difference(one: str, other: str) -> None:
    assert words_in(one) == words_in(other)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("東京タワー", ["ー", "タ", "ワ", "京", "東"]),
        ("夜のquay", ["quay", "の", "夜"]),
        ("서울 야경", ["서울", "야경"]),
    ],
    ids=ascii,
)
def test_where_no_space_stands_between_words_each_character_counts(text: str, words: list[str]) -> None:
    assert words_in(text) == sorted(words)


@pytest.mark.parametrize(("one", "other"), [("Øre", "Ore"), ("ı", "i"), ("resume", "résumés")])
def test_other_letters_stay_other_letters(one: str, other: str) -> None:
    assert words_in(one) != words_in(other)


def test_several_texts_give_the_words_of_all() -> None:
    assert words_in("one two", "two three") == ["one", "three", "two"]


def test_of_a_very_long_word_the_beginning_counts() -> None:
    assert words_in("a" * 10_000) == ["a" * LONGEST]


def test_what_a_row_keeps_are_its_words_with_a_space_between() -> None:
    assert searchable(["Harbour, Night", "", "night: quay"]) == "harbour night quay"


@given(texts)
def test_every_word_is_found_again_as_it_is(text: str) -> None:
    assert all(words_in(word) == [word] for word in words_in(text))


@given(texts)
@example("ジョン・レノン")
@example("䷀")
def test_a_word_has_nothing_that_a_database_could_read_as_more(text: str) -> None:
    assert all(word.isalnum() and 0 < len(word) <= LONGEST for word in words_in(text))


@given(texts, texts)
def test_what_two_texts_come_to_does_not_depend_on_their_order(one: str, other: str) -> None:
    assert words_in(one, other) == words_in(other, one) == sorted({*words_in(one), *words_in(other)})


@pytest.mark.parametrize(
    ("name", "place"),
    [("Éclair", "eclair"), ("QUAY", "quay"), ("a\0b", "ab"), ("", ""), ("  blanks", "  blanks"), ("東京", "東京")],
    ids=ascii,
)
def test_names_are_sorted_without_case_and_accents(name: str, place: str) -> None:
    assert sortable(name) == place


def test_a_very_long_name_is_sorted_by_its_beginning() -> None:
    assert sortable("n" * 5000) == "n" * LONGEST


@given(texts)
def test_what_a_name_is_sorted_by_fits_into_every_index(name: str) -> None:
    assert len(sortable(name)) <= LONGEST
    assert "\0" not in sortable(name)
