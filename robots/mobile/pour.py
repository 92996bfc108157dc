"""pour: what is in the held vessel into another: its lip over the other's middle, tilted until it is empty, and back.

It comes straight down from higher up, and pours from as high as keeps the hand, which may roll, off the other vessel.
How much has come out is not measured: everything is poured, for which POUR_S are enough at the full tilt. Whether the
other vessel still stands is looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose, quat_from_axis_angle
from robots.interface import Status
from robots.mobile.clearance import surroundings
from robots.mobile.glance import cloud, face, main_camera, see
from robots.mobile.go import go
from robots.mobile.ground import standable
from robots.mobile.haul import haul
from robots.mobile.load import Load, slipped, still_held
from robots.mobile.planar import base_at, flat
from robots.mobile.reach import configurations, tool
from robots.mobile.shapes import robot_parts, robot_shape
from robots.mobile.sight import odom_T_base, odom_T_world
from robots.mobile.solids import fixed_here
from robots.mobile.stance import approach, fold, stand_at
from robots.mobile.stream import follow, straight, straight_way
from robots.mobile.things import Thing, support_below, thing_at
from robots.mobile.track import Task, Track, shifted
from robots.mobile.track_search import find_track
from robots.mobile.upright import bent_upright
from robots.planning.free_space import FreeSpace
from robots.planning.scene import Scene
from robots.primitives.base import Body, Outcome, Target

Float = NDArray[np.float64]

TILT_RAD = 1.88
OVER_M, CLEAR_M, RIM_M = 0.045, 0.05, 0.015
"""The lip stays so far above the vessel that is poured into."""
FROM_M, LIFTED_M = (0.10, 0.06, 0.03), (0.0, 0.02, 0.04, 0.06, 0.08, 0.11)
"""From so much higher the hand comes straight down; so much higher the lip is where the hand would meet the vessel."""
SPEED_M_S = 0.10
POUR_S = 4.0
AWAY_M, FALLEN_M = 0.06, 0.03
"""A vessel that is seen so far away from where it was, or so much lower, does not stand there any more."""
SAME_M = 0.04
"""A vessel that seems to be farther than this from where it was is half hidden, not moved."""
ASIDE_RAD = (np.pi / 2, -np.pi / 2, 0.0, np.pi)
"""Ways to tilt, from where the hand points: sideways turns the wrist alone."""
AROUND_RAD = (0.0, 0.8, -0.8, 1.6, -1.6)


def pour(body: Body, target: Target) -> Outcome:
    """Pour what is in the held vessel into `target`; the vessel stays in the hand, upright."""
    load = body.grasp
    if not isinstance(load, Load) or not still_held(body, load):
        return Outcome(status=Status.NOT_HOLDING, detail="the hand holds nothing to pour from")
    if target.xyz_m is None:
        return Outcome(status=Status.TARGET_NOT_FOUND, detail=f"no point was given for the {target.words}")
    into = _vessel(body, target.xyz_m)
    if into is None:
        return Outcome(status=Status.TARGET_NOT_FOUND, detail=f"there is nothing at the point for the {target.words}")
    by = odom_T_world(body.robot.state())
    track = _track(body, load, into)
    if track is None:
        return Outcome(
            status=Status.UNREACHABLE, detail=f"there is no place from which the arm can pour into the {target.words}"
        )
    outcome = stand_at(body, track)
    if outcome.status is not Status.SUCCEEDED:
        return outcome
    track = shifted(track, odom_T_world(body.robot.state()) @ by.inverse())
    again = _vessel(body, target.xyz_m)
    if again is not None:
        before = by.inverse().apply(np.array([*into.centre, into.top_m]))
        off = np.array([*again.centre, again.top_m]) - odom_T_world(body.robot.state()).apply(before)
        if float(np.linalg.norm(off)) < SAME_M:
            track = shifted(track, Pose(xyz=off, quat_xyzw=np.array([0.0, 0.0, 0.0, 1.0])))
    points = cloud(see(body)[1])
    bent = _upright(body, track, odom_T_base(body.robot.state()), surroundings(body, np.empty((0, 3))))
    if bent is not None:
        track = replace(track, q=bent)
    outcome = _from_over(body, track, points)
    if outcome.status is not Status.SUCCEEDED:
        outcome = approach(body, track.tools[0], track.q[0], points, width_m=0.0)
    if outcome.status is not Status.SUCCEEDED:
        fold(body)
        return outcome
    tilted = haul(body, track.tools, track.q, None, speed_m_s=SPEED_M_S, width_m=0.0)
    if tilted.outcome.status is Status.SUCCEEDED:
        body.robot.wait(POUR_S)
    back = track.reversed()
    upright = haul(body, back.tools, back.q, None, speed_m_s=SPEED_M_S, width_m=0.0)
    here = tool(body)
    straight(
        body, Pose(xyz=here.xyz + [0.0, 0.0, FROM_M[0]], quat_xyzw=here.quat_xyzw), speed_m_s=SPEED_M_S, width_m=0.0
    )
    fold(body)
    if not still_held(body, load):
        return slipped(body, load)
    for hauled in (tilted, upright):
        if hauled.outcome.status is not Status.SUCCEEDED:
            return hauled.outcome
    return _looked(body, load, target, by.inverse().apply(np.array([*into.centre, into.top_m])))


def _looked(body: Body, load: Load, target: Target, top: Float) -> Outcome:
    """What came of it: the other vessel is to stand where it stood, its `top` [3] (world) as high. What ran out before
    is known from how the arm went."""
    assert target.xyz_m is not None, "it was found"
    seen = _vessel(body, target.xyz_m)
    if seen is None:
        detail = f"the {target.words} is not where it was: it was pushed away or over"
        return Outcome(status=Status.PATH_BLOCKED, detail=detail)
    now = odom_T_world(body.robot.state()).inverse().apply(np.array([*seen.centre, seen.top_m]))
    if float(np.linalg.norm(now[:2] - top[:2])) > AWAY_M or now[2] < top[2] - FALLEN_M:
        return Outcome(status=Status.PATH_BLOCKED, detail=f"the {target.words} was pushed away or over")
    if isinstance(body.grasp, Load) and body.grasp.tipped:
        detail = f"the {load.words} leaned too far on its way, and something ran out"
        return Outcome(status=Status.PATH_BLOCKED, detail=detail)
    return Outcome(status=Status.SUCCEEDED, detail=f"poured from the {load.words} into the {target.words}")


def _from_over(body: Body, track: Track, points: Float) -> Outcome:
    """The hand to where a track begins, straight down from higher up: over the other vessel, so close that it seems to
    touch it, there is no way around what is seen."""
    outcome = Outcome(status=Status.UNREACHABLE, detail="the arm does not reach there")
    goals = configurations(body, track.tools[0], near=track.q[0])[:1]
    for start in goals:
        for up in FROM_M:
            higher = Pose(xyz=track.tools[0].xyz + [0.0, 0.0, up], quat_xyzw=track.tools[0].quat_xyzw)
            way = straight_way(body, start, higher, speed_m_s=SPEED_M_S)
            if way is None:
                continue
            outcome = go(body, surroundings(body, points), [way[-1]], width_m=0.0, pace=0.6)
            if outcome.status is Status.SUCCEEDED:
                return follow(body, way[::-1], width_m=0.0)
    return outcome


def _lifted(body: Body, path: Callable[[float, Float], Pose], mouth: Float, into: Thing) -> Float:
    """float64[3]: `mouth`, as much higher as keeps the hand off the other vessel all along a path of the tool; how the
    palm then turns depends on how the load is held."""
    hand = [part for part in robot_parts(body.robot.spec, 0.04) if part.frame == -1]
    centres, radii = np.array([part.centre_m for part in hand]), np.array([part.radius_m for part in hand])
    for up in LIFTED_M:
        there = mouth + [0.0, 0.0, up]
        balls = np.array([path(tilt, there).apply(centres) for tilt in np.linspace(0.0, TILT_RAD, 12)])
        aside = np.maximum(np.linalg.norm(balls[..., :2] - into.centre, axis=-1) - max(into.half_m), 0.0)
        if bool((np.hypot(aside, np.maximum(balls[..., 2] - into.top_m, 0.0)) > radii).all()):
            break
    return there


def _upright(body: Body, track: Track, base: Pose, scene: Scene) -> Float | None:
    """float64[N,J]: the arm along a track, `base` being where it then stands (odom), bent as it comes there from how it
    carries the load now, upright all the way; None where it can't, or meets the scene."""
    here, spec = odom_T_base(body.robot.state()), body.robot.spec
    one = robot_shape(spec, base, width_m=spec.gripper_max_width_m)
    space = FreeSpace(one, scene, resolution=np.full(spec.dof, 0.1), margin_m=0.0)
    hand = np.array([part.frame == -1 for part in one.parts if not part.anchored])
    for bent in bent_upright(body, here @ base.inverse() @ track.tools[0]):
        q = [bent]
        for there in track.tools[1:]:
            found = body.kinematics.solve(base.inverse() @ there, q[-1])
            if not found.converged:
                break
            q.append(found.q)
        if len(q) < len(track.tools):
            continue
        clear = space.clearance(np.array(q[::4]))[0] >= space.need
        clear[:, : len(hand)] |= hand
        if clear.all():
            return np.array(q)
    return None


