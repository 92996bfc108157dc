"""A robot that looks at a board from one configuration after another, slowly, straight from each to the next.

Nothing is known of what stands around: what is kept clear of is the robot itself, the floor and the board.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.calibration.board import Board
from agent.calibration.detect import Corners, Detector
from agent.calibration.fit import Lens
from agent.calibration.model import COEFFICIENTS, Model, View
from agent.calibration.rig import Rig
from agent.calibration.solve import free_parameters, own_poses
from agent.calibration.views import best, candidates, in_order
from agent.errors import PalmettoError, UserError
from robots.geometry import Pose
from robots.interface import CameraFrame, Command, Observation, Robot, RobotState
from robots.kinematics import base_T_camera
from robots.planning.motion import MotionPlanner, Pace
from robots.safety import STANDARD
from robots.safety.clearance import Clearances

Float = NDArray[np.float64]

SPARE = 1.6
"""So many more configurations are chosen than pictures are wanted: to some no free way leads."""
ROWS = 24
BOARD_M = 0.03
"""What an arm keeps from the board in its hand, beside the hand itself."""
STILL_S, STILL_RAD = 0.4, 0.004
MOST_S = 6.0
MOVED_M, MOVED_RAD = 0.002, float(np.deg2rad(0.15))
AIMS = (41, 21)


@dataclass(frozen=True, kw_only=True, eq=False)
class Look:
    """One picture and where the robot was. corners: None where the board was not seen."""

    rgb: NDArray[np.uint8]
    intrinsics: Float
    q: Float
    state: RobotState
    corners: Corners | None


class Looker:
    """See the module. pace: share of the joints' velocities."""

    def __init__(self, robot: Robot, rig: Rig, board: Board, *, pace: float) -> None:
        if not 0.01 <= pace <= 1:
            raise UserError(f"pace={pace} does not fit: give 0.01 to 1")
        rig.check()
        self.robot, self.rig, self.board = robot, rig, board
        self._pace = Pace(velocity=pace, acceleration=0.5 * pace)
        self._detector = Detector(board)
        self._planner = MotionPlanner(rig.spec)
        self._clear = Clearances(rig.spec, STANDARD)
        self._first: RobotState | None = None
        self._hand_T_board = Pose.identity()

    def look(self) -> Look:
        """A picture of now.

        Raises:
            UserError: there is no such camera, or the base has moved.
        """
        seen: Observation = self.robot.observe()
        if self.rig.camera not in seen.frames:
            raise UserError(f"the robot shows no camera {self.rig.camera!r}; it shows {', '.join(seen.frames)}")
        frame: CameraFrame = seen.frames[self.rig.camera]
        self._stands(seen.state)
        return Look(
            rgb=frame.rgb, intrinsics=frame.intrinsics, q=self.rig.of(seen.state), state=seen.state,
            corners=self._detector.find(frame.rgb),
        )  # fmt: skip

    def begin(self, start: Sequence[float] | None) -> Look:
        """From where the board is seen first: here, `start` (joints of arm and head), or where arms work.

        Raises:
            UserError: it is seen from nowhere; the message says what is seen instead.
        """
        if start is not None and len(start) != len(self.rig.lower):
            raise UserError(f"start takes {len(self.rig.lower)} joints, of arm and head, not {len(start)}")
        shown = ""
        for q in self._starts(start):
            if q is not None and not self.go(q):
                continue
            look = self.look()
            if look.corners is not None:
                return look
            shown = shown or self._detector.why_not(look.rgb)
        where = "in the hand" if self.rig.held else "before the camera"
        raise UserError(
            f"the {self.rig.camera} camera does not see the board ({self.board}) {where}"
            + (f": {shown}" if shown else "; bring it there, or give start=[joints of arm and head]")
        )

    def chosen(self, first: Look, count: int, lens: Lens, rng: np.random.Generator) -> list[Float]:
        """Configurations to look from: `count` that would tell most, in an order in which one leads to the next, and
        behind them others to take where those show nothing.

        Raises:
            UserError: there are too few.
        """
        corners = first.corners
        assert corners is not None
        k = first.intrinsics if lens.intrinsics is None else lens.intrinsics
        numbers = np.array([k[0, 0], k[1, 1], k[0, 2], k[1, 2], *np.zeros(COEFFICIENTS)])
        height, width = first.rgb.shape[:2]
        mount, anchor = self.rig.mount.link_T_camera, self.rig.pose(first.q)
        view = View(name="", link_T_anchor=anchor, board_m=self.board.corners_m[corners.ids], px=corners.px)
        (seen,) = own_poses(numbers, [view], [None])
        model = Model(lens=numbers, link_T_camera=mount, anchor_T_board=anchor.inverse() @ mount @ seen)
        self._hand_T_board = model.anchor_T_board
        q, views = candidates(self.rig, model, self.board, first.q, (width, height), self._clear.shape, rng)
        free = free_parameters(coefficients=lens.coefficients, intrinsics=lens.intrinsics is None)
        picked = best(model, views, round(SPARE * count), sought=free)
        order = in_order(q[picked], first.q, lambda a, b: self._free(np.linspace(a, b, ROWS)))
        if len(order) < count:
            raise UserError(
                f"only {len(order)} of {count} views are within reach from where the board is: bring it to where the "
                f"{self.rig.camera} camera has room around it, or give count={len(order)}"
            )
        # `picked` has what tells most first; the rest is for views in which something hides the board.
        kept = frozenset(sorted(order)[:count])
        return [q[picked[i]] for i in sorted(order, key=lambda i: i not in kept)]

    def views(self, configurations: Sequence[Float], count: int, told: Callable[[Look], None]) -> Iterator[Look]:
        """Goes to one after another, and looks, until so many pictures show the board. `told` hears of each. Skips what
        no free way leads to from where it is."""
        seen = 0
        for q in configurations:
            if seen == count:
                return
            if not self.go(q):
                continue
            look = self.look()
            seen += look.corners is not None
            told(look)
            yield look

    def back(self, q: Float) -> None:
        """To where it began, if a way leads there."""
        self.go(q)

    # Within

    def _starts(self, start: Sequence[float] | None) -> Iterator[Float | None]:
        if start is not None:
            yield np.asarray(start, dtype=np.float64)
            return
        yield None
        spec = self.rig.spec
        here = self.rig.of(self.robot.state())
        arms = [here[: spec.dof]]
        if self.rig.held or self.rig.moving[: spec.dof].any():
            arms = [spec.posture, *(spec.posture + spec.ik_starts_rad)]
        for arm_q in arms:
            arm_q = np.clip(arm_q, spec.q_lower_rad, spec.q_upper_rad)
            yield self._aimed(arm_q, here[spec.dof :])

    def _aimed(self, arm_q: Float, head_q: Float) -> Float:
        """The head, if the camera is on it, towards the hand that holds the board."""
        head = self.rig.spec.head
        if head is None or not self.rig.held or not self.rig.moving[self.rig.spec.dof :].any():
            return np.concatenate([arm_q, head_q])
        tool = self.rig.tools(np.concatenate([arm_q, head_q])[None])[0]

        def off(q: Float) -> float:
            seen = base_T_camera(self.rig.spec, self.rig.mount, arm_q, q).inverse().apply(tool)
            return float(np.hypot(*seen[:2]) / seen[2]) if seen[2] > 0 else np.inf

        grid = [
            np.linspace(low, high, n) for low, high, n in zip(head.q_lower_rad, head.q_upper_rad, AIMS, strict=True)
        ]
        return np.concatenate([arm_q, min((np.array([p, t]) for p in grid[0] for t in grid[1]), key=off)])

    def _free(self, way: Float) -> bool:
        """Whether a way [T,J] keeps the robot clear of itself, of the floor and of the board."""
        arm_q = way[:, : self.rig.spec.dof]
        if self._clear.least(arm_q, None)[0] < 0:
            return False
        if not self.rig.held:
            return True
        shape = self._clear.shape
        centres = shape.centres(arm_q)
        own = np.array([p.frame not in (-1, max(p.frame for p in shape.parts)) for p in shape.parts])
        grid = self._grid_m()
        poses = self.rig.tool_poses(way)
        points = np.einsum("tij,kj->tki", poses[:, :3, :3], grid) + poses[:, None, :3, 3]
        gaps = np.linalg.norm(points[:, :, None] - centres[:, None, own], axis=3) - shape.radii_m[own]
        return bool(gaps[1:].min() > min(BOARD_M, float(gaps[0].min())) - 1e-9 and points[..., 2].min() > BOARD_M)

    def _grid_m(self) -> Float:
        """float64[K,3]: points all over the board, in the hand."""
        width, height = self.board.size_m
        x, y = np.meshgrid(np.linspace(0, width, 5), np.linspace(0, height, 4))
        flat = np.column_stack([x.ravel(), y.ravel(), np.zeros(x.size)])
        return self._hand_T_board.apply(flat)

    def go(self, q: Float) -> bool:
        """Straight there, until it stands; False where the way is not free.

        Raises:
            PalmettoError: the robot does not get there.
        """
        spec, here = self.rig.spec, self.rig.of(self.robot.state())
        if not self._free(np.linspace(here, q, ROWS)):
            return False
        dof = spec.dof
        motion = self._planner.to_q(here[:dof], q[:dof], pace=self._pace)
        stream = list(motion.q) if np.abs(here[:dof] - q[:dof]).max() > 1e-6 else []
        turns: Float = np.empty((0, 0))
        if spec.head is not None:
            paced = self._pace.velocity * spec.head.velocity_rad_s * spec.period_s
            steps = max(len(stream), int(np.ceil(np.max(np.abs(q[dof:] - here[dof:]) / paced))), 1)
            turns = np.linspace(here[dof:], q[dof:], steps + 1)[1:]
        left = max(len(stream), len(turns))
        for step in range(left + int(MOST_S / spec.period_s)):
            arm_q = stream[step] if step < len(stream) else q[:dof]
            head_q = None if spec.head is None else turns[min(step, len(turns) - 1)]
            self.robot.send(Command(arm_q=arm_q, head_q=head_q))
            self.robot.wait(spec.period_s)
            left -= 1
            if left < 0 and np.abs(self.rig.of(self.robot.state()) - q).max() < STILL_RAD:
                break
        else:
            off = np.abs(self.rig.of(self.robot.state()) - q)
            self.robot.stop()
            raise PalmettoError(
                f"the robot stands {off.max():.3f} rad (or m) from where it was sent, in joint {int(off.argmax())}: "
                "is something in its way?"
            )
        self.robot.wait(STILL_S)
        return True

    def _stands(self, state: RobotState) -> None:
        """Raises where the base has moved since the first picture, and the board does not go with it."""
        if self._first is None:
            self._first = state
        before, now = self._first.odom_T_base, state.odom_T_base
        if self.rig.held or before is None or now is None:
            return
        between = before.inverse() @ now
        if np.linalg.norm(between.xyz) > MOVED_M or abs(between.yaw_rad) > MOVED_RAD:
            raise UserError(
                f"the base has moved by {1e3 * np.linalg.norm(between.xyz):.1f} mm and "
                f"{np.rad2deg(abs(between.yaw_rad)):.2f} degrees: it must stand still beside a board that stands"
            )
