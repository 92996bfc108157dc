"""What a robot ran into, and whether it kept its limits, over an episode: arm, base, head and fingers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pybullet as p

from agent.executor import Event, Started
from agent.verbs import Verb
from robots.geometry import Float
from robots.spec import RobotSpec
from sim.kitchen.fixtures import KitchenFixtures
from sim.mobile import MobileArm
from sim.robot import SimRobot

ALLOWED_MM = 2.0
ROUNDING = 1.05
"""A share of a limit up to here is no more than a rounding."""
BEYOND = 1e-3
_MEANT = (Verb.PICK, Verb.PUSH, Verb.OPEN, Verb.CLOSE, Verb.PULL, Verb.PRESS)
"""Verbs whose target the hand is to touch."""


@dataclass(frozen=True, kw_only=True)
class Readings:
    """depth_mm: the deepest that the robot was inside anything but what it grasps, holds or pushes, or the very part
    that it opens, shuts or presses; `into`: what that was. The fastest that each moved, as a share of its limits:
    speed_share, joints of the arm; base_share, the base, ahead, aside or turning; base_acceleration_share, of what its
    motors are told, since the door that it pulls at pushes back; head_share; fingers_share. beyond_rad: how far a
    joint, of the head and the fingers too, was beyond its range at most (rad, or m where it slides)."""

    depth_mm: float = 0.0
    into: str = ""
    speed_share: float = 0.0
    base_share: float = 0.0
    base_acceleration_share: float = 0.0
    head_share: float = 0.0
    fingers_share: float = 0.0
    beyond_rad: float = 0.0

    @property
    def fastest_share(self) -> float:
        """Of all limits of speed and acceleration."""
        return max(
            self.speed_share, self.base_share, self.base_acceleration_share, self.head_share, self.fingers_share
        )  # fmt: skip

    @property
    def clean(self) -> bool:
        """No collision deeper than 2 mm and no limit exceeded, but for a rounding."""
        return self.depth_mm <= ALLOWED_MM and self.fastest_share <= ROUNDING and self.beyond_rad <= BEYOND

    def as_line(self) -> dict[str, Any]:
        """For a record of the episode."""
        figures = {k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(self).items()}
        return {**figures, "clean": self.clean}


@dataclass(frozen=True, kw_only=True)
class _Moment:
    """Where everything is. base_twist: float64[3], forward, left, turning; driven_twist: as its motors were told."""

    q: Float
    head_q: Float
    width_m: float
    base_twist: Float
    driven_twist: Float


class Probe:
    """A listener of `run_episode`, and, through `WatchedRobot`, of each moment of its robot; it changes nothing.

    It looks where the robot waits, 60 times a second as a rule, not at each step of the physics.
    """

    def __init__(self, robot: SimRobot) -> None:
        self._robot = robot
        self._meant: frozenset[str] = frozenset()
        self._part: tuple[int, int] | None = None
        """Body and link of what is being opened, shut or pressed."""
        self._last: _Moment | None = None
        self.readings = Readings()

    def __call__(self, event: Event) -> None:
        if isinstance(event, Started):
            self._meant = frozenset([event.call.target] if event.call.verb in _MEANT else [])
            fixtures = self._robot.world.fixtures
            self._part = None
            if self._meant and isinstance(fixtures, KitchenFixtures):
                self._part = fixtures.moving(event.call.target)

    def moved(self, seconds: float) -> None:
        """The clock went on by `seconds`."""
        if seconds <= 0:
            return
        depth, into = self._deepest()
        now, old = self._now(), self.readings
        last = now if self._last is None or len(self._last.q) != len(now.q) else self._last
        self._last = now
        deeper = 1000 * depth > old.depth_mm
        shares, spec = self._shares(last, now, seconds), self._robot.spec
        self.readings = Readings(
            depth_mm=max(old.depth_mm, 1000 * depth), into=into if deeper else old.into,
            beyond_rad=max(old.beyond_rad, self._beyond(now, spec)),
            **{name: max(getattr(old, name), share) for name, share in shares.items()},
        )  # fmt: skip

    def _now(self) -> _Moment:
        arm = self._robot.world.arm
        if not isinstance(arm, MobileArm):
            none = np.zeros(3)
            return _Moment(q=arm.q, head_q=np.zeros(0), width_m=arm.width_m, base_twist=none, driven_twist=none)
        return _Moment(
            q=arm.q, head_q=arm.head_q, width_m=arm.width_m, base_twist=arm.base_twist, driven_twist=arm.driven_twist
        )

    def _shares(self, last: _Moment, now: _Moment, seconds: float) -> dict[str, float]:
        """The fields of `Readings` that are shares of limits, of this moment."""
        spec, changed = self._robot.spec, now.width_m - last.width_m
        found = {
            "speed_share": _most(np.abs(now.q - last.q) / seconds / spec.velocity_rad_s),
            "fingers_share": abs(changed) / seconds / spec.gripper_speed_m_s,
        }
        if spec.head is not None:
            found["head_share"] = _most(np.abs(now.head_q - last.head_q) / seconds / spec.head.velocity_rad_s)
        if spec.base is not None:
            change = np.abs(now.driven_twist - last.driven_twist) / seconds
            found["base_share"] = _most(_of(np.abs(now.base_twist), spec.base.velocity))
            found["base_acceleration_share"] = _most(_of(change, spec.base.acceleration))
        return found

    def _beyond(self, now: _Moment, spec: RobotSpec) -> float:
        """How far anything is beyond its range."""
        beyond = [0.0, _most(now.q - spec.q_upper_rad), _most(spec.q_lower_rad - now.q)]
        beyond += [-now.width_m, now.width_m - spec.gripper_max_width_m]
        if spec.head is not None:
            beyond += [_most(now.head_q - spec.head.q_upper_rad), _most(spec.head.q_lower_rad - now.head_q)]
        return max(beyond)

    def _deepest(self) -> tuple[float, str]:
        """(m, name) of the deepest contact of the robot with what it is not to touch."""
        world = self._robot.world
        held = world.held()
        meant = {world.body_id(n) for n in world.names if n in self._meant or n == held}
        meant |= {body for body, n in world.fixtures.names.items() if n in self._meant}
        worst = max(
            (
                c
                for c in p.getContactPoints(bodyA=world.arm.body, physicsClientId=world.client)
                if c[2] not in meant and (c[2], c[4]) != self._part
            ),
            key=lambda c: -float(c[8]),
            default=None,
        )
        if worst is None or worst[8] >= 0:
            return 0.0, ""
        named = {world.body_id(n): n for n in world.names} | dict(world.fixtures.names)
        return -float(worst[8]), named.get(worst[2], "itself" if worst[2] == world.arm.body else "something")


def _most(values: Float) -> float:
    return float(values.max()) if len(values) else 0.0


def _of(values: Float, limits: Float) -> Float:
    """Shares of limits; of what has none, because it can't move that way, nothing."""
    return np.asarray(np.divide(values, limits, out=np.zeros(len(values)), where=np.asarray(limits) > 0))
