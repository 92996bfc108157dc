"""Suites: named tuples of tasks, each with the robot that it was made for; and task files of people's own.

find_suite("board")               one that ships
find_suite("path/to/my_task.py")  a file with a TASK, as docs/new_task.md shows
"""

from __future__ import annotations

import importlib
import runpy
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from agent.errors import PalmettoError, RobotError, UserError, one_of
from agent.plan import PrimitiveCall, PrimitiveResult
from robots.spec import RobotSpec
from sim.naming import SceneError
from sim.task import Drawn, Split, Task, TaskError
from sim.world import World

MODULES = {
    "tabletop": "sim.tasks.tabletop",
    "tamp": "sim.tamp.suite",
    "board": "sim.board.suite",
    "kitchen": "sim.errands.suite",
}
"""Where each suite's SUITE is; imported when it is asked for."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Suite:
    """Tasks that belong together. robot: what `robot=suite` is for them. scenes: what they are set in, in words."""

    name: str
    tasks: tuple[Task[Any], ...]
    robot: Callable[[], RobotSpec]
    scenes: str

    def task(self, name: str) -> Task[Any]:
        """The task of that name.

        Raises:
            UserError: there is none.
        """
        for task in self.tasks:
            if task.name == name:
                return task
        raise one_of(f"task in {self.name}", name, [t.name for t in self.tasks])


@lru_cache(maxsize=16)
def find_suite(name: str) -> Suite:
    """A suite by its name, or the suite of one task that a file of Python holds.

    Raises:
        UserError: there is no such suite, or the file is no task file.
    """
    if name in MODULES:
        found: Suite = importlib.import_module(MODULES[name]).SUITE
        return found
    if name.endswith(".py"):
        return task_file(Path(name))
    raise one_of("suite", name, [*MODULES, "or a task file, such as my_task.py"])


def task_file(path: Path) -> Suite:
    """The suite of a task file: a module with TASK, a `sim.task.Task`, and perhaps ROBOT.

    Raises:
        UserError: in one line, what is wrong with the file, and where.
    """
    from sim.stage import panda

    path = path.expanduser()
    if not path.is_file():
        raise UserError(f"suite={path}: there is no such file")
    try:
        content = runpy.run_path(str(path))
    except (Exception, SystemExit) as e:
        raise UserError(f"suite={path}{_line(e, path)}: {type(e).__name__}: {e}") from e
    task = content.get("TASK")
    if isinstance(task, type) and issubclass(task, Task):
        raise UserError(f"suite={path}: TASK is the class {task.__name__}; write TASK = {task.__name__}()")
    if not isinstance(task, Task):
        given = "no TASK" if task is None else f"a TASK that is {type(task).__name__}"
        raise UserError(f"suite={path}: {given}; a task file ends with TASK = MyTask(), see docs/new_task.md")
    if not isinstance(getattr(task, "name", None), str) or not task.name:
        raise UserError(f"suite={path}: the task has no name; give its class name = '...'")
    robot = content.get("ROBOT", panda)
    return Suite(name=str(path), tasks=(FileTask(task, path),), robot=robot, scenes="of its own")


class FileTask(Task[Any]):
    """A task out of somebody's file: whatever goes wrong in it is one line that says where."""

    def __init__(self, task: Task[Any], path: Path) -> None:
        self._task, self._path = task, path
        self.name, self.splits, self.declines = task.name, task.splits, task.declines

    def draw(self, rng: np.random.Generator, split: Split, seed: int) -> Drawn[Any]:
        drawn: object = self._told("draw", lambda: self._task.draw(rng, split, seed))
        if not isinstance(drawn, Drawn):
            raise TaskError(f"{self._path}: draw gave {type(drawn).__name__}, not a Drawn")
        return drawn

    def judge(self, world: World, drawn: Drawn[Any]) -> Any:
        return self._told("judge", lambda: self._task.judge(world, drawn))

    def remaining(self, world: World, drawn: Drawn[Any], done: Sequence[PrimitiveResult]) -> Sequence[PrimitiveCall]:
        calls: Sequence[PrimitiveCall] = self._told("remaining", lambda: self._task.remaining(world, drawn, done))
        return calls

    def here(self, rng: np.random.Generator, split: Split, world: World) -> Drawn[Any] | None:
        drawn: Drawn[Any] | None = self._told("here", lambda: self._task.here(rng, split, world))
        return drawn

    def _told(self, what: str, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except (SceneError, PalmettoError):
            raise
        except Exception as e:
            raise TaskError(f"{self._path}{_line(e, self._path)}: {what} failed: {type(e).__name__}: {e}") from e


def _line(error: BaseException, path: Path) -> str:
    """ ", line 7": where in the file it happened."""
    if isinstance(error, SyntaxError):
        return f", line {error.lineno}"
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    return f", line {lines[-1]}" if lines else ""


def own_robot() -> RobotSpec:
    """What `robot=suite` is where no suite says otherwise: the Panda."""
    from sim.stage import panda

    return panda()


def suite_robot(suite: str, robot: Callable[[], RobotSpec]) -> Callable[[], RobotSpec]:
    """The robot that is wanted; for `robot=suite`, the one that the suite was made for.

    Raises:
        UserError: it drives where the suite needs one that stands, or the other way round, or it is blind.
    """
    own = find_suite(suite).robot
    if getattr(robot, "func", robot) is own_robot:
        return own
    fits_place(robot(), own(), f"suite={suite}")
    return robot


def fits_place(spec: RobotSpec, own: RobotSpec, place: str) -> None:
    """Raises UserError where a robot drives and `own`, which the place was made for, stands still, or the other way
    round, or it is blind where it sees by its own cameras."""
    drives = own.base is not None
    if (spec.base is not None) != drives:
        does, needs = ("stands still", "drives") if drives else ("drives", "stands at the table")
        raise UserError(f"robot={spec.name} {does}; {place} is for one that {needs}, such as {own.name}")
    if drives and not spec.cameras:
        raise RobotError(f"robot={spec.name} has no camera, and {place} is seen by the robot's own")
