"""Observations that travel with a bundle, and what it said to them where it was made.

golden.safetensors: `rgb.N` PNG bytes, uint8; `state.N` float64[5]: holding, gripper width m, tool xyz m in the base
frame; `prefix`, `map`, `hidden` float32: what the graphs make of the first of them. Metadata `looks`: JSON, for each
its instruction, history and plan.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from agent.onboard.manifest import BundleError
from agent.plan import PlanError, PrimitiveResult, format_call, parse_call, without_points
from robots.geometry import Pose
from robots.interface import CameraFrame, Observation, RobotState, Status

FILE = "golden.safetensors"
TENSORS = ("prefix", "map", "hidden")
Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Look:
    """One moment at which a planner is asked: what was said, what is seen, what was done."""

    instruction: str
    observation: Observation
    history: tuple[PrimitiveResult, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Golden:
    """looks: observations with one frame, its picture alone. plans: the text that the bundle wrote for each. tensors:
    by their names in TENSORS."""

    looks: tuple[Look, ...]
    plans: tuple[str, ...]
    tensors: dict[str, Array]


def write_golden(path: Path, golden: Golden) -> None:
    tensors: dict[str, Array] = dict(golden.tensors)
    notes = []
    for i, (look, plan) in enumerate(zip(golden.looks, golden.plans, strict=True)):
        seen = look.observation
        tensors[f"rgb.{i}"] = cv2.imencode(".png", np.ascontiguousarray(seen.main.rgb[..., ::-1]))[1].ravel()
        tool = seen.state.world_T_base.inverse().apply(seen.state.world_T_tool.xyz)
        tensors[f"state.{i}"] = np.array([seen.state.holding, seen.state.gripper_width_m, *tool], dtype=np.float64)
        history = [[format_call(without_points(r.call)), r.status.value, r.detail] for r in look.history]
        notes.append({"instruction": look.instruction, "history": history, "plan": plan})
    save_file(tensors, str(path), metadata={"looks": json.dumps(notes)})


def read_golden(path: Path) -> Golden:
    """Raises BundleError where the file is none of these."""
    try:
        with safe_open(str(path), "numpy") as f:
            notes = json.loads((f.metadata() or {})["looks"])
            tensors = {k: f.get_tensor(k) for k in TENSORS}
            looks = tuple(_look(n, f.get_tensor(f"rgb.{i}"), f.get_tensor(f"state.{i}")) for i, n in enumerate(notes))
            return Golden(looks=looks, plans=tuple(str(n["plan"]) for n in notes), tensors=tensors)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError, PlanError) as error:
        raise BundleError(f"{path} does not read ({error}); export the checkpoint again") from error


def _look(note: Any, png: Array, state: Array) -> Look:
    bgr = cv2.imdecode(png, cv2.IMREAD_COLOR)
    if bgr is None:
        raise ValueError("a picture that is no PNG")
    height, width = bgr.shape[:2]
    frame = CameraFrame(
        rgb=np.ascontiguousarray(bgr[..., ::-1]), depth_m=np.zeros((height, width), np.float32), intrinsics=np.eye(3),
        world_T_camera=Pose.identity(),
    )  # fmt: skip
    holding, gripper, *tool = (float(v) for v in state)
    body = RobotState(
        world_T_base=Pose.identity(), arm_q=np.zeros(0), gripper_width_m=gripper, holding=bool(holding),
        world_T_tool=Pose.from_xyz_yaw(np.array(tool), 0.0),
    )  # fmt: skip
    history = tuple(
        PrimitiveResult(call=parse_call(call), status=Status(status), detail=detail, start_s=0.0, end_s=0.0)
        for call, status, detail in note["history"]
    )
    seen = Observation(time_s=0.0, frames={"golden": frame}, state=body, camera="golden")
    return Look(instruction=str(note["instruction"]), observation=seen, history=history)
