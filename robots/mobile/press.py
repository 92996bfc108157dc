"""press: closed fingers straight onto a button until it is felt and gives no more, and back.

Where the map says that a button is, depth shows exactly where: what stands out of the surface around it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import Status
from robots.kinematics import kinematics
from robots.mobile.glance import cloud, face, main_camera, see
from robots.mobile.ground import standable
from robots.mobile.haul import Felt, Guard, Hauled, haul, line
from robots.mobile.lights import changed
from robots.mobile.planar import base_at, flat
from robots.mobile.sight import odom_T_base, odom_T_world
from robots.mobile.solids import fixed_here, inside_solids
from robots.mobile.stance import approach, fold, pushed, stand_at
from robots.mobile.track import Task, Track, shifted
from robots.mobile.track_search import find_track, steady
from robots.places import Button, Solid
from robots.primitives.base import Body, Outcome, Target
from robots.spec import RobotSpec

Float = NDArray[np.float64]

AT_M = 0.45
"""A point no farther than this from a button may mean what it switches."""
BEFORE_M, CLEAR_M = 0.11, 0.010
"""The hand comes straight from so far before a button; up to the second it is kept clear of everything."""
BEYOND_M, REACH_M = 0.03, 0.02
"""The hand goes on by so much, at most, and must be able to by the second."""
MOST_TURN_RAD = 0.15
"""Of a joint meanwhile, from one centimetre to the next."""
DEEPEST_M = 0.013
"""No button goes farther than this before the hand is stopped."""
SLOW_M_S = 0.04
PRESSED_N, PRESSED_M = 12.0, 0.006
"""A button that has gone all its way pushes back with more than its spring: so hard, or, without a sensor at the wrist,
the hand falls so far behind."""
STEADY = 0.05
"""As robots.mobile.track_search.STEADY: a button is met to millimetres."""
SEEN_M, PROUD_M, AROUND_M, CUBE_M, KNOWN_M = 0.045, 0.006, 0.4, 0.02, 0.03
TILTS_RAD = (0.0, 0.6, 0.9)
ATTEMPTS = 2


def press(body: Body, target: Target) -> Outcome:
    """Press the button of what is at `target`, once."""
    if body.grasp is not None:
        return Outcome(status=Status.HAND_FULL, detail=f"the hand holds the {body.grasp.words}")
    if target.xyz_m is None:
        return Outcome(status=Status.TARGET_NOT_FOUND, detail=f"no point was given for the {target.words}")
    button = find_button(body, target)
    if button is None:
        return Outcome(status=Status.TARGET_NOT_FOUND, detail=f"there is no button at the point for the {target.words}")
    outcome = Outcome(status=Status.UNREACHABLE, detail="")
    for _ in range(ATTEMPTS):
        outcome = _attempt(body, button)
        if outcome.status not in (Status.TARGET_NOT_FOUND, Status.PATH_BLOCKED):
            break
    fold(body)
    return outcome


def find_button(body: Body, target: Target) -> Button | None:
    """The map's button that a target means: by its words among those near its point, or the nearest."""
    if body.map is None or target.xyz_m is None:
        return None
    near = [(float(np.linalg.norm(b.point_m - target.xyz_m)), i, b) for i, b in enumerate(body.map.buttons)]
    near = [row for row in near if row[0] < AT_M]
    called = [row for row in near if row[2].switch in (target.words, target.words.removesuffix(" switch"))]
    return min(called or near)[2] if near else None


