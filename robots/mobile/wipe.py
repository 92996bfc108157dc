"""wipe: what is held back and forth over a stain, pressed on lightly, until the region that was seen is gone over."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import Observation, Status
from robots.mobile.glance import cloud, face, main_camera, see
from robots.mobile.haul import Hauled, haul, line
from robots.mobile.load import Load, slipped, still_held
from robots.mobile.planar import flat
from robots.mobile.sight import View, odom_T_base, odom_T_world
from robots.mobile.solids import fixed_here
from robots.mobile.stance import approach, fold, pushed, stand_at
from robots.mobile.things import support_below
from robots.mobile.track import Task, Track, shifted
from robots.mobile.track_search import find_track
from robots.primitives.base import Body, Outcome, Target

Float = NDArray[np.float64]

AROUND_M, LIKE, USUAL_M, MOST_M = 0.16, 45.0, 0.06, 0.12
"""A stain is what is so near to the point and so like it in colour (of 255); half of its extent is between these."""
ABOVE_M, INTO_M, DEEPER_M = 0.05, 0.002, 0.012
PRESS_N = 6.0
TIPS_M = 0.0015
"""Finger tips that point down stay so far above what is wiped."""
CAUGHT_N, RAISE_M, CAUGHT = 60.0, 0.002, 6
"""What pushes back so hard has caught on something: it is lifted by so much, so often at most."""
SPEED_M_S = 0.12
OVERLAP = 0.7
ROUNDS = 2
TURNS_RAD = tuple(np.arange(8) * np.pi / 4)


def wipe(body: Body, target: Target) -> Outcome:
    """Rub what is held over the stain or the place at `target`."""
    load = body.grasp
    if not isinstance(load, Load) or not still_held(body, load):
        return Outcome(status=Status.NOT_HOLDING, detail="the hand holds nothing to wipe with")
    if target.xyz_m is None:
        return Outcome(status=Status.TARGET_NOT_FOUND, detail=f"no point was given for the {target.words}")
    by = odom_T_world(body.robot.state())
    middle, half = region(body, by.apply(target.xyz_m))
    track = _track(body, load, middle, half)
    if track is None:
        return Outcome(
            status=Status.UNREACHABLE, detail=f"there is no place from which the arm can wipe the {target.words}"
        )
    outcome = stand_at(body, track)
    if outcome.status is not Status.SUCCEEDED:
        return outcome
    track = shifted(track, odom_T_world(body.robot.state()) @ by.inverse())
    above = Pose(xyz=track.tools[0].xyz + [0.0, 0.0, ABOVE_M], quat_xyzw=track.tools[0].quat_xyzw)
    outcome = approach(body, above, track.q[0], cloud(see(body)[1]), width_m=0.0)
    if outcome.status is not Status.SUCCEEDED:
        fold(body)
        return outcome
    # Down until it is felt; the strokes then are as high as that. A hand that feels nothing goes where the surface is
    # known to be and no lower: its finger tips are 3 mm above what it wipes with, and stiff arms rub them fast.
    rest = body.robot.state().wrist_force_n
    feels = rest is not None
    low = Pose(xyz=track.tools[0].xyz - [0.0, 0.0, DEEPER_M if feels else INTO_M], quat_xyzw=track.tools[0].quat_xyzw)
    line(body, low, speed_m_s=0.04, width_m=0.0, guard=pushed(PRESS_N))
    here = odom_T_base(body.robot.state()) @ body.kinematics.tool(body.robot.state().arm_q)
    height = here.xyz[2] - (INTO_M if feels else 0.0)
    if not load.level:  # finger tips that touch what is wiped catch on it
        height = max(height, middle[2] + body.robot.spec.fingertip_m + TIPS_M)
    track = _raised(track, height - track.tools[0].xyz[2])
    hauled = _rub(body, track, rest)
    here = odom_T_base(body.robot.state()) @ body.kinematics.tool(body.robot.state().arm_q)
    line(body, Pose(xyz=here.xyz + [0.0, 0.0, ABOVE_M], quat_xyzw=here.quat_xyzw), width_m=0.0)
    fold(body)
    if not still_held(body, load):
        return slipped(body, load)
    if hauled.outcome.status is not Status.SUCCEEDED:
        return hauled.outcome
    return Outcome(status=Status.SUCCEEDED, detail=f"wiped the {target.words} with the {load.words}")


def _rub(body: Body, track: Track, rest: Float | None) -> Hauled:
    """Along the track; where something catches, a little higher, and on. rest: what the wrist feels in the air."""
    hauled = Hauled(outcome=Outcome(status=Status.PATH_BLOCKED, detail=""), at=0.0, stopped="")
    for _ in range(CAUGHT):
        guard = pushed(CAUGHT_N)
        hauled = haul(
            body, track.tools, track.q, None, speed_m_s=SPEED_M_S, width_m=0.0, guard=guard, yields=True, rest=rest
        )
        left = int(hauled.at)
        if not hauled.stopped or hauled.outcome.status is not Status.SUCCEEDED or left > len(track.tools) - 3:
            break
        onward = Track(amounts=track.amounts[left:], tools=track.tools[left:], places=track.places[left:],
                       q=track.q[left:], before=track.before, after=track.after)  # fmt: skip
        track = _raised(onward, RAISE_M)
        for high in (ABOVE_M, 0.0):
            there = track.tools[0]
            line(body, Pose(xyz=there.xyz + [0.0, 0.0, high], quat_xyzw=there.quat_xyzw), width_m=0.0)
    return hauled


def _raised(track: Track, by_m: float) -> Track:
    return shifted(track, Pose(xyz=np.array([0.0, 0.0, by_m]), quat_xyzw=np.array([0.0, 0.0, 0.0, 1.0])))


def region(body: Body, point: Float) -> tuple[Float, float]:
    """Middle [3] (odom) and half the extent of what has the colour of the point [3] around it, on its surface."""
    face(body, point)
    observation, seen = see(body)
    name = main_camera(body)
    points = _alike(observation, seen[name], name, point)
    known = None if body.map is None else body.map.surface_at(odom_T_world(observation.state).inverse().apply(point))
    height = known.height_m if known is not None else support_below([seen[name]], point)
    if len(points) < 6:
        return np.array([point[0], point[1], height]), USUAL_M
    low, high = np.quantile(points[:, :2], 0.03, axis=0), np.quantile(points[:, :2], 0.97, axis=0)
    half = float(np.clip((high - low).max() / 2, USUAL_M, MOST_M))
    return np.array([*(low + high) / 2, height]), half


def _alike(observation: Observation, one: View, name: str, point: Float) -> Float:
    """float64[N,3]: seen points near `point` [3], on its level, of its colour."""
    rgb = observation.frames[name].rgb.astype(np.float64)
    away = np.linalg.norm(one.points - point, axis=-1)
    away[~one.seen] = np.inf
    i = int(np.argmin(away))
    at = (i // away.shape[1], i % away.shape[1])
    like = np.linalg.norm(rgb - rgb[at], axis=-1) < LIKE
    mask = (away < AROUND_M) & like & (np.abs(one.points[..., 2] - one.points[at][2]) < 0.012)
    return np.asarray(one.points[mask])


def strokes(half_m: float, wide_m: float) -> Float:
    """float64[N,2]: a way back and forth over a square, m, its lines no further apart than what wipes is wide; ROUNDS
    times."""
    count = max(2, 1 + int(np.ceil(2 * half_m / (2 * OVERLAP * wide_m))))
    corners = []
    for i, y in enumerate(np.linspace(-half_m, half_m, count)):
        xs = (-half_m, half_m) if i % 2 == 0 else (half_m, -half_m)
        corners += [(x, y) for x in xs]
    way = np.array(corners * ROUNDS if count % 2 == 0 else corners + corners[::-1])
    out = [way[:1]]
    for a, b in pairwise(way):
        n = max(1, int(np.ceil(float(np.linalg.norm(b - a)) / 0.02)))
        out.append(a + (np.arange(1, n + 1) / n)[:, None] * (b - a))
    return np.concatenate(out)


def _track(body: Body, load: Load, middle: Float, half: float) -> Track | None:
    assert body.map is not None
    spec, state = body.robot.spec, body.robot.state()
    others = tuple(fixed_here(body))
    base = odom_T_base(state)
    way = strokes(half, min(load.size_m))
    ahead = float(np.arctan2(*(middle[:2] - base.xyz[:2])[::-1]))
    for turn in TURNS_RAD:
        upright = Pose.from_xyz_yaw([0.0, 0.0, 0.0], ahead + turn)

        def tool(at: float, upright: Pose = upright) -> Pose:
            i = np.clip(at, 0.0, len(way) - 1.0)
            xy = [np.interp(i, np.arange(len(way)), way[:, k]) for k in (0, 1)]
            c, s = np.cos(ahead), np.sin(ahead)
            xyz = middle + np.array([c * xy[0] - s * xy[1], s * xy[0] + c * xy[1], 0.0])
            return Pose(xyz=xyz, quat_xyzw=upright.quat_xyzw) @ load.tool_T_thing.inverse()

        task = Task(
            path=tool, motion=lambda _: Pose.identity(), start=0.0, end=float(len(way) - 1), parts=(), others=others,
            shares=(0.0,), back_m=0.0, rolls=(0.0,), toward=middle, samples=len(way), checks=2 * len(way) // 3,
            hand_margin_m=-0.014,
        )  # fmt: skip
        found = find_track(spec, task, flat(base))
        if found is not None:
            return found
    return None
