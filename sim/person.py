"""A person who takes what a robot holds out: they let it come to rest, take hold of it, pull, and have it.

person = Person(world, lambda: True)
body = Body(robot=WatchedRobot(robot, person.moved), ...)
hand_over(body, ...)
person.taken                       # ["apple"]
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from robots.geometry import Float, Pose
from robots.mobile.slide import bearing
from robots.sliding import needs_base, sliding
from sim.mobile import MobileArm
from sim.world import World

AHEAD_M, HIGH_M = 0.45, (0.7, 1.35)
"""Things are offered that are so far from the robot's middle at least, in the direction in which its arm works, and
between these heights."""
STILL_S, STILL_M_S = 0.8, 0.03
PULL_N, PULL_S = 14.0, 4.0
"""How hard they pull, and how long before they give up and begin anew."""
PATIENT_S, HARDER_N_S, MOST_N = 1.2, 20.0, 65.0
"""What does not come for so long is pulled at harder and harder, up to MOST_N: a robot that feels no force at its wrist
notices a person only when its fingers have lost what they held, and rubber pads hold it against 14 N."""
OFF_M = 0.05
"""What has come so far out of the hand is theirs."""


class Person:
    """`moved` is to be called as the clock goes on. wants: whether they want anything now. taken: names, in order."""

    def __init__(self, world: World, wants: Callable[[], bool]) -> None:
        self.world, self.wants = world, wants
        self.taken: list[str] = []
        self._name: str | None = None
        self._offered_s = 0.0
        self._from: Float | None = None
        self._told: Float = np.empty(0)
        spec = world.spec
        self._bearing = bearing(sliding(spec)) if needs_base(spec) else 0.0
        """Where the arm works in the base's frame, rad: 0 is ahead."""

    def moved(self, seconds: float) -> None:
        """The clock went on by `seconds`."""
        world = self.world
        if self._from is None:
            if not self.wants():
                return
            held = world.held()
            # An arm that is on its way holds nothing out, however slowly it goes.
            stands = np.array_equal(self._told, world.arm.q_goal)
            self._told = world.arm.q_goal
            waits = stands and held is not None and self._offered(held)
            self._offered_s = self._offered_s + seconds if waits and held == self._name else 0.0
            self._name = held
            if self._offered_s < STILL_S or held is None:
                return
            self._from = world.arm.tool().inverse().apply(world.pose(held).xyz)
            self._grasp(held)
        assert self._name is not None
        self._offered_s += seconds
        if self._offered_s > STILL_S + PATIENT_S:
            self._grasp(self._name)
        come = world.arm.tool().inverse().apply(world.pose(self._name).xyz) - self._from
        if float(np.linalg.norm(come)) > OFF_M:
            self.taken.append(self._name)
            self._let_go()
            world.hide(self.taken[-1])
        elif self._offered_s > STILL_S + PULL_S:
            self._let_go()

    def _grasp(self, name: str) -> None:
        """Pulls at it along the fingers, out of the hand: any other way a rim stays hooked on the finger within it."""
        more = HARDER_N_S * max(0.0, self._offered_s - STILL_S - PATIENT_S)
        self.world.pull(name, min(PULL_N + more, MOST_N) * self.world.arm.tool().rotation[:, 2])

    def _let_go(self) -> None:
        if self._name is not None:
            self.world.pull(self._name, None)
        self._from, self._name, self._offered_s = None, None, 0.0

    def _offered(self, name: str) -> bool:
        pose = self.world.pose(name)
        x, y, _ = self._base().inverse().apply(pose.xyz)
        ahead = x * np.cos(self._bearing) + y * np.sin(self._bearing)
        # What still stands somewhere, or is just being taken from there, is not held out.
        free = self.world.touching(name) <= {"robot"}
        return bool(
            free and ahead > AHEAD_M and HIGH_M[0] < pose.xyz[2] < HIGH_M[1] and self.world.speed_m_s(name) < STILL_M_S
        )

    def _base(self) -> Pose:
        assert isinstance(self.world.arm, MobileArm)
        return self.world.arm.world_T_base
