"""An arm that is pressed against something, or overlaps with it, goes on; a pull at what is held out is told from its
end."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from robots.geometry import Float, Pose
from robots.interface import Command, Status
from robots.limits import LimitGate
from robots.mobile.go import backed_out
from robots.mobile.hand_over import WAIT_S, _wait
from robots.mobile.navigate import elsewhere
from robots.mobile.shapes import robot_shape
from robots.mobile.stream import follow
from robots.mobile_panda import mobile_panda
from robots.planning.free_space import FreeSpace
from robots.planning.obstacles import Box
from robots.planning.scene import Scene

SPEC = mobile_panda()
HOME = np.array(SPEC.home_q_rad)


class Arm:
    """An arm that a board keeps from turning its second joint beyond `board_rad`, whatever it is sent; what its wrist
    feels is told in `forces` [T,3], one a period."""

    def __init__(self, sent: Float, *, board_rad: float = np.inf, forces: Float | None = None) -> None:
        self.spec, self.board_rad = SPEC, board_rad
        self.gate = LimitGate(SPEC, arm_q=sent, gripper_width_m=0.05)
        self.forces = np.zeros((1, 3)) if forces is None else forces
        self.now, self.since, self.clock = np.array(sent), 0.0, 0

    def send(self, command: Command) -> Command:
        out = self.gate.admit(command, self.since)
        assert out.arm_q is not None
        self.now, self.since = out.arm_q, 0.0
        return out

    def wait(self, seconds: float) -> None:
        self.since += seconds
        self.clock += round(seconds / self.spec.period_s)

    def stop(self) -> None:
        halted = self.gate.halt().arm_q
        assert halted is not None
        self.now = halted

    def state(self) -> Any:
        q = np.array(self.now)
        q[1] = min(q[1], self.board_rad)
        force = self.forces[min(self.clock, len(self.forces) - 1)]
        return SimpleNamespace(arm_q=q, wrist_force_n=force, holding=True, gripper_width_m=0.05)


def body(robot: Arm) -> Any:
    return SimpleNamespace(robot=robot)


def test_an_arm_pressed_against_a_board_gives_in_and_follows() -> None:
    """What it was sent is 0.12 rad further than it got: streams that begin where it stands were refused for that."""
    arm = Arm(HOME + [0, 0.12, 0, 0, 0, 0, 0], board_rad=float(HOME[1]))
    start = arm.state().arm_q
    way = start + np.linspace(0.0, -0.2, 120)[:, None] * np.eye(7)[1]
    assert follow(body(arm), way).status is Status.SUCCEEDED
    np.testing.assert_allclose(arm.state().arm_q, way[-1], atol=2e-3)


def test_the_limits_still_hold_a_jump_back() -> None:
    arm = Arm(HOME)
    assert follow(body(arm), (HOME + np.linspace(0.0, 1.0, 4)[:, None])).status is Status.LIMIT


def test_an_arm_that_overlaps_with_something_leaves_it_to_any_side_and_goes_no_deeper() -> None:
    shape = robot_shape(SPEC, Pose.identity(), width_m=0.04)
    balls = shape.centres(HOME[None])[0]
    k = max(range(len(balls)), key=lambda i: balls[i][0] * (not shape.parts[i].anchored))
    edge = balls[k][0] + shape.radii_m[k]
    wall = Box.between([edge - 0.015, -1.0, 0.0], [edge + 0.2, 1.0, 2.0], name="wall")
    scene = Scene([wall], lower_m=[-1, -1, 0], upper_m=[1.5, 1, 2])
    space = FreeSpace(shape, scene, resolution=np.full(7, 0.1), margin_m=0.0)
    before = space.worst(HOME)[0]
    assert before < -0.01
    there = backed_out(body(Arm(HOME)), shape, scene, HOME, [HOME])
    assert there is not None
    assert space.worst(there)[0] > 0.0
    assert min(space.worst(q)[0] for q in space.sampled(np.stack([HOME, there]))) > before - 0.002


@pytest.mark.parametrize(
    ("pulled", "taken"), [([], False), ([(0.0, 0.2)], False), ([(0.0, 20.0)], True), ([(0.0, 0.2), (2.0, 4.0)], True)]
)
def test_a_pull_is_told_from_its_end(pulled: list[tuple[float, float]], taken: bool) -> None:
    """Somebody who took hold before it was held out, and gave up, does not have it when they let go."""
    times = np.arange(0.0, WAIT_S + 1.0, SPEC.period_s)
    forces = np.tile([0.0, 6.0, 4.0], (len(times), 1))
    for start, end in pulled:
        forces[(times >= start) & (times < end)] += [0.0, 9.0, 9.0]
    arm, load = Arm(HOME, forces=forces), SimpleNamespace(width_m=0.05)
    assert _wait(body(arm), load, float(np.hypot(6.0, 4.0))) is taken  # type: ignore[arg-type]


def test_a_pull_that_ends_while_one_waits_is_none() -> None:
    forces = np.tile([0.0, 6.0, 4.0], (900, 1))
    forces[:45] += [0.0, 9.0, 9.0]  # for a quarter of a second more than it takes to come to rest
    load = SimpleNamespace(width_m=0.05)
    assert not _wait(body(Arm(HOME, forces=forces)), load, float(np.hypot(6.0, 4.0)))  # type: ignore[arg-type]


@pytest.mark.parametrize("again", [False, True])
def test_what_was_weighed_while_somebody_pulled_is_not_dropped_when_they_let_go(again: bool) -> None:
    forces = np.tile([0.0, 6.0, 4.0], (900, 1))
    forces[:120] += [0.0, 9.0, 9.0]
    forces[300:400] += np.array([0.0, 9.0, 9.0]) * again
    arm, load = Arm(HOME, forces=forces), SimpleNamespace(width_m=0.05)
    assert _wait(body(arm), load, float(np.hypot(15.0, 13.0))) is again  # type: ignore[arg-type]
    assert arm.clock > 300


def test_straight_behind_is_no_other_place_to_see_from() -> None:
    places = np.array([[-0.3, 0.0, 0.0], [0.0, 0.3, 0.0], [0.0, 0.0, 0.5]])
    np.testing.assert_array_equal(elsewhere(places, (np.zeros(3),), aside=True), places[1:])
    np.testing.assert_array_equal(elsewhere(places, (np.zeros(3),)), places)
