"""What a command needs of a world to act in. `sim.stage` has one; `conf/` says which is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agent.executor import Event
from agent.plan import Planner
from robots.interface import Robot
from robots.primitives import Body
from robots.safety import Veto


class Witness(Protocol):
    """A listener that knows the ground truth: what the calls of an episode claim, and whether it holds."""

    def __call__(self, event: Event) -> None: ...

    def verdicts(self) -> tuple[tuple[str, bool], ...]:
        """The claims that stand at the end, as predicates, and whether each holds in the world now."""
        ...


class Stage(Protocol):
    """One scene with a robot in it."""

    @property
    def robot(self) -> Robot: ...

    @property
    def names(self) -> tuple[str, ...]:
        """The objects in the scene."""
        ...

    @property
    def renderer(self) -> str:
        """Which renderer draws the pictures."""
        ...

    def body(self, *, told: Callable[[Veto], None] | None = None) -> Body:
        """The robot for primitives to move, behind the safety kernel, whose vetoes `told` hears of, with the map that
        it is given, where it is given one."""
        ...

    def picture(self, side_px: int) -> NDArray[np.uint8]:
        """The front camera's present view, uint8[side_px,side_px,3]."""
        ...

    def check_goal(self, goal: str) -> None:
        """Raises a UserError if `goal` is no predicate over this scene."""
        ...

    def holds(self, goal: str) -> bool:
        """Whether a goal's predicate is true of the physics now."""
        ...

    def settle(self) -> None:
        """Let what still rolls come to rest."""
        ...

    def witness(self) -> Witness: ...

    def close(self) -> None: ...


PlannerSource = Callable[[Stage], Planner]
"""What `conf/planner/` names: a planner for a stage. Only the oracle looks at the stage."""