def _attempt(body: Body, button: Button) -> Outcome:
    by = odom_T_world(body.robot.state())
    face(body, by.apply(button.point_m))
    found = way_to(body, button, cloud(see(body)[1]))
    if found is None:
        return Outcome(
            status=Status.UNREACHABLE, detail=f"there is no place from which the arm can press the {button.switch}"
        )
    outcome = stand_at(body, found)
    if outcome.status is not Status.SUCCEEDED:
        return outcome
    now = odom_T_world(body.robot.state())
    track = shifted(found, now @ by.inverse())
    point, along = now.apply(button.point_m), now.rotation @ button.along
    for look in range(2):
        face(body, point)
        before, seen = see(body)
        off = button_offset(point, along, cloud(seen))
        if off is not None:
            track = shifted(track, Pose(xyz=off, quat_xyzw=np.array([0.0, 0.0, 0.0, 1.0])))
            point = point + off
        if look == 0:
            outcome = approach(body, track.tools[0], track.q[0], cloud(seen), width_m=0.0)
            if outcome.status is not Status.SUCCEEDED:
                return outcome
    reached = line(body, track.tools[0], speed_m_s=0.1, width_m=0.0, guard=pushed(2 * PRESSED_N))
    if reached.outcome.status is not Status.SUCCEEDED or reached.stopped:
        return Outcome(status=Status.PATH_BLOCKED, detail=f"no straight way to the {button.switch}'s button")
    push = _push(body, track)
    line(body, track.tools[0], speed_m_s=0.1, width_m=0.0)
    after, then = see(body)
    name = main_camera(body)
    if changed(before, seen[name], after, then[name], name, point):
        return Outcome(status=Status.SUCCEEDED, detail=f"pressed the button of the {button.switch}")
    if push.stopped == "held":
        return Outcome(status=Status.PATH_BLOCKED, detail=f"something holds the hand off the {button.switch}'s button")
    # Heights are known to a millimetre, so what stops the hand lower than a button goes is what it stands on.
    low = along[2] < -0.7 and (push.at - len(track.tools) + 1) * (CLEAR_M + BEYOND_M) / 12 - CLEAR_M > DEEPEST_M
    if push.stopped != "pressed" or low:
        return Outcome(status=Status.TARGET_NOT_FOUND, detail=f"the fingers met no button for the {button.switch}")
    return Outcome(status=Status.SUCCEEDED, detail=f"pressed the button of the {button.switch}")


def _push(body: Body, track: Track) -> Hauled:
    """On along the track and beyond it until the button is down."""
    ahead = track.tools[-1].xyz - track.tools[0].xyz
    step = ahead / np.linalg.norm(ahead)
    last = track.tools[-1]
    beyond = [
        Pose(xyz=last.xyz + d * step, quat_xyzw=last.quat_xyzw) for d in np.linspace(0.0, CLEAR_M + BEYOND_M, 13)[1:]
    ]
    q = np.concatenate([track.q, np.tile(track.q[-1], (len(beyond), 1))])
    near = len(track.tools) * (1.0 - 2.0 * CLEAR_M / BEFORE_M)
    guard = pressed(near, feels=body.robot.state().wrist_force_n is not None)
    return haul(body, (*track.tools, *beyond), q, None, speed_m_s=SLOW_M_S, width_m=0.0, guard=guard)


def pressed(near: float, *, feels: bool) -> Guard:
    """Stops where what is pushed pushes back, or, for a robot that feels no force, where the hand does not get on:
    "pressed" from the sample `near` on, "held" before."""
    count = 0

    def guard(felt: Felt) -> str | None:
        nonlocal count
        count = count + 1 if (felt.along_n > PRESSED_N if feels else felt.late_m > PRESSED_M) else 0
        return None if count < 3 else "pressed" if felt.at >= near else "held"

    return guard


def way_to(body: Body, button: Button, seen: Float) -> Track | None:
    """Up to CLEAR_M before a button, with whatever slant of the hand there is room for by the map and beside what is
    seen, points [N,3], odom; None where there is none."""
    assert body.map is not None
    spec, state, free = body.robot.spec, body.robot.state(), standable(body)
    by = odom_T_world(state)
    point, along = by.apply(button.point_m), by.rotation @ button.along
    others = tuple(fixed_here(body))
    off = seen - point
    deep = off @ along
    aside = np.linalg.norm(off - deep[:, None] * along, axis=1)
    before = (deep < -PROUD_M) & (aside > SEEN_M) | (deep < -SEEN_M)
    before = seen[before & (np.abs(off).max(axis=1) < AROUND_M)]
    others = (*others, *_blocks(before[~inside_solids(before, others, KNOWN_M)]))
    here = flat(odom_T_base(state))
    for tools in slants(spec, along):
        task = Task(
            path=lambda a, turned=tools: Pose(xyz=point + a * along + turned.xyz, quat_xyzw=turned.quat_xyzw),  # type: ignore[misc]
            motion=lambda _: Pose.identity(), start=-BEFORE_M, end=-CLEAR_M, parts=(), others=others, shares=(0.0,),
            back_m=0.0,
            rolls=(0.0,), toward=point,
            accepted=lambda track: steady(spec, track, STEADY) and _goes_on(spec, track, along),
        )  # fmt: skip
        found = find_track(spec, task, here, free)
        if found is not None:
            return found
    return None


