"""What a person typed -> an instruction that a planner may be given, or one line that says why not."""

from __future__ import annotations

import re
import unicodedata

from agent.errors import UserError

MAX_WORDS = 60
MAX_CHARS = 400
_ALIKE = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "\u00a0": " "})
_READABLE = re.compile(r"[A-Za-z0-9 ,.?!:;'\"()/&-]+")

# Words that instructions in English are made of. Enough to tell the language, far from all that may be said.
_ENGLISH = frozenset(
    """
    a above across after all along an and another any apart are around aside at away back before behind below beside
    between both bottom bring build but by can careful carefully carry clear could do down drop each edge empty every
    exchange far find first for from front get give go grab group hand have hello help here hi hold how i if in inside
    into is it its item items just kindly last lay leave left lift like line little look make match matching me move
    my near nearer next nice no not now object objects of off on one ones onto or order other out over pair pass pick
    place please pop position push put rest right row same second see separate set shift should show side slide so some
    sort stack stand stop swap table take tell that the their them then there these they thing things third this those
    tidy to together too top tower toward towards turn two three four up us want was what where which while with would
    yes you your transfer relocate shove nudge hoist raise collect gather fetch switch trade color colors colour colours
    red orange yellow green cyan blue purple pink brown white black gray grey scarlet crimson teal turquoise navy violet
    open close shut closed fridge refrigerator freezer cupboard cabinet drawer door shelf counter worktop kitchen island
    sink stove oven burner microwave lamp light lights switch press button lit dark bright on wipe clean wash sponge
    stain spill spilled dirty pour fill water milk juice soda drink drinks food eat fruit thirsty hungry someone person
    cup mug glass bottle carton fork knife spoon pan pot bag chips bread fold laundry room floor wall garbage trash
    throw grab fruits groceries away sit wait go stay near turn off i'm i'd let's could somebody too it's what's
    apple banana orange lemon pear tomato carrot cereal cracker salt pepper jam soap cloth board
    block blocks cube cubes brick bricks cylinder cylinders can cans tube tubes bowl bowls basin plate plates saucer
    dish dishes box boxes crate crates container containers bin bins zone zones square area patch small large big tiny
    """.split()  # noqa: SIM905, read as text
)
MIN_ENGLISH = 0.34
"""Least share of known words: "lege den roten block in die gruene schale" has 2 of 8, "put a flurgle on the zarp" 4
of 6."""


def clean_instruction(text: str) -> str:
    """One line of plain English, spaces tidied.

    Raises:
        UserError: for text that is empty, too long, binary, not in Latin letters, or in another language.
    """
    if "\0" in text or any(0xDC80 <= ord(c) <= 0xDCFF for c in text):
        raise UserError("the sentence is binary, not text; say what to do in plain English")
    words = unicodedata.normalize("NFKC", text.translate(_ALIKE)).split()
    sentence = " ".join(words)
    if not sentence:
        raise UserError('the sentence is empty; say what to do, such as "put the red block in the green bowl"')
    if len(words) > MAX_WORDS or len(sentence) > MAX_CHARS:
        raise UserError(
            f"the sentence has {len(words)} words, {len(sentence)} characters; at most {MAX_WORDS} and {MAX_CHARS}"
        )
    readable = _READABLE.match(sentence)
    if readable is None or readable.end() < len(sentence):
        odd = sentence[readable.end() if readable else 0]
        raise UserError(f"the sentence has {odd!a} in it; plain English takes letters, digits and . , ; : ? ! ' - only")
    spoken = [w for w in re.findall(r"[a-z']+", sentence.lower()) if w]
    if not spoken:
        raise UserError(f"there are no words in {sentence!r}; say what to do in plain English")
    if sum(w in _ENGLISH for w in spoken) < MIN_ENGLISH * len(spoken):
        raise UserError(f"this does not read as English: {sentence[:60]!r}; English is all that the agent knows")
    return sentence