def _vessel(body: Body, point: Float) -> Thing | None:
    """What stands at a point [3] (world), as the head sees it."""
    state = body.robot.state()
    at = odom_T_world(state).apply(point)
    face(body, at)
    _, seen = see(body)
    head = seen[main_camera(body)]
    known = None if body.map is None else body.map.surface_at(point)
    support = known.height_m if known is not None else support_below([head], at)
    return thing_at([head], at, support, fixed_here(body))


def _track(body: Body, load: Load, into: Thing) -> Track | None:
    assert body.map is not None
    spec, state = body.robot.spec, body.robot.state()
    others = tuple(fixed_here(body))
    base = odom_T_base(state)
    mouth = np.array([*into.centre, into.top_m + OVER_M])
    hand = load.tool_T_thing.inverse().rotation @ [0.0, 0.0, 1.0]
    # Where the hand points, in the thing's own frame: level holds from there, holds from above from anywhere.
    pointing = float(np.arctan2(hand[1], hand[0])) if abs(hand[2]) < 0.8 else 0.0
    ahead = float(np.arctan2(*(mouth[:2] - base.xyz[:2])[::-1]))
    first: Track | None = None
    free = standable(body)
    scene = surroundings(body, np.empty((0, 3)))
    for around in AROUND_RAD:
        for aside in ASIDE_RAD:
            upright = Pose.from_xyz_yaw([0.0, 0.0, 0.0], ahead + around - pointing)
            path = partial(_tilted_at, load, upright, into.support_m, ahead + around + aside)
            lip = _lifted(body, path, mouth, into)
            task = Task(
                path=lambda tilt, p=path, m=lip: p(tilt, m),  # type: ignore[misc]
                motion=lambda _: Pose.identity(), start=0.0, end=TILT_RAD, parts=(), others=others, shares=(0.0,),
                back_m=0.0,
                rolls=(0.0,), toward=mouth,
            )  # fmt: skip
            found = find_track(spec, task, flat(base), free)
            if found is not None and _upright(body, found, base_at(found.places[0]), scene) is not None:
                return found
            first = first or found
    return first


