"""The grammar against the parser, and decoding by any tokenizer: what comes out parses, what parses can come out."""

from __future__ import annotations

import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.expressions import NOTHING, both, but, chars, either, maybe, repeat, seq, text
from agent.onboard.tokenwise import TokenDecoder, Vocabulary, vocabulary_of
from agent.plan import MAX_CALLS, PlanError, PrimitiveCall, format_plan, parse_plan
from agent.plan_grammar import plan_grammar
from agent.verbs import VERBS, Argument, Relation, Side, Verb
from tests.tiny import tiny_tokenizer

GRAMMAR = plan_grammar()
CHARACTERS = sorted(GRAMMAR.alphabet)
PIECES = [*(v.value + "(" for v in Verb), *(r.value for r in Relation), *(s.value for s in Side), *(
    "to", "was", "front of", "front offer", " to ", " was", ")\n", ")", "\n", " @ 1 2", " @ 0 9999", " @ 01 2", " @ ",
    " ", "a", "b-c", "done()", "red block", "x" * 3, "12345", "?", "A", "'", " to left", " to back @ 3 4", "w " * 11,
)]  # fmt: skip


def is_plan(value: str) -> bool:
    """By the parser: a plan, and written as `format_plan` writes it."""
    try:
        return format_plan(parse_plan(value)) == value
    except PlanError:
        return False


words = st.one_of(
    st.sampled_from(["to", "was", "front", "of", "left", "back", "in", "red", "block"]),
    st.from_regex(r"[a-z0-9][a-z0-9'-]{0,4}", fullmatch=True),
)
names = st.lists(words, min_size=1, max_size=5).map(" ".join)
points = st.none() | st.tuples(st.integers(0, 9999), st.integers(0, 9999))


@st.composite
def calls(draw: st.DrawFn, ends: bool) -> PrimitiveCall:
    verb = draw(st.sampled_from([v for v in Verb if VERBS[v].ends_plan == ends]))
    argument = VERBS[verb].argument
    call: dict = {"verb": verb}
    if argument is Argument.TEXT:
        call["text"] = draw(st.text(string.ascii_letters + " ,.?!:;'/-09", min_size=1, max_size=20))
    elif argument is Argument.TARGET:
        call |= {"target": draw(names), "point": draw(points)}
    elif argument is Argument.RELATION:
        relation = draw(st.sampled_from(Relation))
        call["relation"] = relation
        if relation.takes_target:
            call["target"] = draw(names)
            call["point"] = draw(points) if relation.takes_point else None
    elif argument is Argument.DESTINATION:
        call |= {"target": draw(names), "point": draw(points)}
        if draw(st.booleans()):
            call["side"] = draw(st.sampled_from(Side))
        else:
            call |= {"destination": draw(names), "destination_point": draw(points)}
    return PrimitiveCall(**call)


texts = st.builds(lambda some, last: format_plan([*some, last]), st.lists(calls(False), max_size=3), calls(True))
plans = texts.filter(is_plan)  # a thing called "front" is a side, and "to" parts what it should not
near_plans = st.one_of(
    texts,
    st.lists(st.sampled_from(PIECES), max_size=8).map("".join),
    st.builds(
        lambda plan, at, gap, piece: plan[: at % (len(plan) + 1)] + piece + plan[at % (len(plan) + 1) + gap :],
        plans, st.integers(0, 200), st.integers(0, 3), st.sampled_from([*PIECES, *CHARACTERS, ""]),
    ),
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map(lambda p: f"push({''.join(p)})\ndone()"),
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map(lambda p: f"place({''.join(p)})\ndone()"),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(near_plans)
def test_the_grammar_is_what_the_parser_reads_and_the_formatter_writes(value: str) -> None:
    assert GRAMMAR.after_text(value).ends == is_plan(value), value


@pytest.mark.parametrize("value", [
    "push(a to b to left)\ndone()", "push(a to left @ 1 2)\ndone()", "push(a @ 1 2 to left @ 1 2)\ndone()",
    "push(to to to)\ndone()", "push(a to)\ndone()", "push(a to b @ 1 2 to c @ 3 4)\ndone()",
    "push(a to to left @ 1 2)\ndone()", "place(in front of)\ndone()", "place(in front offer)\ndone()",
    "place(in front of it)\ndone()", "place(in front)\ndone()", "place(where was)\ndone()",
    "place(where was was)\ndone()", f"place(where {'a ' * 11}was)\ndone()", f"place(where {'a ' * 12}was)\ndone()",
    f"pick({'a ' * 11}a)\ndone()", f"pick({'a ' * 12}a)\ndone()", f"push({'a ' * 10}to a)\ndone()",
    f"push({'a ' * 11}to a)\ndone()", f"say({'a' * 160})\ndone()", f"say({'a' * 161})\ndone()",
    "look()\n" * (MAX_CALLS - 1) + "done()", "look()\n" * MAX_CALLS + "done()", "done()\n", "done()\ndone()", "",
])  # fmt: skip
def test_corners_of_the_grammar(value: str) -> None:
    assert GRAMMAR.after_text(value).ends == is_plan(value)


pieces = st.text(st.sampled_from(CHARACTERS), min_size=2, max_size=6) | st.sampled_from(PIECES)
vocabularies = st.lists(pieces, max_size=30).map(lambda more: Vocabulary([*CHARACTERS, *more, None, "\u00e9"]))


@settings(max_examples=60, deadline=None)
@given(vocabularies, st.integers(0, 2**32 - 1), st.integers(6, 80))
def test_whatever_is_chosen_parses_and_fits_the_budget(vocabulary: Vocabulary, seed: int, budget: int) -> None:
    rng = np.random.default_rng(seed)
    decoder = TokenDecoder(vocabulary, GRAMMAR, budget=budget)
    while not decoder.finished:
        allowed = decoder.allowed()
        assert len(allowed)
        decoder.advance(int(rng.choice(allowed)))
    assert len(decoder.ids) <= budget
    assert is_plan(decoder.text)


@settings(max_examples=60, deadline=None)
@given(vocabularies, plans, st.randoms(use_true_random=False))
def test_every_plan_can_be_written_however_it_is_cut(vocabulary: Vocabulary, plan: str, random) -> None:
    by_text: dict[str, list[int]] = {}
    for i, value in enumerate(vocabulary.texts):
        if value:
            by_text.setdefault(value, []).append(i)
    decoder, at = TokenDecoder(vocabulary, GRAMMAR), 0
    while at < len(plan):
        fitting = [value for value in by_text if plan.startswith(value, at)]
        value = random.choice(sorted(fitting))
        token = random.choice(by_text[value])
        assert token in decoder.allowed()
        decoder.advance(token)
        at += len(value)
    assert decoder.finished
    assert decoder.text == plan


@settings(max_examples=30, deadline=None)
@given(plans)
def test_a_real_tokenizer_writes_its_own_tokens_of_every_plan(plan: str) -> None:
    tokenizer = tiny_tokenizer()
    decoder = TokenDecoder(VOCABULARY, GRAMMAR)
    ids = tokenizer.encode(plan).ids
    for token in ids:
        decoder.advance(token)
    assert decoder.finished
    assert tokenizer.decode(ids) == decoder.text == plan


VOCABULARY = vocabulary_of(tiny_tokenizer())


def test_sentencepiece_tokens_are_read_too() -> None:
    from tokenizers import Tokenizer, decoders, models

    tokens = ["<pad>", "<0x0A>", "\u2581red", "a\u2581"]
    tokenizer = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=[]))
    tokenizer.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens(["<pad>"])
    assert vocabulary_of(tokenizer).texts == (None, "\n", " red", "a ")
    tokenizer.decoder = decoders.WordPiece()
    with pytest.raises(ValueError, match="WordPiece"):
        vocabulary_of(tokenizer)


