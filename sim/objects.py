"""The named objects of a scene as bodies of one PyBullet client: where they are, which rest, which are hidden."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pybullet as p

from robots.geometry import Pose
from sim.bodies import Body, make_body
from sim.render import FIRST_OBJECT_ID, VisualPart
from sim.scenes import PlacedObject

FREE_M = 0.002
"""Bullet's margins make things that stand on each other overlap by so much."""
_ELSEWHERE_M = (0.0, 0.0, -30.0)
"""Where hidden things are kept, one above the other."""


class Objects:
    """All objects of a scene, made where they are placed. bodies: by name, in the scene's order. placed: those that
    were put somewhere since this was last cleared. hidden: out of the world; away: of these, what will come back."""

    def __init__(self, client: int, objects: Iterable[PlacedObject], *, visuals: bool) -> None:
        self._client = client
        self.bodies: dict[str, Body] = {
            o.spec.name: make_body(client, o.spec, Pose.from_xyz_yaw([*o.xy_m, o.z_m], o.yaw_rad), visuals=visuals)
            for o in objects
        }
        self.placed: set[str] = set()
        self.hidden: set[str] = set()
        self.away: set[str] = set()

    def body(self, name: str) -> Body:
        """Raises KeyError for a name that is not in the scene."""
        if name not in self.bodies:
            raise KeyError(f"no object {name!r} in this scene; there is {', '.join(self.bodies) or 'nothing'}")
        return self.bodies[name]

    def names_by_id(self) -> dict[int, str]:
        """By PyBullet's id."""
        return {body.id: name for name, body in self.bodies.items()}

    def pose(self, body: Body) -> Pose:
        """world_T_object: origin in the middle of its underside, z towards its top."""
        return self._centre(body) @ body.centre_T_bottom

    def _centre(self, body: Body) -> Pose:
        xyz, quat = p.getBasePositionAndOrientation(body.id, physicsClientId=self._client)
        return Pose(xyz=np.array(xyz), quat_xyzw=np.array(quat))

    def speed_m_s(self, name: str) -> float:
        """Of its fastest part, about: |v| + |omega| times half its width."""
        body = self.body(name)
        linear, angular = p.getBaseVelocity(body.id, physicsClientId=self._client)
        return float(np.linalg.norm(linear) + np.linalg.norm(angular) * body.width_m / 2)

    def put(self, name: str, pose: Pose) -> None:
        """Puts an object there, at rest."""
        body = self.body(name)
        centre = pose @ body.centre_T_bottom.inverse()
        p.resetBasePositionAndOrientation(body.id, centre.xyz, centre.quat_xyzw, physicsClientId=self._client)
        p.resetBaseVelocity(body.id, [0, 0, 0], [0, 0, 0], physicsClientId=self._client)
        self.placed.add(name)
        self.hidden.discard(name)
        self.away.discard(name)
        self.wake()  # what stood on it must notice

    def hide(self, name: str, *, for_a_while: bool) -> None:
        """Takes an object out of the world, until it is put somewhere; for_a_while: somebody will bring it back."""
        place = list(self.bodies).index(self.body(name).spec.name)
        self.put(name, Pose.from_xyz_yaw([*_ELSEWHERE_M[:2], _ELSEWHERE_M[2] + place]))
        self.hidden.add(name)
        if for_a_while:
            self.away.add(name)
        self.sleep([name])

    def free(self, name: str, pose: Pose, others: Iterable[int]) -> bool:
        """Whether an object would be inside none of the bodies with PyBullet's ids `others` there."""
        body = self.body(name)
        before = p.getBasePositionAndOrientation(body.id, physicsClientId=self._client)
        centre = pose @ body.centre_T_bottom.inverse()
        p.resetBasePositionAndOrientation(body.id, centre.xyz, centre.quat_xyzw, physicsClientId=self._client)
        clear = not any(
            c[8] < -FREE_M
            for other in others
            for c in p.getClosestPoints(body.id, other, 0.0, physicsClientId=self._client)
        )
        p.resetBasePositionAndOrientation(body.id, *before, physicsClientId=self._client)
        return clear

    def sleep(self, names: Iterable[str]) -> None:
        """Lets things rest until something touches them, which makes steps five times cheaper."""
        for name in names:
            self._set_activation(self.body(name).id, p.ACTIVATION_STATE_SLEEP)

    def wake(self) -> None:
        """All but what is hidden."""
        for name, body in self.bodies.items():
            if name not in self.hidden:
                self._set_activation(body.id, p.ACTIVATION_STATE_WAKE_UP)

    def _set_activation(self, body: int, state: int) -> None:
        p.changeDynamics(body, -1, activationState=state, physicsClientId=self._client)

    def visuals(self, visitor: Body | None) -> list[VisualPart]:
        """Those that are not hidden, and a visitor, where they are now."""
        seen = [(FIRST_OBJECT_ID + i, b) for i, (n, b) in enumerate(self.bodies.items()) if n not in self.hidden]
        if visitor is not None:
            seen.append((FIRST_OBJECT_ID + len(self.bodies), visitor))
        parts: list[VisualPart] = []
        for object_id, body in seen:
            matrix = self._centre(body).matrix.astype(np.float32)
            parts += [
                VisualPart(
                    mesh_key=look.mesh_key,
                    world_T_part=matrix,
                    rgb=look.rgb or body.spec.rgb,
                    object_id=object_id,
                    texture=look.texture,
                )
                for look in body.model.looks
            ]
        return parts
