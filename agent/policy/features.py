"""What a policy feels and is told, float32[S]: hand, grasp, goal, verb and words, in the stroke's frame.

How fast the hand moves is not told: a policy that hears it goes on with what it does instead of looking. Distances are
given twice, coarse and fine: a centimetre matters near the target and not far from it. Each number says
how it changes in a mirror that swaps left and right, so that every demonstration counts twice in training.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from agent.policy.stroke import Stroke
from agent.verbs import Verb
from robots.interface import RobotState
from robots.relations import Relation

Float = NDArray[np.float64]

VERBS = (Verb.PICK, Verb.PLACE, Verb.PUSH, Verb.OPEN, Verb.CLOSE, Verb.PULL, Verb.PRESS)
RELATIONS = tuple(Relation)
_SWAPPED = {Relation.LEFT_OF: Relation.RIGHT_OF, Relation.RIGHT_OF: Relation.LEFT_OF}
WORD_BINS = 24
"""Words fall into so many bins by their hash (Weinberger et al. 2009)."""
COARSE_M, FINE_M, SIZE_M = 0.10, 0.03, 0.05
_XYZ = (1, -1, 1)
_BODY = (*_XYZ, *_XYZ, 1, -1, 1, -1, 1, -1, 1, 1, 1, *_XYZ, 1, *_XYZ, 1, 1, 1, 1, 1, 1, -1, 1)
SIZE = len(_BODY) + len(VERBS) + len(RELATIONS) + WORD_BINS
TOOL = slice(0, 3)
"""Where the tool is, in COARSE_M."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Felt:
    """The robot at one moment. width_sent_m: where the fingers were last told to be.

    lowest_m: how low the tool has been in this stroke, above its target's point; without it, the way to the work and
    the way back look alike.
    """

    state: RobotState
    width_sent_m: float
    lowest_m: float


def features(stroke: Stroke, felt: Felt, *, widest_m: float) -> NDArray[np.float32]:
    """float32[SIZE]. widest_m: how far the fingers open."""
    base = felt.state.world_T_base
    world_T_f = stroke.frame(base)
    f_T_world = world_T_f.inverse()
    tool = f_T_world @ felt.state.world_T_tool
    goal = np.zeros(3) if stroke.goal_m is None else f_T_world.apply(stroke.goal_m)
    held = stroke.held
    hanging = (0.0, 0.0, 0.0) if held is None else (held.drop_m, *held.half_m)
    bearing = world_T_f.yaw_rad - base.yaw_rad
    away = stroke.origin_m - base.xyz
    body = [
        *(tool.xyz / COARSE_M), *np.tanh(tool.xyz / FINE_M), *tool.rotation[:, 0], *tool.rotation[:, 1],
        felt.state.gripper_width_m / widest_m, felt.width_sent_m / widest_m, float(felt.state.holding),
        *(goal / (2 * COARSE_M)), float(stroke.goal_m is not None),
        *np.tanh(goal / FINE_M), *(h / SIZE_M for h in hanging), away[2] / COARSE_M,
        float(np.hypot(away[0], away[1])), float(np.cos(bearing)), float(np.sin(bearing)), felt.lowest_m / COARSE_M,
    ]  # fmt: skip
    verb = [float(stroke.verb is v) for v in VERBS]
    relation = [float(stroke.relation is r) for r in RELATIONS]
    return np.array([*body, *verb, *relation, *bag(stroke.words)], dtype=np.float32)


def bag(words: str) -> Float:
    """float64[WORD_BINS]: how many words fall into each bin."""
    bins = np.zeros(WORD_BINS)
    for word in re.findall(r"[a-z]+", words.lower()):
        bins[crc32(word.encode()) % WORD_BINS] += 1.0
    return bins


def mirror_signs() -> NDArray[np.float32]:
    """float32[SIZE]: what each number is multiplied by in the mirror, after `mirror_order`."""
    return np.array([*_BODY, *[1] * (SIZE - len(_BODY))], dtype=np.float32)


def mirror_order() -> NDArray[np.int64]:
    """int64[SIZE]: which number each place takes in the mirror: left of and right of change places."""
    order = np.arange(SIZE)
    first = len(_BODY) + len(VERBS)
    for one, other in _SWAPPED.items():
        order[first + RELATIONS.index(one)] = first + RELATIONS.index(other)
    return order
