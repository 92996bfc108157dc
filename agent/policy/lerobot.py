"""Policies of LeRobot's format (ACT, SmolVLA and others of that package), as a backend: `policy=lerobot`.

They run where the package `lerobot` is installed beside torch; nothing here depends on it. What goes in and out is what
`palmetto collect` records (agent.episodes.tape.robot_layout): `observation.state`, `observation.images.CAMERA`, the
call in words as the task, and `action`, joints and the gap between the fingers. Such a policy says neither that it is
done nor that it is stuck, so that is concluded from the hand; then the script takes over as from any other policy.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent.errors import UserError
from agent.plan import PrimitiveCall
from agent.policy.drive import MOST_S, SHARE, SHUT_M, Ending
from agent.policy.learned import Learned
from agent.policy.stroke import RAISED_M, Stroke
from agent.verbs import Verb
from robots.interface import CameraFrame, Command, Observation, RobotState
from robots.primitives import Body
from robots.primitives.base import STRAY_RAD
from robots.spec import RobotSpec

Float = NDArray[np.float64]

CONFIG, WEIGHTS, BEFORE, AFTER = (
    "config.json", "model.safetensors", "policy_preprocessor.json", "policy_postprocessor.json",
)  # fmt: skip
STATE, ACTION, IMAGES = "observation.state", "action", "observation.images."
STILL_M, STILL_S = 0.004, 2.0
"""A hand that stays within so much for so long is stuck."""
INSTALL = 'pip install "lerobot==0.4.4" into the environment of torch (docs/primitives.md)'


@dataclass(frozen=True, kw_only=True, eq=False)
class LerobotPolicy:
    """A folder as `save_pretrained` leaves it. device: of torch.

    Raises (from `open`):
        UserError: it is none, or its numbers are not this robot's.
    """

    folder: Path
    kind: str
    inputs: dict[str, tuple[int, ...]]
    outputs: dict[str, tuple[int, ...]]
    device: str = "cpu"

    @classmethod
    def open(cls, folder: Path, *, device: str = "cpu") -> LerobotPolicy:
        """Looks at the folder alone; weights are read when the first action is asked for."""
        try:
            content = json.loads((folder / CONFIG).read_text())
            inputs, outputs = (
                {str(k): tuple(int(n) for n in f["shape"]) for k, f in content[side].items()}
                for side in ("input_features", "output_features")
            )
            kind = str(content["type"])
        except OSError as e:
            raise UserError(f"{folder} is no LeRobot policy: can't read {CONFIG} ({e.strerror})") from e
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            raise UserError(f"{folder / CONFIG} is of no LeRobot policy: {type(e).__name__} {e}") from e
        if not (folder / WEIGHTS).is_file():
            raise UserError(f"{folder} is no whole LeRobot policy: it has no {WEIGHTS}")
        missing = [name for name in ("lerobot", "torch") if find_spec(name) is None]
        if missing:
            raise UserError(f"policy=lerobot needs {' and '.join(missing)}: {INSTALL}")
        return cls(folder=folder, kind=kind, inputs=inputs, outputs=outputs, device=device)

    def check(self, spec: RobotSpec, frames: dict[str, CameraFrame]) -> None:
        """Raises where it was trained on other numbers or pictures than this robot gives."""
        from agent.episodes.tape import robot_layout

        layout = robot_layout(spec, (), 1.0)
        for what, has, needs in (
            (STATE, self.inputs.get(STATE), len(layout.state)),
            (ACTION, self.outputs.get(ACTION), len(layout.action)),
        ):
            if has is not None and has != (needs,):
                raise UserError(
                    f"{self.folder} is of another robot: its {what} has {'x'.join(map(str, has))} numbers, and "
                    f"{spec.name}'s {needs}"
                )
        if ACTION not in self.outputs:
            raise UserError(f"{self.folder} gives no {ACTION}; it gives {', '.join(self.outputs) or 'nothing'}")
        for key, shape in self.inputs.items():
            if key == STATE:
                continue
            name = key.removeprefix(IMAGES)
            if not key.startswith(IMAGES) or name not in frames:
                there = ", ".join(IMAGES + n for n in frames)
                raise UserError(f"{self.folder} wants {key}; {spec.name} has {STATE}, {there or 'no camera'}")
            height, width = frames[name].rgb.shape[:2]
            if shape != (3, height, width):
                raise UserError(
                    f"{self.folder} wants {key} as {'x'.join(map(str, shape))}, and the pictures are 3x{height}x{width}"
                )

    def reset(self) -> None:
        """Forgets the chunk that it was about to do."""
        self._parts[0].reset()

    def action(self, spec: RobotSpec, seen: Observation, words: str) -> Float:
        """float64[m], in the order of `robot_layout`, for what is seen now."""
        import torch

        from agent.episodes.tape import state_numbers

        policy, before, after = self._parts
        given: dict[str, Any] = {}
        for key in self.inputs:
            if key == STATE:
                given[key] = torch.from_numpy(state_numbers(spec, seen.state))[None]
                continue
            picture = np.ascontiguousarray(seen.frames[key.removeprefix(IMAGES)].rgb.transpose(2, 0, 1))
            given[key] = torch.from_numpy(picture.astype(np.float32) / np.float32(255.0))[None]
        given["task"] = [words]
        with torch.inference_mode():
            given = before(given) if before is not None else given
            found = policy.select_action(given)
            found = after(found) if after is not None else found
        return np.asarray(found.squeeze(0).to("cpu").numpy(), dtype=np.float64)

    @cached_property
    def _parts(self) -> tuple[Any, Any, Any]:
        """The policy, and what comes before and after it, where the folder has that."""
        from lerobot.configs.policies import PreTrainedConfig
        from lerobot.policies.factory import get_policy_class, make_pre_post_processors

        try:
            config = PreTrainedConfig.from_pretrained(self.folder)
            config.device = self.device
            # Weights of its own are in the folder; nothing is fetched for a backbone.
            if getattr(config, "pretrained_backbone_weights", None) is not None:
                config.pretrained_backbone_weights = None
            policy = get_policy_class(self.kind).from_pretrained(self.folder, config=config, local_files_only=True)
            before = after = None
            if (self.folder / BEFORE).is_file() and (self.folder / AFTER).is_file():
                own = {"device_processor": {"device": self.device}}
                before, after = make_pre_post_processors(
                    config, pretrained_path=str(self.folder), preprocessor_overrides=own
                )
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, ImportError, NotImplementedError) as e:
            said = " ".join(str(e).split())[:150]
            raise UserError(f"lerobot can't open {self.folder} ({self.kind}): {type(e).__name__}: {said}") from e
        return policy.eval(), before, after


@dataclass(frozen=True, kw_only=True, eq=False)
class Lerobot(Learned):
    """Primitives whose strokes such a policy does. fps: of the episodes that it was trained on."""

    session: Any = None
    policy: LerobotPolicy
    fps: float = 5.0

    def serves(self, call: PrimitiveCall, body: Body) -> bool:
        """Any robot that stands; whether it is this one is looked at when its pictures are there."""
        return body.robot.spec.base is None

    def _stroke(self, body: Body, stroke: Stroke, camera: str) -> Ending:
        self.policy.check(body.robot.spec, dict(body.robot.observe().frames))
        self.policy.reset()
        return follow(body, self.policy, stroke, fps=self.fps)


def follow(body: Body, policy: LerobotPolicy, stroke: Stroke, *, fps: float) -> Ending:
    """One stroke, an action every 1/fps s, in between evenly and within the joints' limits; however it ends, the robot
    has been told nothing that the safety kernel would not pass."""
    robot, spec = body.robot, body.robot.spec
    periods = max(1, round(1 / fps / spec.period_s))
    words = f"{stroke.verb.value} the {stroke.words}"
    q = robot.state().arm_q
    v = np.zeros_like(q)
    way = [robot.state().world_T_tool.xyz]
    for _ in range(int(MOST_S * fps)):
        seen = robot.observe()
        action = policy.action(spec, seen, words)
        if not np.isfinite(action).all():
            robot.stop()
            return Ending.STUCK
        goal = np.clip(action[: spec.dof], spec.q_lower_rad, spec.q_upper_rad)
        width_m = float(np.clip(action[spec.dof], 0.0, spec.gripper_max_width_m))
        for left in range(periods, 0, -1):
            q, v = _period(spec, q, v, goal, left * spec.period_s)
            robot.send(Command(arm_q=q, gripper_width_m=0.0 if width_m < SHUT_M else width_m))
            robot.wait(spec.period_s)
        state = robot.state()
        if float(np.abs(state.arm_q - q).max()) > STRAY_RAD:
            robot.stop()
            return Ending.HELD_BACK
        way.append(state.world_T_tool.xyz)
        if done(stroke.verb, state, np.array(way)):
            return Ending.DONE
        lately = np.array(way[-max(2, round(STILL_S * fps)) :])
        if len(way) > STILL_S * fps and float(np.ptp(lately, axis=0).max()) < STILL_M:
            return Ending.STUCK
    return Ending.OUT_OF_TIME


def _period(spec: RobotSpec, q: Float, v: Float, goal: Float, left_s: float) -> tuple[Float, Float]:
    """Joints and their velocities one period on, to be at `goal` in left_s, as far as velocity and acceleration allow,
    and never faster than can be braked before it."""
    h, off = spec.period_s, goal - q
    most = np.minimum(SHARE * spec.velocity_rad_s, np.sqrt(SHARE * spec.acceleration_rad_s2 * np.abs(off)))
    change = SHARE * spec.acceleration_rad_s2 * h
    wish = np.clip(off / left_s, -most, most)
    v = np.clip(wish, v - change, v + change)
    then = np.clip(q + h * v, spec.q_lower_rad, spec.q_upper_rad)
    return then, (then - q) / h


def done(verb: Verb, state: RobotState, way_m: Float) -> bool:
    """Whether a stroke is over, by the hand: it has gone down, done its part, and risen again. way_m: [T,3] so far."""
    down = float(way_m[0, 2] - way_m[:, 2].min())
    risen = float(way_m[-1, 2] - way_m[:, 2].min())
    if down < RAISED_M / 2 or risen < RAISED_M:
        return False
    if verb is Verb.PICK:
        return state.holding
    return verb is not Verb.PLACE or not state.holding
