"""One scene with a robot in it, as the commands use it (`agent.stage.Stage`); what `conf/` names in the simulation."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from agent.errors import UserError, listed, one_of
from agent.plan import Planner
from agent.stage import Witness
from agent.watched import WatchedRobot
from robots.interface import Robot
from robots.primitives import Body
from robots.safety import STANDARD, SafeRobot, SafetyConfig, Veto
from robots.spec import RobotSpec
from robots.spec import panda as panda_spec
from sim.claims import Claims
from sim.follow import Follower
from sim.goals import GoalError, bind, parse_goal
from sim.lexicon import Reference, canonical
from sim.mentions import mentioned
from sim.mobile import MobileArm
from sim.naming import SceneError, read_names
from sim.predicates import evaluate
from sim.render import Opened, RendererUnavailable, draws_textures, open_renderer
from sim.robot import SimRobot
from sim.room import rooms
from sim.scenes import MAX_OBJECTS, MappedScene, Scene, named, sample_scene, sample_specs, scene_from_names
from sim.suites import fits_place, own_robot
from sim.task import Drawn, Task
from sim.tasks.base import Instance
from sim.teacher import ReadingOracle, plain_program
from sim.world import World

RENDERERS = ("auto", "gl", "tiny")


class Choice(Protocol):
    """What `conf/scene/` names: a sort of scene, drawn for a seed and what somebody typed."""

    def reset(self, robot: SimRobot, seed: int, sentence: str) -> None:
        """The robot into the scene for a sentence; "" for any scene. Raises UserError where there is none."""
        ...

    def robot(self) -> RobotSpec: ...

    def stage(self, robot: SimRobot, opened: Opened, goal: str | None) -> SimStage: ...


@dataclass(frozen=True, kw_only=True)
class SceneChoice:
    """What stands on the table. objects: names as people say them, or None for what the sentence names and, beside it,
    `distractors` other things."""

    objects: list[str] | None = None
    distractors: int = 3

    def draw(self, seed: int, sentence: str) -> Scene:
        """The scene for a sentence; "" for any scene."""
        if not 0 <= self.distractors <= MAX_OBJECTS:
            raise UserError(f"scene.distractors={self.distractors} does not fit: give 0 to {MAX_OBJECTS}")
        try:
            if self.objects is not None:
                return scene_from_names(listed("scene.objects", self.objects) or (), seed)
            return scene_for(sentence, seed, self.distractors)
        except SceneError as e:
            raise UserError(f"no such scene: {e}") from e

    def reset(self, robot: SimRobot, seed: int, sentence: str) -> None:
        """The robot into that scene."""
        robot.reset(self.draw(seed, sentence))

    def robot(self) -> RobotSpec:
        """What `robot=suite` is."""
        return panda()

    def stage(self, robot: SimRobot, opened: Opened, goal: str | None) -> SimStage:
        """A stage for this sort of scene."""
        return SimStage(robot, opened, goal=goal)


def scene_for(sentence: str, seed: int, distractors: int) -> Scene:
    """A scene that has what the sentence names, and others that nobody could take for it."""
    rng = np.random.default_rng(seed)
    names = mentioned(sentence)
    if not names:
        return sample_scene(rng, n_objects=5, seed=seed)
    said = [canonical(n) for n in names]
    things = read_names(rng, names)
    drawn = sample_specs(rng, MAX_OBJECTS)
    others = [(s.kind, s.colour, s.size) for s in drawn if not any(_fits(r, s.size, s.colour, s.kind) for r in said)]
    room = min(distractors, MAX_OBJECTS - len(things))
    specs = named([*things, *others[:room]])
    return sample_scene(rng, objects=specs, seed=seed, room=rooms(plain_program(sentence, specs)))


def _fits(said: Reference, size: str, colour: str, kind: str) -> bool:
    # Without the size too: beside "the red block" a small and a large one would be two.
    return Reference(None, said.colour, said.kind).fits(size, colour, kind)


def panda() -> RobotSpec:
    """What `robot=panda` stands for."""
    return panda_spec()


class SimStage:
    """A living scene. See `agent.stage.Stage`."""

    def __init__(
        self,
        robot: SimRobot,
        renderer: Opened,
        *,
        goal: str | None = None,
        task: Task[Any] | None = None,
        drawn: Drawn[Any] | None = None,
    ) -> None:
        self.sim_robot = robot
        self.world = robot.world
        self.renderer = renderer.reason
        self.goal = goal
        self.task, self.drawn = task, drawn
        self.safety: SafetyConfig = STANDARD
        self._follower: Follower | None = None
        # In a window people want to watch: at the pace of the clock on the wall.
        self.robot: Robot = WatchedRobot(robot, time.sleep) if robot.world.gui else robot

    @property
    def names(self) -> tuple[str, ...]:
        return self.world.names

    @property
    def instance(self) -> Instance | None:
        """The tabletop instance that stands here, where it is one."""
        instance = getattr(self.drawn.meaning, "instance", None) if self.drawn is not None else None
        return instance if isinstance(instance, Instance) else None

    def body(self, robot: Robot | None = None, *, told: Callable[[Veto], None] | None = None) -> Body:
        """What primitives move: this robot, or `robot` in its place, behind the safety kernel, with the map that the
        scene gives."""
        scene, moved = self.world.scene, robot or self.robot
        if self.task is not None and self.drawn is not None:
            moved = self.task.around(moved, self.world, self.drawn)
        try:
            safe = SafeRobot(moved, self.safety, told=told)
        except ValueError as e:
            raise UserError(str(e)) from e
        if isinstance(scene, MappedScene):
            room = scene.told()
            safe.mapped(room)
            return Body(robot=safe, map=room, ajar=dict(scene.ajar()))
        return Body(robot=safe)

    def picture(self, side_px: int) -> NDArray[np.uint8]:
        """What people are shown, uint8[side_px,side_px,3]."""
        room = getattr(self.world.scene, "room", None)
        if isinstance(self.world.arm, MobileArm) and room is not None:
            self._follower = self._follower or Follower(room)
            camera = self._follower.camera(self.world).with_size(side_px, side_px)
        else:
            camera = self.world.camera.with_size(side_px, side_px)
        return self.sim_robot.renderer.render(self.world.visuals(), camera, self.world.scene.lights).rgb

    def check_goal(self, goal: str) -> None:
        try:
            bind(parse_goal(goal), self.world.scene.specs)
        except GoalError as e:
            raise UserError(f"goal={goal!r} can't be judged: {e}") from e

    def holds(self, goal: str) -> bool:
        return evaluate(self.world, goal)

    def settle(self) -> None:
        self.world.settle()

    def witness(self) -> Witness:
        return Claims(self.world, self.holds)

    def reader(self) -> Planner:
        """The teacher for whoever types a sentence."""
        return ReadingOracle(self.sim_robot, self.goal)

    def close(self) -> None:
        self.sim_robot.close()


def open_stage(
    *,
    seed: int,
    scene: Choice,
    robot: Callable[[], RobotSpec],
    renderer: Literal["auto", "gl", "tiny"] = "auto",
    gui: bool = False,
    instruction: str = "",
    goal: str | None = None,
    safety: SafetyConfig = STANDARD,
) -> SimStage:
    """A world with the scene that seed and choice give, at rest."""
    if renderer not in RENDERERS:
        raise one_of("renderer", renderer, RENDERERS)
    if not 0 <= seed < 2**63:
        raise UserError(f"a seed is a whole number from 0 on, not {seed!r}")
    if gui:
        need_display()
    try:
        opened = open_renderer(renderer)
    except RendererUnavailable as e:
        raise UserError(f"renderer=gl does not work here: {' '.join(str(e).split())}; use renderer=tiny") from e
    spec = scene.robot() if getattr(robot, "func", robot) is own_robot else robot()
    fits_place(spec, scene.robot(), "this scene")
    sim_robot = SimRobot(World(spec=spec, gui=gui), opened.renderer)
    stage = scene.stage(sim_robot, opened, goal)
    stage.safety = safety
    scene.reset(sim_robot, seed, instruction)
    if goal is not None:
        stage.check_goal(goal)
    return stage


def need_display() -> None:
    """PyBullet ends the whole process where it finds no display; so look first."""
    display = os.environ.get("DISPLAY", "")
    local = display.startswith(":")
    number = display[1:].split(".")[0]
    if os.name == "posix" and (not display or (local and not Path(f"/tmp/.X11-unix/X{number}").exists())):
        raise UserError(f"gui=true needs a display, and DISPLAY is {display!r}; leave gui out, or log in with one")


def check_simulator() -> tuple[bool, str, str]:
    """For `doctor`: whether a scene can be built and stepped."""
    world = World()
    try:
        world.reset(scene_for("", 0, 0))
        start = time.perf_counter()
        world.step(240)
        return True, f"PyBullet, {240 / (time.perf_counter() - start):.0f} steps a second", ""
    finally:
        world.close()


def check_renderer() -> tuple[bool, str, str]:
    """For `doctor`: which renderer `auto` takes, and why, and whether it draws textures. The slow one is fine too."""
    opened = open_renderer("auto")
    try:
        textured = draws_textures(opened.renderer)
    finally:
        opened.renderer.close()
    slow = opened.renderer.name != "gl"
    able = f"{'textures' if textured else 'no textures'}, {'no shadows' if slow else 'soft shadows'}"
    remedy = "for a faster one: apt-get install libegl1 libgl1-mesa-dri" if slow or not textured else ""
    return textured, f"{opened.reason}; {able}", remedy


def oracle(stage: SimStage) -> Planner:
    """What `planner=oracle` stands for: the teacher, told the task or goal, or reading the sentence if it can."""
    if stage.task is not None and stage.drawn is not None:
        return stage.task.teacher(stage.sim_robot, stage.drawn)
    return stage.reader()
