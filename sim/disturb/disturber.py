"""Who brings the trouble: draws what happens in each call, and stands between the robot and who commands it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agent.errors import UserError, listed
from agent.executor import Event, Started
from agent.watched import WatchedRobot
from robots.interface import Command, Observation, Robot
from sim.disturb.base import Trouble
from sim.disturb.senses import Exposure, Late, Noise, Occlusion
from sim.disturb.things import Move, Slip, Swap, Take
from sim.disturb.ways import Block, Refuse, Stick
from sim.world import World

KINDS: dict[str, type[Trouble]] = {
    "slip": Slip, "move": Move, "swap": Swap, "take": Take, "block": Block, "noise": Noise, "exposure": Exposure,
    "occlusion": Occlusion, "late": Late, "stick": Stick, "refuse": Refuse,
}  # fmt: skip
WHERE_IT_WAS_TOLD = ("slip", "move")
"""What training episodes are disturbed by."""


def chosen_kinds(kinds: str | Sequence[str]) -> tuple[str, ...]:
    """The kinds that a choice stands for: "all", or names.

    Raises:
        UserError: a kind that there is not.
    """
    names = tuple(KINDS) if kinds == "all" else tuple(listed("disturb", kinds) or ())
    for name in names:
        if name not in KINDS:
            raise UserError(f"no trouble {name!r}; there is {', '.join(KINDS)}, or all")
    return names


class Disturber:
    """Hears of each call (as a listener), of each moment, look and command (through `DisturbedRobot`); at most `most`
    times, with `probability` a call, it lets one of `kinds` happen. `done`: what it did, in words."""

    def __init__(
        self, world: World, rng: np.random.Generator, *, probability: float, most: int = 2,
        kinds: Sequence[str] = WHERE_IT_WAS_TOLD,
    ) -> None:  # fmt: skip
        self._rng = rng
        self._probability = probability
        self._most = most
        self._troubles = [KINDS[kind](world, rng) for kind in chosen_kinds(kinds)]
        self._due: tuple[Trouble, float] | None = None
        self._call_s = 0.0
        self._strikes = 0
        self.done: list[str] = []

    def __call__(self, event: Event) -> None:
        if not isinstance(event, Started):
            return
        self._due, self._call_s = None, 0.0
        for trouble in self._troubles:
            if trouble.on and not trouble.lasts:
                trouble.end()
        # Drawn even where nothing comes of it, so that a call's fate does not hang on those before.
        fate, which, when = self._rng.random(3)
        fitting = [t for t in self._troubles if t.fits(event.call)]
        if fate >= self._probability or self._strikes >= self._most or not fitting:
            return
        trouble = fitting[int(which * len(fitting))]
        low, high = trouble.after_s
        self._due = (trouble, low + when * (high - low))

    def moved(self, seconds: float) -> None:
        """The clock went on by `seconds`."""
        for trouble in self._troubles:
            if trouble.on:
                self._say(trouble.passed(seconds))
        if self._due is None:
            return
        trouble, after_s = self._due
        self._call_s = self._call_s + seconds if trouble.ready() else 0.0
        if self._call_s > after_s and not trouble.on:
            self._due = None
            words = trouble.strike()
            self._strikes += bool(words)
            self._say(words)

    def seen(self, observation: Observation) -> Observation:
        """What the robot sees instead."""
        shown = observation
        for trouble in self._troubles:
            if trouble.on:
                shown = trouble.seen(shown)
        for trouble in self._troubles:
            if isinstance(trouble, Late):
                trouble.noticed(observation)
        return shown

    def sent(self, command: Command) -> Command | None:
        """What is passed on to the robot; None: nothing, it refuses."""
        passed: Command | None = command
        for trouble in self._troubles:
            if trouble.on and passed is not None:
                passed = trouble.sent(passed)
        return passed

    def end(self) -> None:
        """The episode is over: nobody stands in the way any more."""
        for trouble in self._troubles:
            trouble.end()

    def _say(self, words: str) -> None:
        if words:
            self.done.append(words)


class DisturbedRobot(WatchedRobot):
    """`robot`, with a disturber between it and whoever looks through it and commands it."""

    def __init__(self, robot: Robot, disturber: Disturber) -> None:
        super().__init__(robot, disturber.moved)
        self._disturber = disturber

    def observe(self) -> Observation:
        return self._disturber.seen(super().observe())

    def send(self, command: Command) -> Command:
        passed = self._disturber.sent(command)
        if passed is None:
            self.stop()
            return Command()
        return super().send(passed)
