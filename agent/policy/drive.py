"""A policy drives a stroke: look, ask for a chunk, do half of it, look again; until it says that it is done or stuck.

Everything goes through the robot that the body has, the safety kernel before it, as with every other primitive.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agent.policy.chunks import STEP_S, USED, decode
from agent.policy.features import Felt, features
from agent.policy.runtime import Inputs, PolicyStep
from agent.policy.stroke import Stroke
from agent.policy.view import view
from robots.geometry import Pose
from robots.interface import Command, Observation
from robots.primitives import Body
from robots.primitives.base import STRAY_RAD

Float = NDArray[np.float64]

MOST_S = 14.0
SURE = 0.5
OFF_M = 0.02
"""A pose that no configuration meets by less than this is out of reach."""
BLEND = 3
SHARE = 0.9
"""Of the joints' own limits."""
SHUT_M = 0.006
"""Fingers that are told to be so close are told to close."""


class Session(Protocol):
    """What a drive asks for its steps: a `PolicySession`."""

    def noise(self, rng: np.random.Generator) -> NDArray[np.float32]: ...

    def step(self, inputs: Inputs, *, noise: NDArray[np.float32]) -> PolicyStep: ...


class Ending(Enum):
    """How a stroke ended. No truth value."""

    DONE = "done"
    STUCK = "stuck"
    OUT_OF_REACH = "out of reach"
    HELD_BACK = "held back"
    OUT_OF_TIME = "out of time"

    def __bool__(self) -> bool:
        raise TypeError("an Ending has no truth value; compare it with Ending.DONE")


@dataclass(frozen=True, kw_only=True, eq=False)
class Decision:
    """What the policy was shown and said, once."""

    inputs: Inputs
    done: float
    stuck: float


def drive(
    body: Body,
    stroke: Stroke,
    session: Session,
    *,
    camera: str,
    rng: np.random.Generator,
    most: int | None = None,
    told: Callable[[Decision], None] | None = None,
) -> Ending:
    """One stroke by the policy. most: decisions; then it is out of time. told: hears of each."""
    robot = body.robot
    first = robot.observe()
    hand = _Hand(body, first)
    at_start: NDArray[np.uint8] | None = None
    before: NDArray[np.uint8] | None = None
    unsure, lowest = 0, float("inf")
    for _ in range(most if most is not None else round(MOST_S / (USED * STEP_S))):
        seen = first if before is None else robot.observe()
        world_T_f = stroke.frame(seen.state.world_T_base)
        now = view(seen.frames[camera], world_T_f)
        at_start = now if at_start is None else at_start
        before = now if before is None else before
        lowest = min(lowest, float(seen.state.world_T_tool.xyz[2] - world_T_f.xyz[2]))
        felt = Felt(state=seen.state, width_sent_m=hand.width_m, lowest_m=lowest)
        inputs = Inputs(
            views=np.stack([at_start, before, now]),
            state=features(stroke, felt, widest_m=robot.spec.gripper_max_width_m),
        )
        step = session.step(inputs, noise=session.noise(rng))
        before = now
        if told is not None:
            told(Decision(inputs=inputs, done=step.done, stuck=step.stuck))
        if step.done > SURE:
            robot.stop()
            return Ending.DONE
        unsure = unsure + 1 if step.stuck > SURE else 0
        if unsure == 2:
            robot.stop()
            return Ending.STUCK
        poses, widths = decode(step.chunk[: USED + BLEND], world_T_f, seen.state.world_T_tool)
        ending = hand.follow([seen.state.world_T_base.inverse() @ p for p in poses], widths)
        if ending is not None:
            robot.stop()
            return ending
    robot.stop()
    return Ending.OUT_OF_TIME


class _Hand:
    """Turns poses of the tool into joint commands: a stream within the joints' own limits, as those that were learned
    from were, which passes the safety kernel untouched.

    A new chunk takes over from the one before it over its first BLEND steps, a simpler form of ACT's ensemble over time
    (Zhao et al. 2023, section IV-B); between steps the joints follow a cubic spline.
    """

    def __init__(self, body: Body, seen: Observation) -> None:
        self._body = body
        self._q: Float = seen.state.arm_q
        self._v: Float = np.zeros_like(self._q)
        self._left: Float = np.empty((0, len(self._q)))
        self.width_m = seen.state.gripper_width_m

    def follow(self, poses: list[Pose], widths_m: Float) -> Ending | None:
        """Along base_T_tool, one each STEP_S, the first USED of them; why not, if not."""
        knots = self._solved(poses)
        if knots is None:
            return Ending.OUT_OF_REACH
        count = len(self._left)
        share = np.arange(1, count + 1)[:, None] / (count + 1)
        knots[:count] = share * knots[:count] + (1 - share) * self._left
        self._left = knots[USED:]
        way = np.concatenate([self._q[None], knots])
        speeds = np.concatenate([STEP_S * self._v[None], (way[2:] - way[:-2]) / 2])
        robot, spec = self._body.robot, self._body.robot.spec
        per_step = round(STEP_S / spec.period_s)
        for k in range(USED):
            width = float(widths_m[k])
            self.width_m = 0.0 if width < SHUT_M else min(width, spec.gripper_max_width_m)
            for j in range(1, per_step + 1):
                self._go(_between(way[k], way[k + 1], speeds[k], speeds[k + 1], j / per_step))
            if float(np.abs(robot.state().arm_q - self._q).max()) > STRAY_RAD:
                return Ending.HELD_BACK
        return None

    def _go(self, wish: Float) -> None:
        """One period towards `wish` [J], as far as velocity and acceleration allow."""
        robot, spec = self._body.robot, self._body.robot.spec
        h = spec.period_s
        change = SHARE * spec.acceleration_rad_s2 * h
        v = np.clip((wish - self._q) / h, self._v - change, self._v + change)
        v = np.clip(v, -SHARE * spec.velocity_rad_s, SHARE * spec.velocity_rad_s)
        q = np.clip(self._q + h * v, spec.q_lower_rad, spec.q_upper_rad)
        sent = robot.send(Command(arm_q=q, gripper_width_m=self.width_m)).arm_q
        q = q if sent is None else sent
        self._v, self._q = (q - self._q) / h, q
        robot.wait(h)

    def _solved(self, poses: list[Pose]) -> Float | None:
        """float64[K,J]; None where the arm does not reach."""
        found, q = [], self._q
        for pose in poses:
            solved = self._body.kinematics.solve(pose, q, iterations=12)
            if solved.position_error_m > OFF_M:
                return None
            q = solved.q
            found.append(q)
        return np.stack(found)


def _between(a: Float, b: Float, speed_a: Float, speed_b: Float, t: float) -> Float:
    """Hermite's cubic from a to b at t in [0, 1]; speeds per unit of t."""
    return np.asarray(
        (1 + 2 * t) * (1 - t) ** 2 * a
        + t * (1 - t) ** 2 * speed_a
        + t * t * (3 - 2 * t) * b
        + t * t * (t - 1) * speed_b
    )
