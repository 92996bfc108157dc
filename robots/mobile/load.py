"""What the hand of a robot that drives remembers of the thing it holds: where it is in the hand, and how large."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robots.geometry import Pose
from robots.interface import Status
from robots.mobile.things import Thing
from robots.planning.shape import Part, filled_box
from robots.primitives.base import HELD_WIDTH_M, Body, Grasp, Outcome

UNSEEN_M = 0.010
"""A thing may be wider by so much, to every side, than what was seen of it."""
UPRIGHT = 0.9
BALL_M = 0.035
"""The balls that cover a load stand out over it by less than this; smaller loads have smaller ones."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Load(Grasp):
    """A grasp in any direction. tool_T_thing: the thing's frame, in the middle of its underside, z to its top.

    size_m: half its extents along its own x and y; `height_m` along z. level: it was taken from the side, by a hand
    that pointed pitch_rad downwards. tipped: it has leaned so far that what was in it may have run out.
    """

    tool_T_thing: Pose
    size_m: tuple[float, float]
    level: bool
    pitch_rad: float = 0.0
    tipped: bool = False

    def lean_rad(self, tool: Pose) -> float:
        """How far off upright it is with the tool there, in any frame whose z is up."""
        return float(np.arccos(np.clip((tool @ self.tool_T_thing).rotation[2, 2], -1.0, 1.0)))

    def upright(self, odom_T_tool: Pose) -> bool:
        """Whether it is the right way up with the tool there."""
        return bool((odom_T_tool @ self.tool_T_thing).rotation[2, 2] > UPRIGHT)

    def parts(self) -> tuple[Part, ...]:
        """Balls on the tool's frame that cover it."""
        half = np.array([*self.size_m, self.height_m / 2]) + [UNSEEN_M, UNSEEN_M, 0.0]
        middle = self.tool_T_thing @ Pose.from_xyz_yaw([0.0, 0.0, self.height_m / 2])
        return filled_box(-1, middle, half, float(min(BALL_M, max(0.8 * half.max(), 0.012))))

    @property
    def off_middle_m(self) -> float:
        """From its middle axis to where it is held."""
        return float(np.linalg.norm(self.tool_T_thing.inverse().xyz[:2]))

    @property
    def below_m(self) -> float:
        """From the tool point down to the thing's underside, as it was taken."""
        return self.drop_m


def load_of(
    words: str, thing: Thing, odom_T_tool: Pose, width_m: float, *, level: bool, pitch_rad: float = 0.0,
    palm_m: float = np.inf,
) -> Load:  # fmt: skip
    """What a hand holds that has closed around a thing where it stood. palm_m: from the tool point up to the palm of a
    hand that points down; what seemed to rise beyond that stood beside the thing."""
    odom_T_thing = Pose.from_xyz_yaw([*thing.centre, thing.support_m], thing.yaw_rad)
    tool_T_thing = odom_T_tool.inverse() @ odom_T_thing
    return Load(
        words=words,
        width_m=width_m,
        drop_m=float(odom_T_tool.xyz[2] - thing.support_m),
        half_m=thing.half_m,
        offset_m=tool_T_thing.xyz[:2],
        height_m=min(thing.height_m, float(odom_T_tool.xyz[2] - thing.support_m) + palm_m),
        tool_T_thing=tool_T_thing,
        size_m=(max(thing.half_m[0], 0.004), max(thing.half_m[1], 0.004)),
        level=level,
        pitch_rad=pitch_rad,
    )


def load_parts(body: Body) -> tuple[Part, ...]:
    """Balls of what the hand holds, none where it holds nothing."""
    return body.grasp.parts() if isinstance(body.grasp, Load) else ()


def still_held(body: Body, load: Load) -> bool:
    """By the width between the fingers, and what the hand says itself; the width may well be less than it was: a rim
    settles between them by a centimetre."""
    state = body.robot.state()
    return state.holding or state.gripper_width_m > min(HELD_WIDTH_M, load.width_m / 2)


def forget_lost(body: Body) -> None:
    """What the hand feels no more has fallen out of it, whatever it remembers."""
    if body.grasp is not None and body.steady_grip() is None:
        body.grasp, body.held_q = None, None


def slipped(body: Body, load: Load) -> Outcome:
    """What a primitive says whose load is no longer held; the hand remembers nothing of it."""
    body.grasp, body.held_q = None, None
    return Outcome(status=Status.NOT_HOLDING, detail=f"the {load.words} slipped out of the hand")
