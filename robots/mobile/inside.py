"""Where to stand so that an empty hand gets in under a board, or past a door, to a thing, and its way in.

As robots.mobile.under does it for what is put down: the way is searched for as that of a door's bar is, base, arm and
hand clear of the map all along; what else stands there is looked at from that place. Frames: odom.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.mobile.clearance import free
from robots.mobile.grasps import GraspPlan, both
from robots.mobile.ground import standable
from robots.mobile.planar import flat
from robots.mobile.sight import odom_T_base, odom_T_world
from robots.mobile.sites import into
from robots.mobile.solids import fixed_here
from robots.mobile.things import Thing
from robots.mobile.tool_poses import apart_m, turned_rad
from robots.mobile.track import Task, Track
from robots.mobile.track_search import find_track
from robots.places import Surface
from robots.planning.scene import Scene
from robots.primitives.base import Body

Float = NDArray[np.float64]

PLANS, APART_M, APART_RAD = 6, 0.04, 0.3
"""Grasps so far apart, or so differently turned, are searched for, at most so many."""
OUTSIDE_M, MOST_OUT_M = 0.02, 0.45
"""The way in begins with the tool so far before the edge, no farther than the second from the thing."""
RISE_M, LOW_M, BACK_M = 0.025, 0.07, 0.08
"""What is lower than the second is gone to from so far above, other things from so far before them."""
NEAR_M = 0.03
"""Nearer to its end than this the hand may be as close to other things as it has to be."""
HAND_MARGIN_M = -0.012
"""Fingers come as near as that to what things stand on, by the balls that stand for them."""
TRIED, EVERY = 12, 4
"""Grasps that are tried from there; every so many samples of a way are checked."""


def stand_for(body: Body, thing: Thing, plans: Sequence[GraspPlan], surface: Surface) -> Track | None:
    """A place, and the hand's way from there to one of the grasps; None where there is none."""
    assert body.map is not None, "there are surfaces"
    state = body.robot.state()
    others = tuple(fixed_here(body))
    ahead = into(body, surface)
    tried: list[Pose] = []
    for plan in plans:
        if any(_alike(plan.tool, other) for other in tried):
            continue
        if len(tried) == PLANS:
            break
        tried.append(plan.tool)
        before = _before(plan.tool, low=thing.height_m < LOW_M)
        outside = before - _out_m(body, before, surface, ahead) * np.array([*ahead, 0.0])
        corners = np.stack([outside, before, plan.tool.xyz])
        length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1))])

        def path(at: float, tool: Pose = plan.tool, corners: Float = corners, length: Float = length) -> Pose:
            xyz = [float(np.interp(at, length, column)) for column in corners.T]
            return Pose(xyz=np.array(xyz), quat_xyzw=tool.quat_xyzw)

        task = Task(
            path=path, motion=lambda _: Pose.identity(), start=0.0, end=float(length[-1]), parts=(), others=others,
            shares=(0.0,), back_m=0.0, hand_margin_m=HAND_MARGIN_M, ahead=ahead,
        )  # fmt: skip
        found = find_track(body.robot.spec, task, flat(odom_T_base(state)), standable(body))
        if found is not None:
            return found
    return None


def way_in(
    body: Body, plans: Sequence[GraspPlan], scene: Scene, track: Track
) -> tuple[GraspPlan, tuple[Pose, ...], Float] | None:
    """From where the base stands for a track: to the grasp nearest to its end, in as the track goes, clear of the scene
    [others]; the hand's poses all along and the arm's configurations, float64[N,J]."""
    arm, base, end = body.kinematics, odom_T_base(body.robot.state()), track.tools[-1]
    every = [one for plan in plans for one in both(plan)]
    for plan in sorted(every, key=lambda one: apart_m(one.tool, end))[:TRIED]:
        by = plan.tool @ end.inverse()
        tools = tuple(by @ tool for tool in track.tools)
        q: list[Float] = []
        for tool, bent in zip(tools, track.q, strict=True):
            found = arm.solve(base.inverse() @ tool, q[-1] if q else bent)
            if not found.converged:
                break
            q.append(found.q)
        if len(q) < len(tools) or not free(body, scene, q[-1], width_m=plan.open_m, hand=False):
            continue
        away = np.linalg.norm([tool.xyz - plan.tool.xyz for tool in tools], axis=1)
        first = [one for one, far in zip(q, away, strict=True) if far > NEAR_M]
        if all(free(body, scene, one, width_m=plan.open_m) for one in first[::EVERY]):
            return plan, tools, np.array(q)
    return None


def _before(tool: Pose, *, low: bool) -> Float:
    """float64[3]: where the hand is before it comes over what is low, or around what is tall."""
    return tool.xyz + ([0.0, 0.0, RISE_M] if low else -BACK_M * tool.rotation[:, 2])


def _out_m(body: Body, start: Float, surface: Surface, ahead: Float) -> float:
    """How far back against `ahead` [2] a place [3] is clear of what is over the thing."""
    world = odom_T_world(body.robot.state()).inverse()
    ways = np.arange(0.0, MOST_OUT_M + 1e-9, 0.02)
    places = world.apply(np.column_stack([start[:2] - ways[:, None] * ahead, np.zeros(len(ways))]))
    over = surface.holds(places, margin_m=OUTSIDE_M)
    return max(float(ways[-1] if over.all() else ways[int(np.argmin(over))]), 0.02)


def _alike(a: Pose, b: Pose) -> bool:
    return float(np.linalg.norm(a.xyz - b.xyz)) < APART_M and turned_rad(a, b) < APART_RAD