def _tilted_at(load: Load, upright: Pose, support_m: float, direction: float, tilt: float, mouth: Float) -> Pose:
    return tilted(load, upright, mouth, support_m, direction, tilt)


def tilted(load: Load, upright: Pose, mouth: Float, support_m: float, direction: float, tilt: float) -> Pose:
    """The tool that holds a load tilted by `tilt` towards `direction` (rad), its lip at `mouth` [3]; upright: how it
    stands when it is not tilted; support_m: height of what the other vessel stands on."""
    axis = np.array([-np.sin(direction), np.cos(direction), 0.0])
    turn = Pose(xyz=np.zeros(3), quat_xyzw=quat_from_axis_angle(axis, tilt)) @ upright
    # Half of its width is taken for the lip: of a bottle less, of a cup more, and the other vessel is as wide as that.
    side = np.array([np.cos(direction), np.sin(direction), 0.0])
    high, wide = load.height_m, min(load.size_m)
    # What is tall stands higher until it leans: its underside stays off what the other vessel stands on.
    rise = max(0.0, high * np.cos(tilt) + wide * np.sin(tilt) + CLEAR_M - (mouth[2] - support_m))
    # ... and off the other vessel's rim, which it would push over on its way there.
    rise = max(rise, high * np.cos(tilt) + 0.5 * wide * np.sin(tilt) + RIM_M - OVER_M)
    lip = upright.rotation.T @ side * 0.5 * wide + np.array([0.0, 0.0, high])
    thing = Pose(xyz=mouth + [0.0, 0.0, rise] - turn.rotation @ lip, quat_xyzw=turn.quat_xyzw)
    return thing @ load.tool_T_thing.inverse()
