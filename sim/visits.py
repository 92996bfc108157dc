"""Somebody who comes and stands in the way of a robot, and goes again: a forearm over a table, a person in a room."""

from __future__ import annotations

from typing import Literal

import pybullet as p

from robots.geometry import Pose
from sim.bodies import Body, make_body
from sim.scenes import ObjectSpec

VisitorKind = Literal["forearm", "person"]
VISITORS = {kind: ObjectSpec(name=kind, kind=kind, colour="", size="") for kind in ("forearm", "person")}


class Visitor:
    """One visitor at a time, or none. Can't be pushed away, and is seen. body, kind: of who is there."""

    def __init__(self, client: int, *, visuals: bool) -> None:
        self._client, self._visuals = client, visuals
        self.body: Body | None = None
        self.kind: VisitorKind = "person"

    def come(self, kind: VisitorKind, pose: Pose) -> None:
        """To `pose`, of the middle of the underside; nobody may be there."""
        self.kind, self.body = kind, make_body(self._client, VISITORS[kind], pose, visuals=self._visuals)

    def go(self) -> None:
        if self.body is not None:
            p.removeBody(self.body.id, physicsClientId=self._client)
            self.body = None

    def crowded(self, gap_m: float) -> bool:
        """Whether who is there is nearer than gap_m to anything."""
        visitor = self.body
        bodies = (p.getBodyUniqueId(i, physicsClientId=self._client) for i in range(p.getNumBodies(self._client)))
        return visitor is not None and any(
            p.getClosestPoints(visitor.id, other, gap_m, physicsClientId=self._client)
            for other in bodies if other != visitor.id
        )  # fmt: skip
