"""open, close and pull, by a robot that drives: hold the bar, go along the line or arc that it moves on, let go.

The way is chosen before anything moves (robots.mobile.track_search): where to stand, how the base goes along, how the
arm is bent all the while. How far a part is open is concluded from where the hand that holds its bar has come to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose
from robots.interface import Status
from robots.mobile.glance import cloud, face, see
from robots.mobile.ground import standable
from robots.mobile.haul import Felt, Guard, Hauled, haul, line
from robots.mobile.parts import Part, amount_seen, bar_offset, others_now, part_at, part_now, parts_of
from robots.mobile.planar import flat
from robots.mobile.shut import push_shut, push_track
from robots.mobile.sight import odom_T_base, odom_T_world
from robots.mobile.stance import approach, fold, pushed, stand_at
from robots.mobile.track import BACK_M, Task, Track, shifted
from robots.mobile.track_search import find_track
from robots.primitives.base import Body, Outcome, Target

Float = NDArray[np.float64]

OPEN_SHARE = {False: 0.96, True: 0.82}
"""How far things are opened, of their travel: drawers, doors (82 degrees of 100)."""
PULL_M = 0.15
SPEED_M_S = 0.09
PULL_N = (28.0, 45.0, 60.0)
"""The hand pulls with no more than this; further tries with more: fingers of 25 N slip off a bar at about 45 N."""
SHUT_N = 10.0
"""So much more force than on the way means that it is shut."""
SHUT_SHARE = 0.04
OVER_M = 0.035
"""How far beyond shut a part is pushed: the hand creeps along the bar under load, until its tips are at the front."""
BEHIND_M = 0.018
"""The finger tips go so far behind the middle of a bar: its front is 38 mm behind that."""
OPENED_M = 0.05
"""Between the fingers around a bar: the next door's bar may be 6 cm beside it."""
BAR_SLACK_M = 0.006
OPEN_ENOUGH = 0.9
"""Of what was asked for: pulled as far as that a part counts as open where it goes no further."""
SWINGS = (0.0, 0.3, -0.3, 0.5)
LEANS_RAD = ((0.0,), (0.35, -0.35, 0.7, -0.7))
"""A bar beside a wall is taken aslant, where nothing else is possible."""
AGAIN = (Status.GRASP_FAILED, Status.PATH_BLOCKED, Status.TIMED_OUT, Status.LIMIT)
"""Failures that another try may get over."""


@dataclass(frozen=True, kw_only=True)
class Move:
    """From one amount to another, m or rad; words: what is done, for reasons."""

    start: float
    end: float
    words: str


def open_(body: Body, target: Target) -> Outcome:
    """Open the drawer or door at `target` by OPEN_SHARE of its travel."""
    return _operate(body, target, "open")


def close(body: Body, target: Target) -> Outcome:
    """Shut the drawer or door at `target`."""
    return _operate(body, target, "close")


def pull(body: Body, target: Target) -> Outcome:
    """Pull the bar at `target` by PULL_M, or as far as it goes."""
    return _operate(body, target, "pull")


def _operate(body: Body, target: Target, verb: str) -> Outcome:
    if body.grasp is not None:
        return Outcome(status=Status.HAND_FULL, detail=f"the hand holds the {body.grasp.words}")
    if target.xyz_m is None:
        return Outcome(status=Status.TARGET_NOT_FOUND, detail=f"no point was given for the {target.words}")
    if body.map is None:
        return Outcome(status=Status.TARGET_NOT_FOUND, detail="without a map of the room nothing is known to open")
    by = odom_T_world(body.robot.state())
    point = by.apply(target.xyz_m)
    part = part_at(parts_of(body.map, by), point, target.words)
    if part is None:
        return Outcome(
            status=Status.TARGET_NOT_FOUND, detail=f"nothing that opens is at the point for the {target.words}"
        )
    face(body, point)
    now = amount_seen(part, cloud(see(body)[1]), point, fixed=others_now(body, part.name))
    body.ajar[part.name] = now
    move = _move(part, now, verb)
    if move is None:
        return Outcome(
            status=Status.SUCCEEDED, detail=f"the {part.name} is {'shut' if verb == 'close' else 'open'} already"
        )
    outcome = Outcome(status=Status.GRASP_FAILED, detail="")
    for attempt in range(len(PULL_N)):
        shutting = push_shut(body, part.name, move.start, PULL_N[attempt]) if verb == "close" else None
        outcome = _attempt(body, part.name, move, PULL_N[attempt]) if shutting is None else shutting
        if outcome.status is Status.SUCCEEDED and verb == "close":
            outcome = _looked_at(body, part.name, outcome)
        if outcome.status not in AGAIN:
            break
        # Where the hand slipped off, it came farther than the part.
        now = _look(body, part.name)
        again = _move(part_now(body, part.name), now, verb)
        if again is None:
            outcome = Outcome(status=Status.SUCCEEDED, detail=f"the {part.name} is {now / part.handle.travel:.0%} open")
            break
        move = Move(start=now, end=move.end, words=move.words)
    fold(body)
    return outcome


