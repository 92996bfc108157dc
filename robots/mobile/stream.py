"""Configurations sent to the arm one a period: along straight lines of the tool, until something is felt.

The base stands meanwhile (robots.mobile.haul moves both). Poses are in odom.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import Command, RobotState, Status
from robots.mobile.sight import odom_T_base
from robots.planning.motion import Motion, Pace
from robots.primitives.base import STRAY_RAD, Body, Outcome

Float = NDArray[np.float64]

Stop = Callable[[RobotState], str | None]
"""Asked at every period: words to stop for, or None."""

OFF_RAD, TAKE_UP_S = 0.1, 1.5
"""Joints (rad or m) are told so nearly what they should be; and how long that may take at the beginning."""
SETTLE_S = 0.4
CONTACT_N, BACK = 8.0, 4
"""A change of force at the wrist within so many periods that is no trembling."""


def follow(body: Body, q: Float, *, width_m: float | None = None, stop: Stop | None = None) -> Outcome:
    """Stream configurations [M,J], one a period, then wait until the arm stands."""
    robot = body.robot
    period = robot.spec.period_s
    for k, one in enumerate(q):
        sent = robot.send(Command(arm_q=one, gripper_width_m=width_m))
        if k == 0:
            sent = _taken_up(body, one, sent, width_m)
        if not _sent_near(sent, one):
            robot.stop()
            return Outcome(status=Status.LIMIT, detail="the limits held the arm back")
        robot.wait(period)
        state = robot.state()
        if float(np.abs(state.arm_q - one).max()) > STRAY_RAD:
            robot.stop()
            return Outcome(status=Status.PATH_BLOCKED, detail="the arm ran into something")
        word = None if stop is None else stop(state)
        if word is not None:
            robot.stop()
            return Outcome(status=Status.SUCCEEDED, detail=word)
    if len(q):
        settle(body, q[-1], width_m)
    return Outcome(status=Status.SUCCEEDED, detail="")


def straight(
    body: Body,
    goal: Pose,
    *,
    speed_m_s: float,
    width_m: float | None = None,
    stop: Stop | None = None,
    acceleration: float = 0.5,
) -> Outcome:
    """The tool along a straight line to `goal` (odom), at most so fast. Where `stop` says a word it stands still, and
    that is a success with the word as detail."""
    state = body.robot.state()
    target = odom_T_base(state).inverse() @ goal
    motion: Motion = body.planner.line(state.arm_q, target, pace=Pace(acceleration=acceleration, tool_m_s=speed_m_s))
    if motion.status is not Status.SUCCEEDED:
        return Outcome(status=motion.status, detail=motion.detail)
    return follow(body, motion.q, width_m=width_m, stop=stop)


def straight_way(
    body: Body, start_q: Float, goal: Pose, *, speed_m_s: float, acceleration: float = 0.5
) -> Float | None:
    """float64[M,J]: the arm's stream for a straight line of the tool from `start_q` [J], which comes first, to `goal`
    (odom); None where it can't. Backwards it is a stream, too. acceleration: share of the joints' limits."""
    target = odom_T_base(body.robot.state()).inverse() @ goal
    motion = body.planner.line(start_q, target, pace=Pace(acceleration=acceleration, tool_m_s=speed_m_s))
    return np.concatenate([start_q[None], motion.q]) if motion.status is Status.SUCCEEDED and len(motion.q) else None


def settle(body: Body, q: Float, width_m: float | None) -> None:
    """Until the arm stands at q [J], to 2 mrad or mm, or SETTLE_S have passed."""
    robot = body.robot
    for _ in range(int(np.ceil(SETTLE_S / robot.spec.period_s))):
        if float(np.abs(robot.state().arm_q - q).max()) < 0.002:
            return
        robot.send(Command(arm_q=q, gripper_width_m=width_m))
        robot.wait(robot.spec.period_s)


def touched(force_n: float = CONTACT_N) -> Stop:
    """Stops where the force at the wrist changes by so much within BACK periods. Slower changes are the arm's own: its
    inertia, or the hand turning. A robot without a sensor there never stops for it."""
    history: list[Float] = []

    def stop(state: RobotState) -> str | None:
        if state.wrist_force_n is None:
            return None
        history.append(state.wrist_force_n)
        before = history[max(0, len(history) - 1 - BACK)]
        return "contact" if float(np.linalg.norm(history[-1] - before)) > force_n else None

    return stop


def _taken_up(body: Body, q: Float, sent: Command, width_m: float | None) -> Command:
    """What is sent in the end for q [J], where an arm is that something had stopped on its way: what it was told last
    lies beyond that, and the limits let it be told something else only bit by bit."""
    for _ in range(int(TAKE_UP_S / body.robot.spec.period_s)):
        if _sent_near(sent, q):
            break
        body.robot.wait(body.robot.spec.period_s)
        sent = body.robot.send(Command(arm_q=q, gripper_width_m=width_m))
    return sent


def _sent_near(sent: Command, q: Float) -> bool:
    return sent.arm_q is not None and float(np.abs(sent.arm_q - q).max()) <= OFF_RAD
