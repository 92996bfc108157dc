"""Words for things: every synonym comes back to its meaning, colours are far enough apart to be told by a camera."""

from __future__ import annotations

import colorsys
import itertools

import pytest

from sim.lexicon import (
    COLOUR_WORDS,
    COLOURS,
    FOOTPRINT_M,
    HEIGHT_M,
    KIND_WORDS,
    KINDS,
    SIZE_WORDS,
    SIZES,
    Reference,
    a_or_b,
    canonical,
    canonical_name,
)


def test_the_tables_cover_the_vocabulary() -> None:
    assert tuple(KIND_WORDS) == KINDS
    assert tuple(COLOUR_WORDS) == tuple(COLOURS)
    assert tuple(SIZE_WORDS) == SIZES
    assert set(FOOTPRINT_M) == set(HEIGHT_M) == set(itertools.product(KINDS, SIZES))
    assert len(COLOURS) >= 10


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        ("the red block", (None, "red", "block")),
        ("little violet crate", ("small", "purple", "box")),
        ("A BIG TURQUOISE SAUCER", ("large", "cyan", "plate")),
        ("grey cans", (None, "gray", "cylinder")),
        ("the bins", (None, None, "box")),
        ("dishes", (None, None, "plate")),
        ("light blue patch", (None, "cyan", "zone")),
        ("dark blue box-shaped block", (None, "blue", "block")),
        ("the red one", (None, "red", None)),
        ("the green-coloured wooden block", (None, "green", "block")),
        ("a boxer in a tired bowler", (None, None, None)),
        ("", (None, None, None)),
    ],
)  # fmt: skip
def test_free_words_come_back_to_their_meaning(words: str, meaning: tuple[str | None, ...]) -> None:
    assert canonical(words) == meaning


def test_every_synonym_alone_means_what_the_table_says() -> None:
    for position, table in ((0, SIZE_WORDS), (1, COLOUR_WORDS), (2, KIND_WORDS)):
        for meaning, words in table.items():
            assert {canonical(w)[position] for w in words} == {meaning}
            assert words[0] == meaning


def test_names_are_read_back() -> None:
    for colour, kind, size in itertools.product(COLOURS, KINDS, (None, *SIZES)):
        assert canonical(canonical_name(colour=colour, kind=kind, size=size)) == (size, colour, kind)


def test_a_reference_fits_what_it_does_not_exclude() -> None:
    assert Reference(None, "red", None).fits("small", "red", "bowl")
    assert not Reference("large", "red", "block").fits("small", "red", "block")
    assert Reference(None, None, None).words == "thing"


def test_lists_in_words() -> None:
    assert [a_or_b("abc"[:n]) for n in (1, 2, 3)] == ["a", "a or b", "a, b or c"]


def test_colours_differ_in_hue_or_by_a_factor_of_two_in_lightness() -> None:
    """Lamps and shadows change lightness by about a quarter either way, and hue hardly."""
    for (a, rgb_a), (b, rgb_b) in itertools.combinations(COLOURS.items(), 2):
        hue_a, _, _ = colorsys.rgb_to_hsv(*rgb_a)
        hue_b, _, _ = colorsys.rgb_to_hsv(*rgb_b)
        apart = min(abs(hue_a - hue_b), 1 - abs(hue_a - hue_b)) * 360
        grey_a, grey_b = max(rgb_a) - min(rgb_a), max(rgb_b) - min(rgb_b)
        light_a, light_b = (sum(w * c for w, c in zip((0.3, 0.59, 0.11), rgb, strict=True)) for rgb in (rgb_a, rgb_b))
        told_by_hue = min(grey_a, grey_b) > 0.2 and apart >= 20
        told_by_grey = abs(grey_a - grey_b) > 0.25
        told_by_light = max(light_a, light_b) >= 1.9 * min(light_a, light_b)
        assert told_by_hue or told_by_grey or told_by_light, (a, b, apart)
