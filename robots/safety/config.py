"""What the safety kernel keeps to: one frozen value, whose defaults are those of `conf/safety/standard.yaml`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields


@dataclass(frozen=True, kw_only=True)
class SafetyConfig:
    """Times in seconds of the kernel's clock, lengths in metres.

    stop_s: within which the robot stands still after a fault was seen; the slowest joint and the base must be able to.
    deadline_s: so long a robot that moves may hear nothing before it brakes. max_age_s: of an observation.
    clock_s: how far the clock may be off what was waited. stray, stray_s: a joint that is so far (rad or m) from where
    it was sent, for so long, without coming nearer, does not follow. 0 as stray: not looked at.
    self_margin_m: between the balls of two of its own links. floor_margin_m: of arm links over the floor; the hand has
    its own limit, to the millimetre (`spec.floor_m`). margin_m: of arm and base from obstacles; map_margin_m: from
    those of a map, below 0 by what map and localisation may be off together.
    touch: whether the hand may touch what stands around, as one that grasps, opens and wipes must.
    near_m, near_m_s: a base goes no faster than near_m_s where an obstacle is nearer than near_m before it, and reaches
    its own speed at twice that. people_m, people_m_s: the same for people, in every direction.
    approve: verbs that a person is asked about before each call.
    """

    stop_s: float = 1.6
    deadline_s: float = 0.1
    max_age_s: float = 0.5
    clock_s: float = 0.25
    stray: float = 0.35
    stray_s: float = 0.5
    self_margin_m: float = 0.004
    floor_margin_m: float = 0.0
    margin_m: float = 0.01
    map_margin_m: float = -0.02
    touch: bool = True
    near_m: float = 0.3
    near_m_s: float = 0.6
    people_m: float = 1.0
    people_m_s: float = 0.25
    approve: Sequence[str] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "approve", tuple(self.approve or ()))
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in ("self_margin_m", "floor_margin_m", "margin_m", "map_margin_m"):
                fits = -0.2 < value < 0.2
            elif field.name == "stray":
                fits = 0 <= value < 10
            elif field.name not in ("approve", "touch"):
                fits = 0 < value < 100
            else:
                continue
            if not fits:
                raise ValueError(f"safety.{field.name}={value} does not fit: give a number in its unit, such as the "
                                 f"default {field.default}")  # fmt: skip


STANDARD = SafetyConfig()
"""As `conf/safety/standard.yaml` has it."""
