"""Tracks: the hand along a path held rigidly, with the places of the base and the configurations of the arm for it.

For drawers and doors, and for what else the hand does along a given path: a Task says what is asked of a track, and
robots.mobile.track_search finds one. Frames: odom. Shape letters: N samples of the path, J joints.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robots.geometry import Pose, quat_from_axis_angle
from robots.mobile.planar import base_at, flat
from robots.places import Solid
from robots.planning.shape import Part

Float = NDArray[np.float64]

Path = Callable[[float], Pose]
"""odom_T_tool for amounts, m or rad."""

HandTurn = tuple[float, float, float]
"""Swing, lean and roll of a hand."""

HAND_MARGIN_M = 0.004
CHECKS, SAMPLES = 7, 41
BACK_M = 0.12
"""The straight approach to a bar, and the retreat from it, are so long."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Track:
    """amounts: float64[N]; tools: the hand at them; places: float64[N,3] of the base; q: float64[N,J] of the arm.

    before, after: float64[J], where the approach begins and the retreat ends.
    """

    amounts: Float
    tools: tuple[Pose, ...]
    places: Float
    q: Float
    before: Float
    after: Float

    def reversed(self) -> Track:
        """The same way backwards."""
        return Track(amounts=self.amounts[::-1], tools=self.tools[::-1], places=self.places[::-1], q=self.q[::-1],
                     before=self.after, after=self.before)  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """What is asked of a track.

    path: of the tool over amounts; motion: how the part has moved at an amount; start, end: amounts. parts: boxes that
    move along (at amount 0), others: those that don't; all in odom.
    """

    path: Path
    motion: Callable[[float], Pose]
    start: float
    end: float
    parts: tuple[Solid, ...]
    others: tuple[Solid, ...]
    swings: tuple[float, ...] = (0.0,)
    """Turns of the hand about its x, which lies along the bar: shares of the part's turn that the hand leaves out."""
    leans: tuple[float, ...] = (0.0,)
    """Turns of the hand about the bar that it keeps all along: for bars beside a wall."""
    rolls: tuple[float, ...] = (0.0, np.pi)
    """Turns of the hand about its z."""
    shares: tuple[float, ...] = (0.0, 0.5, 1.0)
    """Of the part's way that a base goes along, if it can go anywhere."""
    toward: Float | None = None
    """float64[3]: what the base looks at about, where the hand points up or down."""
    ahead: Float | None = None
    """float64[2]: how the base stands about, wherever the hand points."""
    accepted: Callable[[Track], bool] = lambda _: True
    """What else a track must pass."""
    touch_m: float | None = None
    """The hand keeps so far from the moving part, less than 0 where it touches it; None: it holds it."""
    hand_margin_m: float = HAND_MARGIN_M
    """The hand keeps so far from what does not move; less than 0 where it rubs along it."""
    held: tuple[Part, ...] = ()
    """Balls on the tool's frame of what the hand holds."""
    checks: int = CHECKS
    samples: int = SAMPLES
    """At how many amounts a track is checked, and given."""
    back_m: float = BACK_M
    """Of the straight approach and retreat."""


def shifted(track: Track, by: Pose) -> Track:
    """The track where everything has moved, rigidly, by `by`."""
    places = np.array([flat(by @ base_at(place)) for place in track.places])
    return Track(amounts=track.amounts, tools=tuple(by @ t for t in track.tools), places=places, q=track.q,
                 before=track.before, after=track.after)  # fmt: skip


def hand_at(task: Task, amount: float, swing: float, lean: float, roll: float) -> Pose:
    """The hand at an amount, turned about the bar by a share of the part's turn and by `lean`, and rolled."""
    pose = task.path(amount)
    if swing or lean:
        turned = task.motion(amount).yaw_rad - task.motion(task.start).yaw_rad
        up = float(np.sign((pose.rotation @ [1.0, 0.0, 0.0])[2]) or 1.0)
        pose = pose @ _about([1.0, 0.0, 0.0], -up * swing * turned + lean)
    return pose @ _about([0.0, 0.0, 1.0], roll) if roll else pose


def _about(axis: Sequence[float], angle: float) -> Pose:
    return Pose(xyz=np.zeros(3), quat_xyzw=quat_from_axis_angle(axis, angle))
