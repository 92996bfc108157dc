"""One simulated tabletop: a PyBullet client of its own, a Panda, and named objects.

    world = World()
    world.reset(scene)
    world.step(240)
    world.pose("red block")        # of the middle of its underside
    state = world.save(); ...; world.restore(state)

`reset` builds everything anew (3 ms), so what happens after it does not depend on what happened before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pybullet as p
from numpy.typing import NDArray

from agent.errors import RobotError
from robots.geometry import Pose
from robots.spec import RobotSpec, panda
from sim.arm import Arm, ArmMemory
from sim.bodies import Body, make_body
from sim.camera import CameraSpec
from sim.mobile import MobileArm
from sim.render import FIRST_OBJECT_ID, VisualPart
from sim.scenes import AnyScene, ObjectSpec, StartScene
from sim.setting import Fixtures
from sim.snapshot import BodyState, put, take

Float = NDArray[np.float64]

STEPS_PER_S = 240
SOLVER_ITERATIONS = 50
"""With 30 a cylinder that is held near its top swings up to 14 degrees in the fingers on the way; with 50, 0.6."""
GRASP_DEPTH_M = 0.021
"""How far below a thing's top `hold` puts the tool point; half its height where that is less."""

SQUEEZE_M = 0.02
"""How much narrower than the thing the fingers of `hold` are told to close."""

VisitorKind = Literal["forearm", "person"]
VISITORS = {kind: ObjectSpec(name=kind, kind=kind, colour="", size="") for kind in ("forearm", "person")}
FREE_M = 0.002
"""Bullet's margins make things that stand on each other overlap by so much."""
_ODOMETRY = 1
"""Which of a scene's generators the errors of a base's odometry come from."""
_ELSEWHERE_M = (0.0, 0.0, -30.0)
"""Where hidden things are kept, one above the other."""


@dataclass(frozen=True, kw_only=True)
class SavedState:
    """What `World.save` remembers: the scene and everything in it. Values alone, so it may be pickled, and restored in
    another world. asleep: names of the things that the solver lets rest until they are touched."""

    scene: AnyScene
    bodies: tuple[BodyState, ...]
    asleep: frozenset[str]
    steps: int
    held: str | None
    arm: ArmMemory
    fixtures: object
    hidden: frozenset[str]
    away: frozenset[str]
    visitor: tuple[VisitorKind, Pose] | None


