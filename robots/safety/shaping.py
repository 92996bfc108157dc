"""What of a command may be done: a robot's motion as commanded, one period at a time, always with a way to rest.

Each command is carried one period ahead, and from there to rest. Only if all of that keeps the limits and is clear of
collisions is it done; else the robot takes the next step of the way to rest that was found clear a period ago.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from robots.interface import Command, RobotState
from robots.limits import HandSpace
from robots.safety.body import Coordinates
from robots.safety.braking import Brakes, Motion
from robots.safety.clearance import Clearances
from robots.safety.config import SafetyConfig
from robots.safety.reasons import Reason
from robots.spec import RobotSpec

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]

ROWS = 8
"""So many configurations of a way to rest are looked at, the last always among them."""
HAND_OFF_M = 0.006
"""Further from the floor stays a hand that may touch nothing: arms sag and follow late by millimetres."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """One period: the command to be sent, which leads from `start` to `then`, and the way to rest from there. idle:
    bool[D], coordinates that have had their step. held: why it is not what was wished."""

    out: Command
    start: Motion
    then: Motion
    way: list[Motion]
    idle: Mask
    held: tuple[Reason, str] | None = None


class Shaper:
    """Of one robot; see the module. `now` and `pose`: where its coordinates and its base are commanded to be."""

    def __init__(self, spec: RobotSpec, config: SafetyConfig) -> None:
        self.spec, self.config = spec, config
        self.each = Coordinates(spec)
        self.brakes: Brakes = self.each.brakes
        self.clear = Clearances(spec, config)
        self._hand = HandSpace(replace(spec, floor_m=spec.floor_m + (0.0 if config.touch else HAND_OFF_M)))
        self.people: Callable[[], Float] | None = None

    def begin(self, state: RobotState) -> None:
        """It rests where the robot says that it is."""
        self.now = self.each.resting(state)
        self._wish = self.now.q
        self._way: list[Motion] = []
        self.pose = state.world_T_base
        self._excess_m = self._hand.outside_m(state.arm_q)

    @property
    def moves_nothing(self) -> Mask:
        """bool[D]: no coordinate."""
        return np.zeros(len(self.now.q), dtype=bool)

    def step(self, wish: Command, command: Command, idle: Mask) -> Step:
        """One command, as it may be sent; `wish` is it again, or what is left of it."""
        start, brakes = self.now, self.brakes
        raw = self.each.wished(start, wish, brakes.h)
        top = self._top(start)
        fine = brakes.kept(start, raw) & (np.abs(raw.v) <= top + 1e-9)
        then = _merged(fine | idle, _merged(~idle, raw, lambda: start), lambda: self._shaped(start, raw, top))
        way = brakes.stop(then)
        ends = brakes.ends_within(then, way)
        if not ends.all():
            # The step before left a way to rest within the limits.
            safe = brakes.towards(start, np.zeros_like(start.v))
            then = _merged(ends, then, lambda: safe)
            way = brakes.stop(then)
        untouched = bool(((fine & ends) | idle).all())
        held = None
        if not (then.rests and start.rests):
            held = self._blocked(start, then, way)
            if held is not None:
                safe = brakes.towards(start, np.zeros_like(start.v))
                then = _merged(~idle, safe, lambda: start)
                way, untouched = brakes.stop(then), False
        self._wish = np.where(idle, self._wish, np.clip(raw.q, brakes.lower, brakes.upper))
        out = command if untouched else self.each.command(then, wish, start, idle)
        return Step(out=out, start=start, then=then, way=way, idle=idle, held=held)

    def braking(self) -> Step:
        """The next step of the way to rest."""
        start, idle = self.now, self.moves_nothing
        then = self._way[0] if len(self._way) else self.brakes.towards(start, np.zeros_like(start.v))
        out = self.each.command(then, Command(), start, idle)
        return Step(out=out, start=start, then=then, way=self._way[1:], idle=idle)

    def took(self, step: Step, sent: Command) -> None:
        """The driver took the step, as `sent`."""
        then, way = step.then, step.way
        really = self.each.really(then, sent, step.start, self.brakes.h, step.idle)
        if really is not then:
            then, way = really, self.brakes.stop(really)
        if not step.idle[-1]:
            self.pose = self.pose @ self.each.driven(then, self.brakes.h)
        self.now, self._way = then, way
        if then.rests:
            self._excess_m = min(self._excess_m, max(0.0, self._hand.outside_m(then.q[: self.spec.dof])))

    def forget_wish(self) -> None:
        """What was wished before the robot braked is not caught up with."""
        self._wish = self.now.q

    def _shaped(self, start: Motion, raw: Motion, top: Float) -> Motion:
        """As near to the wish as the limits allow: with the wish's own velocity, and what catches up with it."""
        brakes, drives = self.brakes, self.each.drives
        wish = np.clip(raw.q, brakes.lower, brakes.upper)
        behind = self._wish - start.q
        catch_up = np.minimum(np.abs(behind) / brakes.h, brakes.pace(np.abs(behind)))
        velocity = (wish - self._wish) / brakes.h + np.sign(behind) * catch_up
        # Never faster than it can stop before the wish, wherever that was a period ago.
        gap = wish - start.q
        slow = np.sign(velocity) * np.minimum(np.abs(velocity), brakes.pace(np.abs(gap)))
        velocity = np.where(gap * velocity > 0, slow, velocity)
        velocity = np.where(drives, raw.v, velocity)
        return brakes.towards(start, np.clip(velocity, -top, top))

    def _top(self, start: Motion) -> Float:
        """float64[D]: the speeds allowed now: those of the spec, less for a base near people and obstacles."""
        top = self.brakes.velocity
        if self.spec.base is None or (self.people is None and not self.clear.surrounded):
            return top
        config, most = self.config, float(self.spec.base.velocity[0])
        near = min(most, _eased(self.clear.near(self.pose), config.near_m, config.near_m_s, most))
        if self.people is not None:
            away = np.linalg.norm(np.atleast_2d(self.people()) - self.pose.xyz[:2], axis=1)
            least = float(away.min(initial=np.inf)) - self.spec.base.radius_m
            near = min(near, _eased(least, config.people_m, config.people_m_s, most))
        share = near / most
        return np.where(self.each.drives, top * share, top)

    def _blocked(self, start: Motion, then: Motion, way: list[Motion]) -> tuple[Reason, str] | None:
        """What the robot would meet on its way to rest from there, if anything."""
        rows = [then, *way]
        chosen = [rows[k] for k in np.unique(np.linspace(0, len(rows) - 1, ROWS).astype(int))]
        dof = self.spec.dof
        arm_q = np.stack([m.q[:dof] for m in (start, *chosen)])
        poses = None
        if self.spec.base is not None:
            poses = [self.pose, *(self.pose @ self.each.gone(start, m) for m in chosen)]
        least, reason, where = self.clear.least(arm_q, poses)
        if least < 0:
            return reason, where
        if np.abs(arm_q - start.q[:dof]).max() > 1e-9:
            # All of the way: where it leaves for a moment, the gate behind stops it at once, breaking acceleration.
            excess = self._hand.farthest_m(np.stack([m.q[:dof] for m in rows]))
            if excess > max(self._excess_m, 0.0) + 0.5e-9:
                return Reason.WORKSPACE, f"the hand by {1e3 * excess:.0f} mm"
        return None


def _merged(mask: Mask, one: Motion, other: Callable[[], Motion]) -> Motion:
    """Coordinates of `one` where the mask says so, else of the other."""
    if mask.all():
        return one
    b = other()
    return Motion(q=np.where(mask, one.q, b.q), v=np.where(mask, one.v, b.v), a=np.where(mask, one.a, b.a))


def _eased(away_m: float, near_m: float, slow_m_s: float, most_m_s: float) -> float:
    """slow within near_m, most from twice that on, and evenly in between."""
    share = float(np.clip(away_m / near_m - 1.0, 0.0, 1.0))
    return min(most_m_s, slow_m_s + share * max(0.0, most_m_s - slow_m_s))
