"""Spaces of the Gymnasium environments, and the arrays in them: observations from a world, calls from actions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from agent.plan import Point, PrimitiveCall
from agent.verbs import Relation, Side, Verb
from robots.interface import RobotState
from robots.spec import RobotSpec
from sim.lexicon import KINDS, SIZES
from sim.scenes import MAX_OBJECTS
from sim.world import World

Arrays = dict[str, NDArray[Any]]
ObsMode = Literal["state", "image"]
ActionMode = Literal["joint", "primitive"]

INSTRUCTION_BYTES = 320
"""UTF-8, zero-padded; the longest sentence of any suite has under 240."""
OBJECT_WIDTH = 1 + len(KINDS) + 3 + 1 + 3 + 4
"""Present, kind one-hot, red green blue, large, xyz_m, quat_xyzw."""
FAR_M = 3.0
"""Positions are clipped to this: nothing that matters is further away."""

VERBS = (Verb.PICK, Verb.PLACE, Verb.PUSH, Verb.LOOK)
RELATIONS = tuple(Relation)
SIDES: tuple[Side | None, ...] = (*Side, None)
"""None: push to the second thing."""


def observation_space(spec: RobotSpec, obs: ObsMode, image_px: int) -> spaces.Space[Arrays]:
    """What `observe` gives.

    robot: float32[dof + 10]: arm_q rad; gripper_width_m; the tool's xyz_m and quat_xyzw in the world; holding, 0 or 1;
    time since the reset in units of 100 s. instruction: uint8[INSTRUCTION_BYTES]. With obs="state", objects:
    float32[MAX_OBJECTS * OBJECT_WIDTH], object by object in the scene's order, zeros where there is none. With
    obs="image", image: uint8[image_px, image_px, 3] of the camera `front`.
    """
    low = np.concatenate([spec.q_lower_rad - 0.1, [-0.01], np.full(3, -FAR_M), np.full(4, -1.0), [0.0, 0.0]])
    high = np.concatenate([spec.q_upper_rad + 0.1, [0.2], np.full(3, FAR_M), np.full(4, 1.0), [1.0, 10.0]])
    found: dict[str, spaces.Space[Any]] = {
        "robot": spaces.Box(low.astype(np.float32), high.astype(np.float32), dtype=np.float32),
        "instruction": spaces.Box(0, 255, (INSTRUCTION_BYTES,), np.uint8),
    }
    if obs == "image":
        found["image"] = spaces.Box(0, 255, (image_px, image_px, 3), np.uint8)
    else:
        found["objects"] = spaces.Box(-FAR_M, FAR_M, (MAX_OBJECTS * OBJECT_WIDTH,), np.float32)
    return cast(spaces.Space[Arrays], spaces.Dict(found))


def action_space(spec: RobotSpec, obs: ObsMode, action: ActionMode, image_px: int) -> spaces.Space[NDArray[Any]]:
    """What `call_from_action` and the joint control read.

    joint: float32[dof + 1] in -1..1: the share of each joint's fastest step, and the fingers, -1 shut to 1 open.
    primitive: which verb, relation and side, and where the target and the destination are: (row, col) each with
    obs="image", the object's slot each with obs="state".
    """
    if action == "joint":
        return spaces.Box(-1.0, 1.0, (spec.dof + 1,), np.float32)
    where = [image_px] * 4 if obs == "image" else [MAX_OBJECTS] * 2
    return spaces.MultiDiscrete([len(VERBS), len(RELATIONS), len(SIDES), *where])


def instruction_array(instruction: str) -> NDArray[np.uint8]:
    """uint8[INSTRUCTION_BYTES].

    >>> instruction_text(instruction_array("stack the blue cube on the red one"))
    'stack the blue cube on the red one'
    """
    raw = instruction.encode()
    if len(raw) > INSTRUCTION_BYTES or b"\0" in raw:
        raise ValueError(f"an instruction has at most {INSTRUCTION_BYTES} bytes and no zeros, not {instruction[:60]!r}")
    return np.frombuffer(raw.ljust(INSTRUCTION_BYTES, b"\0"), dtype=np.uint8)


def instruction_text(array: NDArray[np.uint8]) -> str:
    """The sentence in an observation's `instruction`."""
    return array.tobytes().rstrip(b"\0").decode()


def robot_array(state: RobotState, time_s: float) -> NDArray[np.float32]:
    """The observation's `robot`."""
    tool = state.world_T_tool
    ends = [float(state.holding), min(time_s / 100.0, 10.0)]
    return np.concatenate([state.arm_q, [state.gripper_width_m], tool.xyz, tool.quat_xyzw, ends]).astype(np.float32)


def objects_array(world: World) -> NDArray[np.float32]:
    """The observation's `objects`: OBJECT_WIDTH numbers each, in the scene's order."""
    rows = np.zeros((MAX_OBJECTS, OBJECT_WIDTH), dtype=np.float32)
    for row, name in zip(rows, world.names, strict=False):
        spec, pose = world.object_spec(name), world.pose(name)
        kind = [float(spec.kind == k) for k in KINDS]
        large = float(spec.size == SIZES[-1])
        row[:] = [1.0, *kind, *spec.rgb, large, *np.clip(pose.xyz, -FAR_M, FAR_M), *pose.quat_xyzw]
    return rows.ravel()


def call_from_action(action: NDArray[np.integer], target: str, destination: str, *, points: bool) -> PrimitiveCall:
    """The call that a primitive action stands for, with these words for its things."""
    verb, relation, side = VERBS[action[0]], RELATIONS[action[1]], SIDES[action[2]]
    point: Point | None = (int(action[3]), int(action[4])) if points else None
    destination_point: Point | None = (int(action[5]), int(action[6])) if points else None
    if verb is Verb.PICK:
        return PrimitiveCall(verb=verb, target=target, point=point)
    if verb is Verb.PLACE:
        return PrimitiveCall(
            verb=verb,
            relation=relation,
            target=target if relation.takes_target else "",
            point=point if relation.takes_point else None,
        )
    if verb is Verb.PUSH and side is not None:
        return PrimitiveCall(verb=verb, target=target, point=point, side=side)
    if verb is Verb.PUSH:
        return PrimitiveCall(
            verb=verb, target=target, point=point, destination=destination, destination_point=destination_point
        )
    return PrimitiveCall(verb=verb)


def action_from_call(call: PrimitiveCall, slots: Mapping[str, int] | None = None) -> NDArray[np.int64]:
    """The action of a call: by its points, or with `slots` by the places of its things in `objects`.

    Raises:
        ValueError: a verb that the environments do not have, or a call that lacks its point or names no object.
    """
    if call.verb not in VERBS:
        raise ValueError(f"the environments have {', '.join(v.value for v in VERBS)}, not {call.verb.value}")

    def where(words: str, point: Point | None, needed: bool) -> tuple[int, ...]:
        if slots is not None:
            if words and words not in slots:
                raise ValueError(f"no object {words!r}; there is {', '.join(slots)}")
            return (slots.get(words, 0),)
        if point is None and needed:
            raise ValueError(f"{call.verb.value} needs a point on the {words}")
        return point or (0, 0)

    relation = call.relation or RELATIONS[0]
    aims = call.verb in (Verb.PICK, Verb.PUSH) or (call.verb is Verb.PLACE and relation.takes_point)
    target = where(call.target, call.point, aims)
    destination = where(call.destination, call.destination_point, bool(call.destination))
    first = (VERBS.index(call.verb), RELATIONS.index(relation), SIDES.index(call.side))
    return np.array([*first, *target, *destination], dtype=np.int64)
