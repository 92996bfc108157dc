"""One simulated tabletop: a PyBullet client of its own, a Panda, and named objects.

    world = World()
    world.reset(scene)
    world.step(240)
    world.pose("red block")        # of the middle of its underside
    state = world.save(); ...; world.restore(state)

`reset` builds everything anew (3 ms), so what happens after it does not depend on what happened before it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pybullet as p
from numpy.typing import NDArray

from agent.errors import RobotError
from robots.geometry import Pose
from robots.spec import RobotSpec, panda
from sim.arm import Arm
from sim.bodies import Body
from sim.camera import CameraSpec
from sim.mobile import MobileArm
from sim.objects import Objects
from sim.render import FIRST_OBJECT_ID, VisualPart
from sim.scenes import AnyScene, LensScene, ObjectSpec, StartScene
from sim.setting import Fixtures
from sim.snapshot import SavedState, put, take
from sim.visits import Visitor, VisitorKind

Float = NDArray[np.float64]

STEPS_PER_S = 240
SOLVER_ITERATIONS = 50
"""With 30 a cylinder that is held near its top swings up to 14 degrees in the fingers on the way; with 50, 0.6."""
GRASP_DEPTH_M = 0.021
"""How far below a thing's top `hold` puts the tool point; half its height where that is less."""
SQUEEZE_M = 0.02
"""How much narrower than the thing the fingers of `hold` are told to close."""
_ODOMETRY = 1
"""Which of a scene's generators the errors of a base's odometry come from."""


class World:
    """A table, a robot and a scene. `gui=True` opens PyBullet's window, where there is a display."""

    def __init__(self, *, spec: RobotSpec | None = None, gui: bool = False) -> None:
        self.spec = spec or panda()
        self.gui = gui
        self.client: int = p.connect(p.GUI if gui else p.DIRECT)
        if self.client < 0:
            raise RuntimeError("PyBullet opened no client" + ("; gui=true needs a display" if gui else ""))
        self._scene: AnyScene | None = None
        self._objects = Objects(self.client, (), visuals=gui)
        self._visitor = Visitor(self.client, visuals=gui)
        self._steps = 0
        self._held: str | None = None
        self.arm: Arm
        self.fixtures: Fixtures

    def reset(self, scene: AnyScene) -> None:
        """The scene as described, objects at rest where they stand, arm at home with an open hand, clock at 0."""
        self._build(scene)
        self._objects.sleep(o.spec.name for o in scene.objects if o.at_rest)
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
        self._objects = Objects(client, scene.objects, visuals=self.gui)
        self.fixtures.begin(self._objects.bodies)
        self._scene, self._steps, self._held = scene, 0, None
        self._pulls: dict[str, Float] = {}
        self._visitor = Visitor(client, visuals=self.gui)

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
        return tuple(self._objects.bodies)

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
        return self._objects.pose(self.body(name))

    def poses(self) -> dict[str, Pose]:
        return {name: self.pose(name) for name in self._objects.bodies}

    def speed_m_s(self, name: str) -> float:
        """Of its fastest part, about: |v| + |omega| times half its width."""
        return self._objects.speed_m_s(name)

    def touching(self, name: str) -> frozenset[str]:
        """The names of what it touched in the last step: objects, "table", "robot"."""
        named = self._objects.names_by_id() | {self.arm.body: "robot"} | dict(self.fixtures.names)
        contacts = p.getContactPoints(bodyA=self.body(name).id, physicsClientId=self.client)
        return frozenset(named[c[2]] for c in contacts if c[8] < 0.001)

    def held(self) -> str | None:
        """What both fingers press, or what `hold` put between them."""
        left, right = self.arm.finger_contacts()
        for name, body in self._objects.bodies.items():
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
        self._objects.placed.clear()
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
            if all(self.speed_m_s(name) < speed_m_s for name in self._objects.bodies):
                return True
        return False

    def save(self) -> SavedState:
        """Everything there is, to come back to. What follows, here and after each `restore`, is the same bit for bit.

        For that the world is built anew from what was saved (about 5 ms): the solver's memory of contacts ends here.
        """
        states, objects, visitor = take(self.client), self._objects, self._visitor
        still = {p.getBodyUniqueId(i, physicsClientId=self.client) for i, b in enumerate(states) if not b.moves}
        state = SavedState(
            scene=self.scene,
            bodies=states,
            asleep=frozenset(n for n, b in objects.bodies.items() if b.id in still and n not in objects.placed),
            steps=self._steps,
            held=self._held,
            arm=self.arm.memory(),
            fixtures=self.fixtures.memory(),
            hidden=frozenset(objects.hidden),
            away=frozenset(objects.away),
            visitor=None if visitor.body is None else (visitor.kind, objects.pose(visitor.body)),
        )
        self.restore(state)
        return state

    def restore(self, state: SavedState) -> None:
        """The world as it was saved, whatever happened since, a reset included."""
        self._build(state.scene)
        if state.visitor is not None:
            self.visit(*state.visitor)
        self._objects.hidden, self._objects.away = set(state.hidden), set(state.away)
        put(self.client, state.bodies)
        self._objects.sleep(state.asleep)
        self.fixtures.recall(state.fixtures)
        self.arm.recall(state.arm)
        self._steps, self._held = state.steps, state.held

    # Moving things without physics

    def set_pose(self, name: str, pose: Pose) -> None:
        """Puts an object there, at rest."""
        self._objects.put(name, pose)
        self._held = None if self._held == name else self._held

    def free(self, name: str, pose: Pose, *, but: str = "") -> bool:
        """Whether an object would be inside nothing there, neither furniture nor a thing other than `but`."""
        ids = dict(self.fixtures.names) | self._objects.names_by_id()
        return self._objects.free(name, pose, [i for i, n in ids.items() if n not in (name, but)])

    def hide(self, name: str, *, for_a_while: bool = False) -> None:
        """Takes an object out of the world, until `set_pose` brings it back; for_a_while: whoever did it will."""
        self._objects.hide(name, for_a_while=for_a_while)
        self._held = None if self._held == name else self._held

    def hidden(self, name: str) -> bool:
        return self.body(name).spec.name in self._objects.hidden

    def away(self, name: str) -> bool:
        """Hidden, and to be brought back."""
        return self.body(name).spec.name in self._objects.away

    def visit(self, kind: VisitorKind, pose: Pose) -> None:
        """Somebody stands at `pose` (the middle of the underside) and can't be pushed away: in the way, and seen."""
        self.leave()
        self._visitor.come(kind, pose)
        self._objects.wake()

    def leave(self) -> None:
        """The visitor, if there is one, goes away."""
        if self._visitor.body is not None:
            self._visitor.go()
            self._objects.wake()

    def crowded(self, gap_m: float) -> bool:
        """Whether the visitor is nearer than gap_m to anything."""
        return self._visitor.crowded(gap_m)

    @property
    def visitor(self) -> Body | None:
        """Who stands in the way, if anybody."""
        return self._visitor.body

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
        parts = [*self.fixtures.visuals(), *self.arm.visuals(), *self._objects.visuals(self._visitor.body)]
        scene: object = self._scene
        if isinstance(scene, LensScene) and isinstance(self.arm, MobileArm):
            parts += scene.worn(self.arm)
        return parts

    def close(self) -> None:
        """Gives the client back. May be called twice."""
        if self.client >= 0:
            p.disconnect(physicsClientId=self.client)
            self.client = -1

    def body(self, name: str) -> Body:
        """Raises KeyError for a name that is not in the scene."""
        return self._objects.body(name)
