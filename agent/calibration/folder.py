"""Pictures and the robot's poses in a folder: what `views=DIR` reads, and what a robot's own run leaves.

    poses.json  {"robot": "stretch", "camera": "wrist", "link": "gripper_camera_color_optical_frame", "views": [
                  {"picture": "000.png", "base_T_link": {"xyz": [x, y, z], "quat_xyzw": [x, y, z, w]}}, ...]}

A view of a board in the hand has `base_T_board_link` beside it. In place of poses a view may have `arm_q` (and, of a
robot with a head, `head_q`), rad and m, of a robot that is known here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from agent.artifacts import write_json, write_png
from agent.calibration.drive import Look
from agent.calibration.rig import Rig
from agent.errors import UserError
from robots.calibration import pose_of
from robots.geometry import Pose
from robots.spec import RobotSpec

Float = NDArray[np.float64]

POSES = "poses.json"
MOST = 2000


@dataclass(frozen=True, kw_only=True, eq=False)
class Taken:
    """One view on disk."""

    picture: Path
    link_T_anchor: Pose


@dataclass(frozen=True, kw_only=True, eq=False)
class TakenViews:
    """A folder. link: what the camera is on. held: the board went with a link of its own. intrinsics: float64[3,3],
    what the driver says of the pictures, if it is there."""

    robot: str
    camera: str
    link: str
    held: bool
    views: tuple[Taken, ...]
    intrinsics: Float | None


def read_views(folder: Path, spec: RobotSpec | None, camera: str) -> TakenViews:
    """spec: of the robot, for views that have joints.

    Raises:
        UserError: it is no such folder; the message says which view is wrong, and in what.
    """
    path = folder / POSES
    try:
        content = json.loads(path.read_text())
    except OSError as e:
        raise UserError(f"can't read {path}: {e.strerror}; a folder of views has pictures and {POSES}") from e
    except ValueError as e:
        raise UserError(f"{path} is not JSON: {e}") from e
    if not isinstance(content, dict) or not isinstance(content.get("views"), list):
        raise UserError(f'{path} has no list "views" (docs/calibration.md shows one)')
    views = content["views"]
    if not 0 < len(views) <= MOST:
        raise UserError(f"{path} has {len(views)} views: give 1 to {MOST}")
    named = str(content.get("camera", camera))
    held = [isinstance(v, dict) and ("base_T_board_link" in v or bool(content.get("held", False))) for v in views]
    if any(held) != all(held):
        raise UserError(f"{path}: base_T_board_link is in {sum(held)} of {len(held)} views: all of them or none")
    robot = str(content.get("robot", "" if spec is None else spec.name))
    link = str(content.get("link", ""))
    if not link:
        if spec is None:
            raise UserError(f'{path} has no "link": what the camera is on')
        link = Rig(spec=spec, camera=named, held=False).mount.link
    taken = []
    for number, view in enumerate(views):
        try:
            taken.append(_taken(folder, view, spec, named, held=all(held)))
        except (KeyError, TypeError, ValueError, OverflowError) as e:
            what = f"it has no {e}" if isinstance(e, KeyError) else " ".join(str(e).split())[:150]
            raise UserError(f"{path}, view {number}: {what}") from e
    k = content.get("intrinsics")
    try:
        intrinsics = None if k is None else np.array(k, dtype=np.float64).reshape(3, 3)
    except (TypeError, ValueError) as e:
        raise UserError(f"{path}: intrinsics are three rows of three numbers") from e
    return TakenViews(robot=robot, camera=named, link=link, held=all(held), views=tuple(taken), intrinsics=intrinsics)


def _taken(folder: Path, view: Any, spec: RobotSpec | None, camera: str, *, held: bool) -> Taken:
    name = str(view["picture"])
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError(f"{name!r} is not in this folder")
    if "base_T_link" in view:
        base_T_link = pose_of(view["base_T_link"])
        anchor = pose_of(view["base_T_board_link"]) if "base_T_board_link" in view else Pose.identity()
        return Taken(picture=folder / name, link_T_anchor=base_T_link.inverse() @ anchor)
    if spec is None:
        raise ValueError("it has no base_T_link; joints take a robot: robot=NAME")
    rig = Rig(spec=spec, camera=camera, held=held)
    q = np.array([*view["arm_q"], *view.get("head_q", ())], dtype=np.float64)
    if q.shape != rig.lower.shape or not np.isfinite(q).all():
        raise ValueError(f"{len(q)} joints of arm and head, and {spec.name} has {len(rig.lower)}")
    return Taken(picture=folder / name, link_T_anchor=rig.pose(q))


def read_picture(path: Path) -> NDArray[np.uint8]:
    """uint8[H,W,3].

    Raises:
        UserError: it is none.
    """
    if not path.is_file():
        raise UserError(f"there is no picture {path}")
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise UserError(f"{path} is no picture that can be read")
    return np.ascontiguousarray(picture[..., ::-1], dtype=np.uint8)


def write_views(folder: Path, rig: Rig, looks: Sequence[Look]) -> None:
    """What a robot has seen, to be looked at again; `poses.json` last."""
    views = []
    for number, look in enumerate(looks):
        name = picture_name(number)
        write_png(folder / name, look.rgb)
        dof = rig.spec.dof
        view = {"picture": name, "arm_q": look.q[:dof].tolist()}
        views.append(view if rig.spec.head is None else {**view, "head_q": look.q[dof:].tolist()})
    intrinsics = looks[0].intrinsics.tolist() if looks else None
    content = {"robot": rig.spec.name, "camera": rig.camera, "link": rig.mount.link, "held": rig.held}
    write_json(folder / POSES, {**content, "intrinsics": intrinsics, "views": views})


def picture_name(number: int) -> str:
    return f"{number:03}.png"
