"""The map that a robot is told: from a file, or from whoever says it on /palmetto/rooms (a twin does)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from agent.errors import UserError
from robots.interface import Robot
from robots.places import RoomMap
from robots.primitives import Body

if TYPE_CHECKING:
    from robots.ros2.node import Node

ROOMS = "/palmetto/rooms"


@dataclass(frozen=True, kw_only=True)
class Rooms:
    """map: None where there is none. ajar: how far parts stand open, m or rad by name."""

    map: RoomMap | None = None
    ajar: Mapping[str, float] = field(default_factory=dict)

    def body(self, robot: Robot) -> Body:
        """What primitives move, told of the rooms."""
        return Body(robot=robot, map=self.map, ajar=dict(self.ajar))

    @classmethod
    def from_json(cls, text: str) -> Rooms:
        """Of {"map": what RoomMap.to_json gives, "ajar": {part: how far}}; {} is no map.

        Raises:
            ValueError: the text is none of these.
        """
        raw = json.loads(text)
        if not isinstance(raw, dict):
            raise ValueError("a JSON object with a map is expected")
        if "map" not in raw:
            return cls()
        ajar = {str(name): float(far) for name, far in dict(raw.get("ajar", {})).items()}
        return cls(map=RoomMap.from_json(str(raw["map"])), ajar=ajar)


def read_rooms(path: Path) -> Rooms:
    """Raises UserError where the file is no map."""
    try:
        return Rooms.from_json(path.read_text())
    except (OSError, ValueError, TypeError) as e:
        raise UserError(f"map={path} can't be read: {' '.join(str(e).split())[:200]}") from e


def hear_rooms(node: Node, *, limit_s: float) -> Rooms:
    """What is said on ROOMS, the last of it; no map where nobody says any within so long of the wall clock."""
    from robots.ros2.messages import String

    subscription = node.subscription(ROOMS, String, "latched", depth=1)
    heard = subscription.take() if subscription.wait(limit_s) else []
    try:
        return Rooms.from_json(heard[-1].data) if heard else Rooms()
    except (ValueError, TypeError) as e:
        raise UserError(f"{ROOMS}: {' '.join(str(e).split())[:200]}") from e
