"""A robot's camera and what its board is fixed to: where one is in the frame of the other, for any joints."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from agent.errors import UserError
from robots.geometry import Pose
from robots.interface import RobotState
from robots.kinematics import base_T_links
from robots.parts import CameraMount
from robots.spec import RobotSpec

Float = NDArray[np.float64]

MATTERS = 1e-4


@dataclass(frozen=True, kw_only=True, eq=False)
class Rig:
    """held: the board is in the robot's hand; else it stands, and so must the robot's base.

    Joints are those of the arm and, behind them, of the head: float64[J].
    """

    spec: RobotSpec
    camera: str
    held: bool

    @cached_property
    def mount(self) -> CameraMount:
        try:
            return self.spec.camera(self.camera)
        except KeyError as e:
            raise UserError(str(e.args[0])) from e

    @property
    def lower(self) -> Float:
        head = self.spec.head
        return np.concatenate([self.spec.q_lower_rad, head.q_lower_rad if head is not None else ()])

    @property
    def upper(self) -> Float:
        head = self.spec.head
        return np.concatenate([self.spec.q_upper_rad, head.q_upper_rad if head is not None else ()])

    def joints(self, arm_q: Float, head_q: Float | None) -> Float:
        """float64[J] of a state."""
        return np.concatenate([arm_q, head_q if self.spec.head is not None and head_q is not None else ()])

    def of(self, state: RobotState) -> Float:
        return self.joints(state.arm_q, state.head_q)

    def link_T_anchor(self, q: Float) -> Float:
        """float64[N,4,4] for joints [N,J]: where the base, or the hand with the board, is for the camera's link."""
        link = np.linalg.inv(base_T_links(self.spec, self.mount.link, q))
        return np.asarray(link @ base_T_links(self.spec, self.spec.tool_link, q) if self.held else link)

    def pose(self, q: Float) -> Pose:
        """`link_T_anchor` of one configuration [J]."""
        return Pose.from_matrix(self.link_T_anchor(q[None])[0])

    def tool_poses(self, q: Float) -> Float:
        """float64[N,4,4]: the hand, in the base's frame."""
        return base_T_links(self.spec, self.spec.tool_link, q)

    def tools(self, q: Float) -> Float:
        """float64[N,3] m: where the hand is."""
        return self.tool_poses(q)[:, :3, 3]

    @cached_property
    def moving(self) -> NDArray[np.bool_]:
        """bool[J]: joints that change what is seen."""
        middle = (self.lower + self.upper) / 2
        rows = middle + 0.1 * np.eye(len(middle))
        change = self.link_T_anchor(rows) - self.link_T_anchor(middle[None])
        return np.asarray(np.abs(change).max(axis=(1, 2)) > MATTERS)

    def check(self) -> None:
        """Raises where no joint changes what the camera sees."""
        if not self.moving.any():
            raise UserError(
                f"no joint of {self.spec.name} moves its {self.camera} camera: put the board into its hand (held=true)"
            )