def test_names_of_given_words_and_verbs_that_may_be_called() -> None:
    grammar = plan_grammar(verbs=[Verb.PICK, Verb.DONE], words=["red", "block", "to", "Not This"])
    assert grammar.after_text("pick(red block @ 1 2)\ndone()").ends
    assert grammar.after_text("pick(green") is NOTHING
    assert grammar.after_text("look(") is NOTHING
    with pytest.raises(ValueError, match="ends a plan"):
        plan_grammar(verbs=[Verb.PICK])
    with pytest.raises(ValueError, match="no word"):
        plan_grammar(words=["Not This"])


def test_a_text_that_could_go_on_ends_by_the_stop_token() -> None:
    vocabulary = Vocabulary(["a", "b", None])
    decoder = TokenDecoder(vocabulary, repeat(chars("ab"), 1), stop=2)
    assert decoder.allowed().tolist() == [0, 1]
    decoder.advance(0)
    assert decoder.allowed().tolist() == [0, 1, 2]
    decoder.advance(2)
    assert decoder.finished
    assert decoder.text == "a"


def test_what_can_never_be_finished_is_said_at_once() -> None:
    with pytest.raises(ValueError, match="no token for each of '\\\\n'"):
        TokenDecoder(Vocabulary([c for c in CHARACTERS if c != "\n"]), GRAMMAR)
    with pytest.raises(ValueError, match="fits 5 tokens"):
        TokenDecoder(VOCABULARY, GRAMMAR, budget=5)
    decoder = TokenDecoder(VOCABULARY, GRAMMAR, budget=6)
    with pytest.raises(ValueError, match="can't stand here"):
        decoder.advance(VOCABULARY.texts.index("p"))


A, B = chars("ab"), repeat(chars("ab"))
LANGUAGES = {
    "a*b*": (seq(repeat(text("a")), repeat(text("b"))), r"a*b*"),
    "(ab|ba)?": (maybe(either(text("ab"), text("ba"))), r"(ab|ba)?"),
    "2 to 3": (repeat(A, 2, 3), r"[ab]{2,3}"),
    "with ab inside, not ending in a": (
        but(both(B, seq(B, text("ab"), B)), seq(B, text("a"))), r"(?=[ab]*ab)[ab]*(?<!a)"
    ),
    "nothing": (both(text("a"), text("b")), r"(?!)"),
}  # fmt: skip


@pytest.mark.parametrize("name", LANGUAGES)
def test_expressions_say_what_re_says(name: str) -> None:
    import itertools
    import re

    expression, pattern = LANGUAGES[name]
    found = [t for n in range(6) for t in map("".join, itertools.product("ab", repeat=n)) if re.fullmatch(pattern, t)]
    for n in range(6):
        for value in map("".join, itertools.product("ab", repeat=n)):
            assert expression.after_text(value).ends == (value in found), value
    assert expression.shortest == min((len(t) for t in found), default=np.inf)
