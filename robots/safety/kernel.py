"""A robot that can't be made to do harm by whoever commands it: limits, vetoes, watchdogs and an emergency stop.

    robot = SafeRobot(driver)                      # the Robot protocol again
    robot = SafeRobot(driver, SafetyConfig(people_m_s=0.2), clock=time.monotonic)

Each command is carried one control period ahead, and from there to rest. Only if all of that keeps the limits and is
clear of collisions is it sent; else the robot takes the next step of the way to rest that was found clear a period
ago. So from every moment on a way to rest is known that keeps velocity, acceleration and jerk and meets nothing: the
fail-safe trajectories of Pek and Althoff (IEEE Trans. Robotics 2021, section III), with braking as the fail-safe.

A command that is within all limits goes through untouched, to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from threading import RLock
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from robots.interface import Command, Observation, Robot, RobotState
from robots.places import RoomMap
from robots.planning.obstacles import Box, Obstacle
from robots.safety.config import STANDARD, SafetyConfig
from robots.safety.reasons import Reason, SafetyStop, Veto
from robots.safety.shaping import Shaper, Step
from robots.safety.watch import Watch, unfit
from robots.spec import RobotSpec

Float = NDArray[np.float64]
T = TypeVar("T")

HISTORY = 256
"""Vetoes that are kept."""
GONE = (OSError, EOFError)
"""What a driver raises whose robot is not there any more; a timeout and a broken pipe are among them."""
LOOK_EVERY = 6
"""Commands between two looks at where the joints really are."""
MOVED = 0.1
"""rad or m: at rest, so far from where it was sent, the robot has been put there by somebody else."""


class SafeRobot:
    """`robot` behind the kernel.

    clock: seconds, never backwards; by default the time that was waited, which is a simulator's own. told: hears of
    each veto. Raises SafetyStop from `send`, `wait`, `observe` and `state` once a fault has stopped the robot: nothing
    more is done until `clear()`, or `release(by)` after an emergency stop.

    Raises:
        ValueError: the robot can't come to rest within `config.stop_s`.
    """

    def __init__(
        self,
        robot: Robot,
        config: SafetyConfig = STANDARD,
        clock: Callable[[], float] | None = None,
        *,
        told: Callable[[Veto], None] | None = None,
    ) -> None:
        self.config, self._robot, self._told = config, robot, told
        self._lock = RLock()
        self._waited_s = 0.0
        self._clock = clock or (lambda: self._waited_s)
        self._shape = Shaper(robot.spec, config)
        self._h = robot.spec.period_s
        if (slowest := self._shape.brakes.slowest_s()) > config.stop_s - 2 * self._h:
            raise ValueError(
                f"{robot.spec.name} takes {slowest:.2f} s to come to rest: safety.stop_s={config.stop_s} is too short"
            )
        self._watch = Watch(config, self._h)
        self.vetoes: list[Veto] = []
        self.fault: Veto | None = None
        self._pressed: Veto | None = None
        self._sends, self._braking = 0, False
        self._start(robot.state())

    # The protocol

    @property
    def spec(self) -> RobotSpec:
        return self._robot.spec

    @property
    def time_s(self) -> float:
        """The kernel's clock."""
        return self._clock()

    def observe(self) -> Observation:
        return self._looked(self._robot.observe)

    def latest(self) -> Observation:
        """The newest there is, of a robot that knows a difference (`Ros2Robot.latest`)."""
        return self._looked(getattr(self._robot, "latest", self._robot.observe))

    def _looked(self, look: Callable[[], Observation]) -> Observation:
        with self._lock:
            self._stopped()
            seen = self._asked(look)
            if wrong := unfit(seen.state) or self._watch.numbers(seen):
                self._fail(Reason.BAD_OBSERVATION, wrong)
            if odd := self._watch.age(seen.time_s, self._clock(), moving=not self._shape.now.rests):
                self._fail(*odd)
            return seen

    def state(self) -> RobotState:
        with self._lock:
            self._stopped()
            return self._state()

    def send(self, command: Command) -> Command:
        with self._lock:
            self._stopped()
            now_s = self._clock()
            if odd := self._watch.tick(now_s):
                self._fail(*odd)
            self._sends += 1
            if self._sends % LOOK_EVERY == 0 or self._shape.now.rests:
                self._look(now_s)
            wish = self._shape.each.checked(command)
            if not self._shape.each.finite(command):
                self._veto(Reason.NOT_FINITE, "")
                wish, command = Command(), Command()
            return self._step(wish, command, now_s)

    def wait(self, seconds: float) -> None:
        """A robot that is told nothing for longer than a period brakes meanwhile."""
        if not np.isfinite(seconds) or seconds < 0:
            self._robot.wait(seconds)  # which says what is wrong with that
            return
        left = seconds
        while left > 1e-9:
            moving = not self._shape.now.rests or self._pressed is not None
            now = min(left, self._h) if moving else left
            self._let_pass(now)
            left -= now
            if left > 1e-9 and not self._shape.now.rests:
                with self._lock:
                    self._brake_in_turn()
        if self._pressed is not None:
            with self._lock:
                self._stopped()

    def stop(self) -> None:
        """Brakes within the limits; returns when the robot stands."""
        with self._lock:
            self._to_rest()
            self._robot.stop()

    def close(self) -> None:
        self._robot.close()

    # What stands around

    def surround(
        self, obstacles: Sequence[Obstacle], *, lower_m: Float, upper_m: Float, margin_m: float | None = None
    ) -> None:
        """Obstacles in the world, within the box float64[3] m, from now on; none: nothing is known to stand there.
        margin_m: how far to keep from them, by default `config.margin_m`."""
        margin_m = self.config.margin_m if margin_m is None else margin_m
        with self._lock:
            self._shape.clear.surround(obstacles, lower_m=lower_m, upper_m=upper_m, margin_m=margin_m)

    def mapped(self, room: RoomMap, *, upper_m: float = 2.2) -> None:
        """Walls and furniture of a map that never move, as obstacles up to a height. What opens is left out: to open
        it is to touch it."""
        boxes = [Box(pose=s.pose, half_m=s.half_m, name=s.name) for s in room.solids if not s.part]
        x, y, far_x, far_y = room.area_m
        lower, upper = np.array([x - 0.5, y - 0.5, -0.1]), np.array([far_x + 0.5, far_y + 0.5, upper_m])
        self.surround(boxes, lower_m=lower, upper_m=upper, margin_m=self.config.map_margin_m)

    def people(self, where: Callable[[], Float] | None) -> None:
        """Who tells where people are now: float64[N,2] m in the world."""
        self._shape.people = where

    # Faults

    def emergency_stop(self, reason: str) -> None:
        """Stops the robot until somebody lets it go. From any thread: the next command, wait or tick brakes."""
        self._pressed = Veto(reason=Reason.EMERGENCY_STOP, detail=reason, time_s=self._clock())

    def release(self, by: str) -> None:
        """A person, `by` name, lets the robot go on after an emergency stop.

        Raises:
            ValueError: nobody's name was given, or the robot still moves.
        """
        if not by.strip():
            raise ValueError("an emergency stop is released by a person: release(by=NAME)")
        with self._lock:
            if not self._shape.now.rests:
                raise ValueError("the robot still moves; release it when it stands")
            self._pressed = None
            if self.fault is not None and self.fault.reason is Reason.EMERGENCY_STOP:
                self.fault = None

    def clear(self) -> None:
        """Lets the robot go on after any other fault, from where it now says that it stands."""
        with self._lock:
            if self.fault is None or self.fault.reason is Reason.EMERGENCY_STOP:
                return
            try:
                state = self._robot.state()
            except GONE:
                return  # it stays as it is: there is nothing to go on with
            if not unfit(state):
                self.fault = None
                self._watch = Watch(self.config, self._h)
                self._start(state)

    def recover(self, veto: Veto) -> bool:
        """Whether it may go on after that without anybody's word, and does: only after an old observation, where the
        next one will be new."""
        if veto.reason is not Reason.STALE:
            return False
        self.clear()
        return self.fault is None

    def tick(self) -> None:
        """For a thread that keeps time beside whoever commands (`robots.safety.watch.watching`), once a period: brakes
        a robot that has heard nothing for `deadline_s`, and one whose emergency stop was pressed."""
        with self._lock:
            late = self._clock() - self._stepped_s > self.config.deadline_s
            gone = self.fault is not None and self.fault.reason is Reason.LOST
            if gone or self._shape.now.rests or not (late or self._pressed is not None or self.fault is not None):
                return
            if late and not self._braking:
                self._veto(Reason.LATE, f"nothing for {self._clock() - self._stepped_s:.2f} s")
                self._braking = True
            with suppress(SafetyStop):  # it is written down; whoever commands next is told
                self._brake_in_turn()

    # Inside

    def _start(self, state: RobotState) -> None:
        self._shape.begin(state)
        self._sent: Command | None = None
        self._later: float | None = None
        self._taken = self._shape.moves_nothing
        """The coordinates that had a command in this period."""
        self._stepped_s = self._braked_s = self._clock()
        self._braking = False

    def _step(self, wish: Command, command: Command, now_s: float) -> Command:
        """One command, as it may be sent."""
        again = now_s - self._stepped_s < 0.5 * self._h and self._sent is not None
        idle = self._taken if again else self._shape.moves_nothing
        if again and self._sent is not None:
            # One step a period for each part: a faster stream would be one of steps too small to be limited.
            self._later = command.gripper_width_m if command.gripper_width_m is not None else self._later
            command = self._shape.each.without(command, idle)
            if not self._shape.each.given(command).any():
                return self._sent
            wish = command
        elif command.gripper_width_m is None and self._later is not None:
            command, wish = replace(command, gripper_width_m=self._later), replace(wish, gripper_width_m=self._later)
        self._later = self._later if again else None
        step = self._shape.step(wish, command, idle)
        if step.held is not None:
            self._veto(*step.held)
        sent = self._send(step)
        self._taken = self._shape.each.given(sent) | idle
        self._stepped_s, self._braking, self._sent = now_s, False, sent
        return sent

    def _send(self, step: Step) -> Command:
        sent = self._asked(lambda: self._robot.send(step.out))
        self._shape.took(step, sent)
        return sent

    def _look(self, now_s: float) -> None:
        """Compares where the joints are with where they were sent."""
        state = self._state()
        off = float(np.abs(state.arm_q - self._shape.now.q[: self.spec.dof]).max())
        if self._shape.now.rests and off > MOVED:
            self._start(state)
        if self.spec.base is not None:
            self._shape.pose = state.world_T_base
        if odd := self._watch.follows(state.arm_q, self._shape.now.q[: self.spec.dof], now_s):
            self._fail(*odd)

    def _state(self) -> RobotState:
        state = self._asked(self._robot.state)
        if wrong := unfit(state):
            self._fail(Reason.BAD_OBSERVATION, wrong)
        return state

    def _asked(self, question: Callable[[], T]) -> T:
        """What the driver answers; one that can't any more is a fault."""
        try:
            return question()
        except GONE as e:
            if self.fault is not None:
                raise SafetyStop(self.fault) from e
            self.fault = self._veto(Reason.LOST, f"{type(e).__name__}: {e}")
            self._to_rest()
            raise SafetyStop(self.fault) from e

    def _let_pass(self, seconds: float) -> None:
        try:
            self._robot.wait(seconds)
        except GONE as e:
            self.fault = self.fault or self._veto(Reason.LOST, f"{type(e).__name__}: {e}")
            raise SafetyStop(self.fault) from e
        self._waited_s += seconds

    def _brake_in_turn(self) -> None:
        """The next step of the way to rest, where a period has passed since the last one, whoever made that."""
        if self._clock() - self._braked_s > 0.9 * self._h:
            self._brake_once()

    def _brake_once(self) -> None:
        """The next step of the way to rest."""
        if self._shape.now.rests:
            return
        self._braked_s, self._sent = self._clock(), None
        self._send(self._shape.braking())
        self._shape.forget_wish()

    def _to_rest(self) -> None:
        for _ in range(int(self.config.stop_s / self._h) + 1):
            if self._shape.now.rests:
                return
            try:
                self._brake_once()
                self._let_pass(self._h)
            except SafetyStop:
                return  # nobody is there to be told; its drives have limits of their own

    def _fail(self, reason: Reason, detail: str) -> None:
        """A fault: to rest, then SafetyStop."""
        if self.fault is None:
            self.fault = self._veto(reason, detail)
        self._to_rest()
        raise SafetyStop(self.fault)

    def _stopped(self) -> None:
        """Raises SafetyStop where a fault or an emergency stop holds the robot."""
        if self._pressed is not None and (self.fault is None or self.fault.reason is not Reason.EMERGENCY_STOP):
            self.fault = self._note(self._pressed)
        if self.fault is not None:
            self._to_rest()
            raise SafetyStop(self.fault)

    def _veto(self, reason: Reason, detail: str) -> Veto:
        return self._note(Veto(reason=reason, detail=detail, time_s=self._clock()))

    def _note(self, veto: Veto) -> Veto:
        self.vetoes.append(veto)
        del self.vetoes[:-HISTORY]
        if self._told is not None:
            self._told(veto)
        return veto
