"""look: turn the head over the room, or to what is asked for, and give the picture that plans point in."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import Command, Status
from robots.kinematics import base_T_camera
from robots.mobile.carry import fold
from robots.mobile.clearance import free, surroundings
from robots.mobile.glance import cloud, face, see, turn_head
from robots.mobile.go import go
from robots.mobile.shapes import robot_shape
from robots.mobile.sight import odom_T_world
from robots.primitives.base import Body, Outcome, Target
from robots.spec import RobotSpec

Float = NDArray[np.float64]

TURNS_RAD = (0.0, 0.4, -0.4, 1.2, -1.2, 2.0, -2.0, 2.4, -2.4)
"""Of the folded arm's first joint."""
VIEW_M = np.array([(x, y, z) for x in (0.5, 0.7, 0.9, 1.1) for y in (-0.4, -0.2, 0.0, 0.2, 0.4) for z in (0.5, 0.95)])
"""What is to be seen, in the base's frame: boards and worktops before the robot."""
SWEEP_RAD = (0.9, -0.9)
"""To the left, then to the right; then back to the middle."""
PAUSE_S = 0.3


def look(body: Body, target: Target | None = None) -> Outcome:
    """The arm folded and the head towards `target`; without one, over the room in a sweep and back to its middle.

    An arm that holds nothing turns aside, as far as there is room, so that it hides less. The head ends where the next
    picture is to be taken.
    """
    outcome = fold(body)
    if outcome.status is not Status.SUCCEEDED:
        return outcome
    if body.grasp is None:
        _aside(body)
    if target is not None and target.xyz_m is not None:
        face(body, odom_T_world(body.robot.state()).apply(target.xyz_m))
        return Outcome(status=Status.SUCCEEDED, detail=f"looking at the {target.words}")
    head = body.robot.spec.head
    if head is None:
        return Outcome(status=Status.SUCCEEDED, detail="the arm is out of the way")
    for pan in (*SWEEP_RAD, 0.0):
        goal = np.array([pan, head.home_q_rad[1]])
        turn_head(body, np.clip(goal, head.q_lower_rad, head.q_upper_rad))
        body.robot.send(Command())
        body.robot.wait(PAUSE_S)
    return Outcome(status=Status.SUCCEEDED, detail="the arm is out of the way, the head looks ahead")


def _aside(body: Body) -> None:
    """The folded arm to where it hides least of what is before the robot; it stays where there is no way to that."""
    ways = aside(body.robot.spec)
    if len(ways) == 0:
        return
    _, seen = see(body)
    scene, width_m = surroundings(body, cloud(seen)), body.robot.spec.gripper_max_width_m
    for q in ways:
        if free(body, scene, q, width_m=width_m) and go(body, scene, [q]).status is Status.SUCCEEDED:
            return


@lru_cache(maxsize=8)
def aside(spec: RobotSpec) -> Float:
    """float64[N,J]: the arm folded and turned by its first joint so that it hides less than at home, the best first."""
    if spec.head is None or not spec.cameras or spec.slides:
        return np.empty((0, spec.dof))
    shape = robot_shape(spec, Pose.identity(), width_m=spec.gripper_max_width_m)
    moving = np.array([not part.anchored for part in shape.parts])
    ways = np.tile(spec.home_q_rad, (len(TURNS_RAD), 1))
    ways[:, 0] += TURNS_RAD
    ways = ways[(ways >= spec.q_lower_rad).all(axis=1) & (ways <= spec.q_upper_rad).all(axis=1)]
    eye = base_T_camera(spec, spec.cameras[0], spec.home_q_rad, spec.head.home_q_rad).xyz
    rays = VIEW_M - eye
    hidden = []
    for centres in shape.centres(ways)[:, moving]:
        share = np.clip((centres - eye) @ rays.T / (rays**2).sum(axis=1), 0.0, 1.0)
        off = np.linalg.norm(eye + share[..., None] * rays - centres[:, None], axis=2)
        hidden.append(int((off < shape.radii_m[moving, None]).any(axis=0).sum()))
    better = [i for i in np.argsort(hidden, kind="stable") if hidden[i] < hidden[0]]
    return ways[better]