def _blocks(points: Float) -> list[Solid]:
    """Points [N,3] as cubes."""
    cells = np.unique(np.floor(points / CUBE_M), axis=0)
    half = np.full(3, CUBE_M / 2)
    return [Solid(name="", pose=Pose.from_xyz_yaw((cell + 0.5) * CUBE_M), half_m=half, part="") for cell in cells]


def _goes_on(spec: RobotSpec, track: Track, along: Float) -> bool:
    """Whether the arm reaches on along the track, as far as a button may turn out to be and to go."""
    arm, base = kinematics(spec), base_at(track.places[-1]).inverse()
    q, tool = track.q[-1], track.tools[-1]
    for d in np.linspace(0.0, CLEAR_M + REACH_M, 4)[1:]:
        found = arm.solve(base @ Pose(xyz=tool.xyz + d * along, quat_xyzw=tool.quat_xyzw), q)
        if not found.converged or float(np.abs(found.q - q).max()) > MOST_TURN_RAD:
            return False
        q = found.q
    return True


def slants(spec: RobotSpec, along: Float) -> Iterator[Pose]:
    """Tool poses around a contact at the origin, pressed along `along` [3]: with the finger tips first, straight, then
    slanted to all sides, the lowest edge of the tips at the contact."""
    level = np.array([0.0, 0.0, 1.0]) if abs(along[2]) < 0.7 else np.array([1.0, 0.0, 0.0])
    first = np.cross(level, along) / np.linalg.norm(np.cross(level, along))
    second = np.cross(along, first)
    half = {0.0: spec.finger_breadth_m / 2, np.pi / 2: spec.finger_thickness_m}
    for tilt, roll, angle in product(TILTS_RAD, half, np.pi / 2 + np.arange(8) * np.pi / 4):
        side = np.cos(angle) * first + np.sin(angle) * second
        z = np.cos(tilt) * along - np.sin(tilt) * side
        x = np.cos(tilt) * side + np.sin(tilt) * along
        matrix = np.eye(4)
        matrix[:3, :3] = np.column_stack([x, np.cross(z, x), z])
        matrix[:3, 3] = -spec.fingertip_m * z - (half[roll] * x if tilt else 0.0)
        yield Pose.from_matrix(matrix) @ Pose.from_xyz_yaw([0.0, 0.0, 0.0], roll)


def button_offset(point: Float, along: Float, points: Float) -> Float | None:
    """float64[3] in odom, across `along`: how far what stands out around `point` [3] is off it; None where nothing
    does."""
    deep = (points - point) @ along
    aside = (points - point) - deep[:, None] * along
    away = np.linalg.norm(aside, axis=1)
    near = (away < 2 * SEEN_M) & (np.abs(deep) < 0.06)
    if int(near.sum()) < 30:
        return None
    counts, edges = np.histogram(deep[near], bins=np.arange(-0.06, 0.0605, 0.003))
    face_m = float(edges[int(np.argmax(counts))]) + 0.0015
    proud = near & (away < SEEN_M) & (deep < face_m - PROUD_M) & (deep > face_m - 0.03)
    if int(proud.sum()) < 5:
        return None
    # Its face is level: a lamp's foot or pole beside it is not at its height, or not much of it.
    tall, edges = np.histogram(deep[proud], bins=np.arange(face_m - 0.03, face_m, 0.002))
    proud &= np.abs(deep - edges[int(np.argmax(tall))] - 0.001) < 0.003
    low, high = np.quantile(aside[proud], 0.08, axis=0), np.quantile(aside[proud], 0.92, axis=0)
    return np.asarray((low + high) / 2)