def _looked_at(body: Body, name: str, outcome: Outcome) -> Outcome:
    """Whether what should be shut is seen to be: the hand may have slid off a bar without noticing."""
    fold(body)
    share = _look(body, name) / part_now(body, name).handle.travel
    if share <= SHUT_SHARE:
        return outcome
    return Outcome(status=Status.GRASP_FAILED, detail=f"the hand slipped off the {name} at {share:.0%} open")


def _look(body: Body, name: str) -> float:
    """How far the part is seen to be open, m or rad; remembered."""
    face(body, part_now(body, name).bar(body.ajar[name]).xyz)
    part = part_now(body, name)
    body.ajar[name] = amount_seen(part, cloud(see(body)[1]), fixed=others_now(body, name))
    return body.ajar[name]


def _move(part: Part, now: float, verb: str) -> Move | None:
    """What there is to do; None where it is done already."""
    travel, turns = part.handle.travel, part.handle.turns
    lever = part.lever_m
    if verb == "close":
        return None if now < 0.015 * travel else Move(start=now, end=0.0, words="shut")
    if verb == "pull":
        end = min(now + PULL_M / lever, 0.97 * travel)
    else:
        end = OPEN_SHARE[turns] * travel
    return None if now > OPEN_ENOUGH * end else Move(start=now, end=end, words="open")


def _attempt(body: Body, name: str, move: Move, most_n: float) -> Outcome:
    """Stand, hold, go along, let go; body.ajar has how far the part then is."""
    part = part_now(body, name)
    track = _found(body, part, move)
    if track is None:
        return Outcome(
            status=Status.UNREACHABLE, detail=f"there is no place from which the arm can {move.words} the {name}"
        )
    outcome = stand_at(body, track)
    if outcome.status is not Status.SUCCEEDED:
        return outcome
    before = part.handle.pose
    part = part_now(body, name)
    track = shifted(track, part.handle.pose @ before.inverse())
    held = _hold(body, part, move, track)
    if isinstance(held, Outcome):
        return held
    return _go_along(body, part, move, held, most_n)


def can_move(body: Body, name: str, *, shut: bool) -> bool:
    """Whether there is a place to stand from which the arm opens a part, or shuts it, that is open by body.ajar."""
    part, now = part_now(body, name), body.ajar.get(name, 0.0)
    move = _move(part, now, "close" if shut else "open")
    if move is None:
        return True
    return (shut and push_track(body, part, now) is not None) or _found(body, part, move) is not None


def _found(body: Body, part: Part, move: Move) -> Track | None:
    """Where to stand and how to bend the arm, the bar in the hand all the way."""
    here, free = flat(odom_T_base(body.robot.state())), standable(body)
    tracks = (find_track(body.robot.spec, _task(body, part, move, leans), here, free) for leans in LEANS_RAD)
    return next((t for t in tracks if t is not None), None)


def _task(body: Body, part: Part, move: Move, leans: tuple[float, ...] = (0.0,)) -> Task:
    return Task(
        path=part.bar, motion=part.handle.motion, start=move.start, end=move.end, parts=part.boxes,
        others=others_now(body, part.name), swings=SWINGS if part.handle.turns else (0.0,), leans=leans,
    )  # fmt: skip


def bars_beside(body: Body, name: str) -> list[Pose]:
    """odom_T_tool of all other bars, as far open as their parts are known to be."""
    assert body.map is not None
    parts = parts_of(body.map, odom_T_world(body.robot.state()))
    return [p.bar(body.ajar.get(p.name, 0.0)) for p in parts if p.name != name]


def _deeper(track: Track, deeper_m: float) -> Track:
    """The track with the bar so much farther inside the fingers."""
    by = Pose.from_xyz_yaw([0.0, 0.0, deeper_m])
    return Track(amounts=track.amounts, tools=tuple(t @ by for t in track.tools), places=track.places, q=track.q,
                 before=track.before, after=track.after)  # fmt: skip


