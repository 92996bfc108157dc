"""Which backend performs a verb: scripted, planned or learned. `conf/policy/` names them; `agent.perform` asks.

choice = Choice(pick="learned", push="planned")
run_episode(sentence, body, planner, backends=choice.backends())
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

from agent.errors import UserError, one_of
from agent.perform import Backend, Backends, scripted
from agent.plan import PrimitiveCall
from agent.verbs import Verb
from robots.planning.motion import MotionPlanner
from robots.primitives import Body, Outcome, Target

NAMES = ("scripted", "planned", "learned", "lerobot")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A backend for each verb. checkpoint: the policy behind `learned`, one that ships (flow, regression) or a folder;
    behind `lerobot`, the folder of one. device: what runs it. seed: of the noise that its motion flows from. fps: of
    the episodes that a policy of LeRobot's format was trained on.

    Raises:
        UserError: there is no such backend.
    """

    pick: str = "scripted"
    place: str = "scripted"
    push: str = "scripted"
    open: str = "scripted"
    close: str = "scripted"
    pull: str = "scripted"
    press: str = "scripted"
    checkpoint: str = "regression"
    device: str = "cpu"
    seed: int = 0
    fps: float = 5.0

    def __post_init__(self) -> None:
        for verb, name in self.by_verb.items():
            if name not in NAMES:
                raise one_of(f"policy.{verb.value}", name, NAMES)
        if not 0 < self.fps <= 60:
            raise UserError(f"policy.fps={self.fps} does not fit: give more than 0, at most 60")

    @property
    def by_verb(self) -> dict[Verb, str]:
        """What each verb is performed by."""
        names = {f.name for f in fields(self)}
        return {verb: str(getattr(self, verb.value)) for verb in Verb if verb.value in names}

    def backends(self) -> Backends:
        """Opened, once a process.

        Raises:
            UserError: the policy is not there, or damaged.
        """
        return _opened(self)


@lru_cache(maxsize=4)
def _opened(choice: Choice) -> Backends:
    found: dict[Verb, Backend] = {}
    wanted = choice.by_verb
    if not choice.checkpoint and {"learned", "lerobot"} & set(wanted.values()):
        raise UserError("which policy? give its folder: policy.checkpoint=DIR")
    if "learned" in wanted.values():
        from agent.onboard.manifest import BundleError
        from agent.policy.learned import Learned
        from agent.policy.runtime import PolicySession

        try:
            session = PolicySession.load(choice.checkpoint, device=choice.device)
        except BundleError as error:
            raise UserError(f"policy.checkpoint={choice.checkpoint}: {error}") from error
        learned = Learned(session=session, seed=choice.seed)
        found |= {verb: learned for verb, name in wanted.items() if name == "learned"}
    if "lerobot" in wanted.values():
        from agent.policy.lerobot import Lerobot, LerobotPolicy

        policy = LerobotPolicy.open(Path(choice.checkpoint).expanduser(), device=choice.device)
        others = Lerobot(policy=policy, seed=choice.seed, fps=choice.fps)
        found |= {verb: others for verb, name in wanted.items() if name == "lerobot"}
    return found | {verb: Planned() for verb, name in wanted.items() if name == "planned"}


class Planned:
    """The scripted way with every approach searched for in the arm's joints (RRT-Connect) instead of along a straight
    line of the tool where that is free. For a robot that stands: one that drives plans all that it does."""

    def serves(self, call: PrimitiveCall, body: Body) -> bool:
        return body.robot.spec.base is None

    def perform(self, call: PrimitiveCall, body: Body, targets: list[Target]) -> Outcome:
        own = body.planner
        body.planner = MotionPlanner(body.robot.spec, searches=True)
        try:
            return scripted(call, body, targets)
        finally:
            body.planner = own
