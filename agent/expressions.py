"""Regular expressions that are read one character at a time, by derivatives.

The derivative of a language by a character is what may follow it (Brzozowski 1964, "Derivatives of regular
expressions"; Owens, Reppy and Turon 2009). It is an expression again, so that an expression is its own state: which
characters may come, whether it may end here, how many more it takes at least. Intersection and difference cost
nothing extra, and equal expressions are one object, so that nothing is worked out twice.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import cached_property
from typing import TypeVar
from weakref import WeakValueDictionary

_ALL: WeakValueDictionary[tuple[object, ...], Expression] = WeakValueDictionary()


class Expression(ABC):
    """A set of texts. Made by the functions below; never changed.

    ends: whether the empty text is in it.
    """

    ends: bool

    def __init__(self) -> None:
        self._next: dict[str, Expression] = {}

    def after(self, char: str) -> Expression:
        """What may follow the character; NOTHING where it can't come."""
        found = self._next.get(char)
        if found is None:
            found = self._next[char] = self._after(char)
        return found

    def after_text(self, value: str) -> Expression:
        """What may follow the text."""
        at = self
        for char in value:
            at = at.after(char)
        return at

    @abstractmethod
    def _after(self, char: str) -> Expression: ...

    @cached_property
    @abstractmethod
    def first(self) -> frozenset[str]:
        """Characters that may come next, and perhaps some that may not."""

    @cached_property
    @abstractmethod
    def shortest(self) -> float:
        """Length of the shortest text; infinite where there is none."""

    @cached_property
    @abstractmethod
    def alphabet(self) -> frozenset[str]:
        """All characters that stand in the expression."""


class _Text(Expression):
    def __init__(self, value: str) -> None:
        super().__init__()
        self.value, self.ends = value, not value

    def _after(self, char: str) -> Expression:
        return text(self.value[1:]) if self.value.startswith(char) else NOTHING

    @cached_property
    def first(self) -> frozenset[str]:
        return frozenset(self.value[:1])

    @cached_property
    def shortest(self) -> float:
        return float(len(self.value))

    @cached_property
    def alphabet(self) -> frozenset[str]:
        return frozenset(self.value)


class _Chars(Expression):
    def __init__(self, values: frozenset[str]) -> None:
        super().__init__()
        self.values, self.ends = values, False

    def _after(self, char: str) -> Expression:
        return EMPTY if char in self.values else NOTHING

    @cached_property
    def first(self) -> frozenset[str]:
        return self.values

    @cached_property
    def shortest(self) -> float:
        return 1.0 if self.values else math.inf

    @cached_property
    def alphabet(self) -> frozenset[str]:
        return self.values


class _Seq(Expression):
    def __init__(self, a: Expression, b: Expression) -> None:
        super().__init__()
        self.a, self.b, self.ends = a, b, a.ends and b.ends

    def _after(self, char: str) -> Expression:
        longer = seq(self.a.after(char), self.b)
        return either(longer, self.b.after(char)) if self.a.ends else longer

    @cached_property
    def first(self) -> frozenset[str]:
        return self.a.first | self.b.first if self.a.ends else self.a.first

    @cached_property
    def shortest(self) -> float:
        return self.a.shortest + self.b.shortest

    @cached_property
    def alphabet(self) -> frozenset[str]:
        return self.a.alphabet | self.b.alphabet


class _Either(Expression):
    def __init__(self, options: frozenset[Expression]) -> None:
        super().__init__()
        self.options, self.ends = options, any(o.ends for o in options)

    def _after(self, char: str) -> Expression:
        return either(*(o.after(char) for o in self.options))

    @cached_property
    def first(self) -> frozenset[str]:
        return frozenset[str]().union(*(o.first for o in self.options))

    @cached_property
    def shortest(self) -> float:
        return min(o.shortest for o in self.options)

    @cached_property
    def alphabet(self) -> frozenset[str]:
        return frozenset[str]().union(*(o.alphabet for o in self.options))