def _hold(body: Body, part: Part, move: Move, track: Track) -> Track | Outcome:
    """The hand around the bar, closed; the track as it then is, or why not."""
    start = part.bar(move.start)
    for look in range(2):
        face(body, start.xyz)
        _, seen = see(body)
        off = bar_offset(start, part.handle, cloud(seen), bars_beside(body, part.name))
        if off is not None:
            by = Pose(xyz=off, quat_xyzw=np.array([0.0, 0.0, 0.0, 1.0]))
            track, start = shifted(track, by), by @ start
        if look == 1:
            track = _deeper(track, BEHIND_M - body.robot.spec.fingertip_m)
        if look == 0:
            ready = track.tools[0] @ Pose.from_xyz_yaw([0.0, 0.0, -BACK_M])
            outcome = approach(body, ready, track.before, cloud(seen), width_m=OPENED_M)
            if outcome.status is not Status.SUCCEEDED:
                return outcome
    reached = line(body, track.tools[0], speed_m_s=0.12, width_m=OPENED_M, guard=pushed(60.0))
    if reached.outcome.status is not Status.SUCCEEDED:
        return Outcome(status=Status.PATH_BLOCKED, detail=f"no straight way to the bar of the {part.name}")
    width = body.grip(0.0, limit_s=1.0)
    # Taken askew, a square bar is thicker.
    if not part.handle.width_m - BAR_SLACK_M < width < 1.5 * part.handle.width_m + BAR_SLACK_M:
        let_go(body)
        return Outcome(status=Status.GRASP_FAILED, detail=f"the fingers closed on no bar at the {part.name}")
    return track


def _go_along(body: Body, part: Part, move: Move, track: Track, most_n: float) -> Outcome:
    opening = move.end > move.start
    track = track if opening else _beyond(track, part)
    guard = dragging(part.handle.width_m, most_n) if opening else shutting(part, track, most_n)
    hauled = haul(body, track.tools, track.q, track.places, speed_m_s=SPEED_M_S, width_m=0.0, guard=guard, yields=True)
    now = max(float(np.interp(hauled.at, np.arange(len(track.amounts)), track.amounts)), 0.0)
    body.ajar[part.name] = now
    share = now / part.handle.travel
    let_go(body)
    if hauled.stopped == "lost":
        return Outcome(status=Status.GRASP_FAILED, detail=f"the hand slipped off the {part.name} at {share:.0%} open")
    if hauled.outcome.status is not Status.SUCCEEDED:
        return hauled.outcome
    done = now >= OPEN_ENOUGH * move.end if opening else now <= SHUT_SHARE * part.handle.travel
    if hauled.stopped == "stuck" and not done:
        return Outcome(status=Status.PATH_BLOCKED, detail=f"the {part.name} sticks at {share:.0%} open")
    return Outcome(status=Status.SUCCEEDED, detail=f"the {part.name} is {share:.0%} open")


def _beyond(track: Track, part: Part) -> Track:
    """A track that shuts a part, gone on with by OVER_M."""
    extra = -np.linspace(0.0, OVER_M / part.lever_m, 8)[1:]
    tools = tuple(
        part.handle.motion(a) @ part.handle.motion(track.amounts[-1]).inverse() @ track.tools[-1] for a in extra
    )
    return Track(
        amounts=np.concatenate([track.amounts, extra]), tools=track.tools + tools,
        before=track.before, after=track.after,
        places=np.concatenate([track.places, np.tile(track.places[-1], (7, 1))]),
        q=np.concatenate([track.q, np.tile(track.q[-1], (7, 1))]),
    )  # fmt: skip


def dragging(width_m: float, most_n: float) -> Guard:
    """Stops where the bar has left the fingers ("lost") or the hand must pull too hard ("stuck")."""
    lost = hard = 0

    def guard(felt: Felt) -> str | None:
        nonlocal lost, hard
        lost = lost + 1 if felt.width_m < width_m - BAR_SLACK_M else 0
        hard = hard + 1 if felt.along_n > most_n else 0
        return "lost" if lost >= 4 else "stuck" if hard >= 6 else None

    return guard


def shutting(part: Part, track: Track, most_n: float) -> Guard:
    """As `dragging`; where the force rises near shut, it is shut."""
    drag = dragging(part.handle.width_m, most_n)
    usual: list[float] = []
    near = int(np.argmin(np.abs(track.amounts - 0.03 * part.handle.travel)))

    def guard(felt: Felt) -> str | None:
        if felt.at < near:
            usual.append(felt.along_n)
        elif felt.along_n > SHUT_N + float(np.median(usual[-60:] or [0.0])):
            return "shut"
        word = drag(felt)
        return "shut" if word == "lost" and felt.at >= near else word

    return guard


def let_go(body: Body) -> Hauled:
    """Open the fingers and go straight back."""
    body.grip(OPENED_M, limit_s=0.8)
    state = body.robot.state()
    here = odom_T_base(state) @ body.kinematics.tool(state.arm_q)
    return line(body, here @ Pose.from_xyz_yaw([0.0, 0.0, -BACK_M]), width_m=OPENED_M)