class World:
    """A table, a robot and a scene. `gui=True` opens PyBullet's window, where there is a display."""

    def __init__(self, *, spec: RobotSpec | None = None, gui: bool = False) -> None:
        self.spec = spec or panda()
        self.gui = gui
        self.client: int = p.connect(p.GUI if gui else p.DIRECT)
        if self.client < 0:
            raise RuntimeError("PyBullet opened no client" + ("; gui=true needs a display" if gui else ""))
        self._scene: AnyScene | None = None
        self._bodies: dict[str, Body] = {}
        self._steps = 0
        self._held: str | None = None
        self.arm: Arm
        self.fixtures: Fixtures

    def reset(self, scene: AnyScene) -> None:
        """The scene as described, objects at rest where they stand, arm at home with an open hand, clock at 0."""
        self._build(scene)
        self._sleep(o.spec.name for o in scene.objects if o.at_rest)
        self.set_arm(self.spec.home_q_rad, self.spec.gripper_max_width_m)

    def _build(self, scene: AnyScene) -> None:
        client = self.client
        p.resetSimulation(physicsClientId=client)
        p.setPhysicsEngineParameter(
            fixedTimeStep=1 / STEPS_PER_S, numSolverIterations=SOLVER_ITERATIONS, deterministicOverlappingPairs=1,
            enableFileCaching=1, physicsClientId=client,
        )  # fmt: skip
        p.setGravity(0, 0, -9.81, physicsClientId=client)
        self.fixtures = scene.setting.build(client, visuals=self.gui)
        self.arm = self._robot(scene)
        self._bodies = {
            o.spec.name: make_body(client, o.spec, Pose.from_xyz_yaw([*o.xy_m, o.z_m], o.yaw_rad), visuals=self.gui)
            for o in scene.objects
        }
        self.fixtures.begin(self._bodies)
        self._scene, self._steps, self._held = scene, 0, None
        self._placed: set[str] = set()
        self._hidden: set[str] = set()
        self._away: set[str] = set()
        self._pulls: dict[str, Float] = {}
        self._visitor: tuple[VisitorKind, Body] | None = None

    def _robot(self, scene: AnyScene) -> Arm:
        """Raises RobotError where the robot's description and its model in the simulation do not fit together."""
        try:
            arm = self._arm(scene)
            if isinstance(arm, MobileArm):
                arm.cameras()  # their links are there
        except (ValueError, KeyError) as e:
            raise RobotError(f"robot={self.spec.name} can't be simulated: {e.args[0]}") from e
        return arm

    def _arm(self, scene: AnyScene) -> Arm:
        if self.spec.base is None:
            return Arm(self.client, self.spec, visuals=self.gui)
        start = scene.start if isinstance(scene, StartScene) else Pose.identity()
        rng = np.random.default_rng([scene.seed, _ODOMETRY])
        return MobileArm(self.client, self.spec, visuals=self.gui, start=start, rng=rng)

    def _sleep(self, names: Iterable[str]) -> None:
        """Lets things rest until something touches them, which makes steps five times cheaper."""
        for name in names:
            self._set_activation(self.body(name).id, p.ACTIVATION_STATE_SLEEP)

    # What is there

    @property
    def scene(self) -> AnyScene:
        """The scene of the last reset."""
        if self._scene is None:
            raise RuntimeError("this world is empty: call reset(scene) first")
        return self._scene

    @property
    def camera(self) -> CameraSpec:
        """The scene's own camera.

        Raises:
            RuntimeError: it has none: only the robot sees.
        """
        if self.scene.camera is None:
            raise RuntimeError("this scene has no camera of its own")
        return self.scene.camera

    @property
    def time_s(self) -> float:
        """Simulated time since the reset."""
        return self._steps / STEPS_PER_S

    @property
    def names(self) -> tuple[str, ...]:
        """Of all objects, in the scene's order."""
        return tuple(self._bodies)

    def object_spec(self, name: str) -> ObjectSpec:
        return self.body(name).spec

    def object_id(self, name: str) -> int:
        """The id that pictures show for it."""
        return FIRST_OBJECT_ID + self.names.index(self.body(name).spec.name)

    def body_id(self, name: str) -> int:
        """PyBullet's id of it, in `client`."""
        return self.body(name).id

    def pose(self, name: str) -> Pose:
        """world_T_object: origin in the middle of its underside, z towards its top."""
        return self._pose(self.body(name))

    def _pose(self, body: Body) -> Pose:
        return self._centre(body) @ body.centre_T_bottom

    def _centre(self, body: Body) -> Pose:
        xyz, quat = p.getBasePositionAndOrientation(body.id, physicsClientId=self.client)
        return Pose(xyz=np.array(xyz), quat_xyzw=np.array(quat))

    def poses(self) -> dict[str, Pose]:
        return {name: self.pose(name) for name in self._bodies}

    def speed_m_s(self, name: str) -> float:
        """Of its fastest part, about: |v| + |omega| times half its width."""
        body = self.body(name)
        linear, angular = p.getBaseVelocity(body.id, physicsClientId=self.client)
        return float(np.linalg.norm(linear) + np.linalg.norm(angular) * body.width_m / 2)

    def touching(self, name: str) -> frozenset[str]:
        """The names of what it touched in the last step: objects, "table", "robot"."""
        named = {b.id: n for n, b in self._bodies.items()} | {self.arm.body: "robot"} | dict(self.fixtures.names)
        contacts = p.getContactPoints(bodyA=self.body(name).id, physicsClientId=self.client)
        return frozenset(named[c[2]] for c in contacts if c[8] < 0.001)

    def held(self) -> str | None:
        """What both fingers press, or what `hold` put between them."""
        left, right = self.arm.finger_contacts()
        for name, body in self._bodies.items():
            if body.id in left and body.id in right:
                return name
        return self._held

    # Time

    def step(self, n: int = 1) -> None:
        """n steps of 1/240 s."""
        if n < 1:
            return
        self._held = None
        width_m = self.arm.width_m
        for _ in range(n):
            for name, force in self._pulls.items():
                self._apply(name, force)
            p.stepSimulation(physicsClientId=self.client)
            self._steps += 1
            self.fixtures.stepped(self._steps)
        self._placed.clear()
        self.arm.closing_m_s = abs(self.arm.width_m - width_m) * STEPS_PER_S / n

    def pull(self, name: str, force_n: Float | None) -> None:
        """Somebody pulls at an object with force_n (float64[3], world) from now on; None: no more. Not saved."""
        self._pulls.pop(name, None)
        if force_n is not None:
            self.body(name)
            self._pulls[name] = np.array(force_n)

    def _apply(self, name: str, force_n: Float) -> None:
        body = self.body(name).id
        at, _ = p.getBasePositionAndOrientation(body, physicsClientId=self.client)
        p.applyExternalForce(body, -1, force_n.tolist(), at, p.WORLD_FRAME, physicsClientId=self.client)

    def settle(self, *, most_s: float = 2.0, speed_m_s: float = 0.01) -> bool:
        """Steps until nothing moves any more; False where something still does after `most_s`."""
        for _ in range(int(most_s * STEPS_PER_S / 12)):
            self.step(12)
            if all(self.speed_m_s(name) < speed_m_s for name in self._bodies):
                return True
        return False

    def save(self) -> SavedState:
        """Everything there is, to come back to. What follows, here and after each `restore`, is the same bit for bit.

        For that the world is built anew from what was saved (about 5 ms): the solver's memory of contacts ends here.
        """
        bodies = take(self.client)
        still = {p.getBodyUniqueId(i, physicsClientId=self.client) for i, b in enumerate(bodies) if not b.moves}
        state = SavedState(
            scene=self.scene,
            bodies=bodies,
            asleep=frozenset(n for n, b in self._bodies.items() if b.id in still and n not in self._placed),
            steps=self._steps,
            held=self._held,
            arm=self.arm.memory(),
            fixtures=self.fixtures.memory(),
            hidden=frozenset(self._hidden),
            away=frozenset(self._away),
            visitor=None if self._visitor is None else (self._visitor[0], self._pose(self._visitor[1])),
        )
        self.restore(state)
        return state

    def restore(self, state: SavedState) -> None:
        """The world as it was saved, whatever happened since, a reset included."""
        self._build(state.scene)
        if state.visitor is not None:
            self.visit(*state.visitor)
        self._hidden, self._away = set(state.hidden), set(state.away)
        put(self.client, state.bodies)
        self._sleep(state.asleep)
        self.fixtures.recall(state.fixtures)
        self.arm.recall(state.arm)
        self._steps, self._held = state.steps, state.held

    # Moving things without physics

    def set_pose(self, name: str, pose: Pose) -> None:
        """Puts an object there, at rest."""
        body = self.body(name)
        centre = pose @ body.centre_T_bottom.inverse()
        p.resetBasePositionAndOrientation(body.id, centre.xyz, centre.quat_xyzw, physicsClientId=self.client)
        p.resetBaseVelocity(body.id, [0, 0, 0], [0, 0, 0], physicsClientId=self.client)
        self._placed.add(name)
        self._hidden.discard(name)
        self._away.discard(name)
        self._wake()  # what stood on it must notice
        if self._held == name:
            self._held = None

    def free(self, name: str, pose: Pose, *, but: str = "") -> bool:
        """Whether an object would be inside nothing there, neither furniture nor a thing other than `but`."""
        body, ids = self.body(name), dict(self.fixtures.names) | {b.id: n for n, b in self._bodies.items()}
        before = p.getBasePositionAndOrientation(body.id, physicsClientId=self.client)
        centre = pose @ body.centre_T_bottom.inverse()
        p.resetBasePositionAndOrientation(body.id, centre.xyz, centre.quat_xyzw, physicsClientId=self.client)
        clear = not any(
            c[8] < -FREE_M
            for other, n in ids.items() if n not in (name, but)
            for c in p.getClosestPoints(body.id, other, 0.0, physicsClientId=self.client)
        )  # fmt: skip
        p.resetBasePositionAndOrientation(body.id, *before, physicsClientId=self.client)
        return clear

    def hide(self, name: str, *, for_a_while: bool = False) -> None:
        """Takes an object out of the world, until `set_pose` brings it back; for_a_while: whoever did it will."""
        place = self.names.index(self.body(name).spec.name)
        self.set_pose(name, Pose.from_xyz_yaw([*_ELSEWHERE_M[:2], _ELSEWHERE_M[2] + place]))
        self._hidden.add(name)
        if for_a_while:
            self._away.add(name)
        self._sleep([name])

    def hidden(self, name: str) -> bool:
        return self.body(name).spec.name in self._hidden

    def away(self, name: str) -> bool:
        """Hidden, and to be brought back."""
        return self.body(name).spec.name in self._away

    def visit(self, kind: VisitorKind, pose: Pose) -> None:
        """Somebody stands at `pose` (the middle of the underside) and can't be pushed away: in the way, and seen."""
        self.leave()
        self._visitor = (kind, make_body(self.client, VISITORS[kind], pose, visuals=self.gui))
        self._wake()

    def leave(self) -> None:
        """The visitor, if there is one, goes away."""
        if self._visitor is not None:
            p.removeBody(self._visitor[1].id, physicsClientId=self.client)
            self._visitor = None
            self._wake()

    def crowded(self, gap_m: float) -> bool:
        """Whether the visitor is nearer than gap_m to anything."""
        visitor = self.visitor
        bodies = (p.getBodyUniqueId(i, physicsClientId=self.client) for i in range(p.getNumBodies(self.client)))
        return visitor is not None and any(
            p.getClosestPoints(visitor.id, other, gap_m, physicsClientId=self.client)
            for other in bodies if other != visitor.id
        )  # fmt: skip

    @property
    def visitor(self) -> Body | None:
        """Who stands in the way, if anybody."""
        return None if self._visitor is None else self._visitor[1]

    def set_arm(self, q: Sequence[float] | Float, width_m: float) -> None:
        """Puts the arm there, at rest, with the fingers `width_m` apart."""
        self.arm.teleport(np.asarray(q, dtype=np.float64), width_m)

    def hold(self, name: str) -> None:
        """Puts an object between the fingers where the arm is now, as `pick` would hold it, and closes them on it."""
        body = self.body(name)
        if not body.graspable:
            raise ValueError(f"the hand can hold a block or a cylinder, not a {body.spec.kind} ({name!r})")
        tool = self.arm.tool()
        depth = min(GRASP_DEPTH_M, body.height_m / 2)
        top = tool.xyz + np.array([0.0, 0.0, depth])
        self.set_arm(self.arm.q, body.width_m)
        self.arm.grip(max(0.0, body.width_m - SQUEEZE_M))
        self.set_pose(name, Pose.from_xyz_yaw(top - np.array([0.0, 0.0, body.height_m]), tool.yaw_rad))
        self._held = name

    # Pictures

    def visuals(self) -> list[VisualPart]:
        """Table, robot and objects where they are now."""
        seen = [(FIRST_OBJECT_ID + i, b) for i, (n, b) in enumerate(self._bodies.items()) if n not in self._hidden]
        if self._visitor is not None:
            seen.append((FIRST_OBJECT_ID + len(self._bodies), self._visitor[1]))
        parts = [*self.fixtures.visuals(), *self.arm.visuals()]
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

    def close(self) -> None:
        """Gives the client back. May be called twice."""
        if self.client >= 0:
            p.disconnect(physicsClientId=self.client)
            self.client = -1

    def body(self, name: str) -> Body:
        """Raises KeyError for a name that is not in the scene."""
        if name not in self._bodies:
            raise KeyError(f"no object {name!r} in this scene; there is {', '.join(self._bodies) or 'nothing'}")
        return self._bodies[name]

    def _wake(self) -> None:
        for name, body in self._bodies.items():
            if name not in self._hidden:
                self._set_activation(body.id, p.ACTIVATION_STATE_WAKE_UP)

    def _set_activation(self, body: int, state: int) -> None:
        p.changeDynamics(body, -1, activationState=state, physicsClientId=self.client)