class _Repeat(Expression):
    def __init__(self, part: Expression, least: int, most: int | None) -> None:
        super().__init__()
        self.part, self.least, self.most, self.ends = part, least, most, least == 0

    def _after(self, char: str) -> Expression:
        rest = repeat(self.part, max(self.least - 1, 0), None if self.most is None else self.most - 1)
        return seq(self.part.after(char), rest)

    @cached_property
    def first(self) -> frozenset[str]:
        return self.part.first

    @cached_property
    def shortest(self) -> float:
        return self.least * self.part.shortest if self.least else 0.0

    @cached_property
    def alphabet(self) -> frozenset[str]:
        return self.part.alphabet


class _Both(Expression):
    """What is in a, and in b or, `without`, not in b."""

    def __init__(self, a: Expression, b: Expression, without: bool) -> None:
        super().__init__()
        self.a, self.b, self.without = a, b, without
        self.ends = a.ends and b.ends is not without

    def _after(self, char: str) -> Expression:
        return (but if self.without else both)(self.a.after(char), self.b.after(char))

    @cached_property
    def first(self) -> frozenset[str]:
        return self.a.first

    @cached_property
    def shortest(self) -> float:
        """Breadth first through the derivatives: what two languages share can't be told from their parts."""
        layer: list[Expression] = [self]
        seen: set[Expression] = {self}
        steps = 0
        while layer:
            if any(state.ends for state in layer):
                return float(steps)
            follow = {s.after(char): None for s in layer for char in sorted(s.first)}  # a set that keeps its order
            layer = [s for s in follow if s is not NOTHING and s not in seen]
            seen.update(layer)
            steps += 1
        return math.inf

    @cached_property
    def alphabet(self) -> frozenset[str]:
        return self.a.alphabet


E = TypeVar("E", bound=Expression)


def _one(kind: type[E], *parts: object) -> E:
    """The one expression with these parts; those that are expressions are one already, and so compare by identity."""
    key = (kind, *parts)
    found = _ALL.get(key)
    if found is None:
        found = _ALL[key] = kind(*parts)
    assert isinstance(found, kind)
    return found


NOTHING: Expression = _one(_Chars, frozenset[str]())
"""No text at all."""
EMPTY: Expression = _one(_Text, "")
"""The empty text alone."""


def text(value: str) -> Expression:
    """This text alone."""
    return _one(_Text, value)


def chars(values: Iterable[str]) -> Expression:
    """Any one of these characters."""
    return _one(_Chars, frozenset(values))


def seq(*parts: Expression) -> Expression:
    """One after the other."""
    if any(part is NOTHING for part in parts):
        return NOTHING
    out = EMPTY
    for part in reversed(parts):
        if isinstance(part, _Seq):
            out = seq(part.a, seq(part.b, out))
        elif part is not EMPTY:
            out = part if out is EMPTY else _one(_Seq, part, out)
    return out


def either(*options: Expression) -> Expression:
    """One or the other."""
    flat: set[Expression] = set()
    for option in options:
        flat.update(option.options if isinstance(option, _Either) else [option])
    flat.discard(NOTHING)
    if len(flat) <= 1:
        return next(iter(flat), NOTHING)
    return _one(_Either, frozenset(flat))


def maybe(part: Expression) -> Expression:
    """Once or not at all."""
    return either(part, EMPTY)


def repeat(part: Expression, least: int = 0, most: int | None = None) -> Expression:
    """`least` to `most` times, without a bound where `most` is None.

    Raises:
        ValueError: the part may be empty.
    """
    if part.ends:
        raise ValueError("what is repeated must have a character")
    return EMPTY if most == 0 else _one(_Repeat, part, least, most)


def both(a: Expression, b: Expression) -> Expression:
    """What is in one and in the other."""
    return NOTHING if NOTHING in (a, b) else _one(_Both, a, b, False)


def but(a: Expression, b: Expression) -> Expression:
    """What is in the first and not in the second."""
    return a if NOTHING in (a, b) else _one(_Both, a, b, True)
