"""`run`: one instruction in one scene."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from agent.approval import Approval, at_the_terminal
from agent.artifacts import RunRecord, versions, write_png, write_text
from agent.commands.screen import Screen
from agent.errors import Exit, UserError
from agent.executor import Bounds, EpisodeResult, Listener, Stop, run_episode
from agent.flight import FlightRecorder
from agent.perform import SCRIPTED, Backends
from agent.plan import Planner
from agent.policy.backends import Choice
from agent.sentence import clean_instruction
from agent.stage import PlannerSource, Stage
from agent.watched import WatchedRobot
from robots.primitives import Body
from robots.safety import SafetyConfig

PICTURE_PX = 448


def run(
    *,
    record: RunRecord,
    instruction: str | None,
    goal: str | None,
    renderer: str,
    gui: bool,
    video: bool,
    bounds: Bounds,
    scene: Any,
    robot: Any,
    planner: PlannerSource,
    policy: Choice,
    safety: SafetyConfig,
    recording: str | None,
    world: Callable[..., Stage],
) -> Exit:
    """See conf/run.yaml. Leaves plan.txt, before.png, after.png and, with `video`, episode.mp4."""
    if instruction is None:
        raise UserError('run what? give a sentence: palmetto "put the red block in the green bowl"')
    sentence = clean_instruction(instruction)
    backends = policy.backends()
    with record.timed("scene"):
        stage = world(
            seed=record.seed, scene=scene, robot=robot, renderer=renderer, gui=gui, instruction=sentence, goal=goal,
            safety=safety,
        )  # fmt: skip
    flight = None
    try:
        flight = begun(record, stage, recording)
        with record.timed("planner"):
            mind = planner(stage)
        print(f"scene  seed {record.seed}: {', '.join(stage.names)}", flush=True)
        code = act(
            record, stage, recorded(stage, flight), mind, sentence, goal=goal, video=video, bounds=bounds,
            approval=Approval(safety.approve, at_the_terminal), flight=flight, backends=backends,
        )  # fmt: skip
        print(f"files  {record.out}", flush=True)
        return code
    finally:
        landed(record, flight)
        stage.close()


def begun(record: RunRecord, stage: Stage, recording: str | None) -> FlightRecorder | None:
    """The flight recorder, where one is wanted."""
    if recording is None:
        return None
    about = {"command": record.command, "words": list(record.words), "robot": stage.robot.spec.name,
             "versions": versions()}  # fmt: skip
    return FlightRecorder(Path(recording), about)


def recorded(stage: Stage, flight: FlightRecorder | None) -> Body:
    """What moves on the stage, recorded."""
    if flight is None:
        return stage.body()
    body = stage.body(told=flight.veto)
    body.robot = flight.around(body.robot)
    return body


def landed(record: RunRecord, flight: FlightRecorder | None) -> None:
    """Ends the record; its last hash goes into result.json, so that a record cut short can be told."""
    if flight is not None:
        head = flight.close()
        record.figures["recording"] = {"folder": flight.folder, "head": head, "dropped": dict(flight.dropped)}


def act(
    record: RunRecord,
    stage: Stage,
    body: Body,
    planner: Planner,
    instruction: str,
    *,
    goal: str | None,
    video: bool,
    bounds: Bounds,
    approval: Approval,
    flight: FlightRecorder | None = None,
    prefix: str = "",
    backends: Backends = SCRIPTED,
) -> Exit:
    """One instruction in a scene that stands; its files are `prefix`ed. Fills `record.figures`."""
    screen, witness = Screen(), stage.witness()
    listeners: list[Listener] = [screen, witness]
    if flight is not None:
        listeners.append(flight)
    own = body.robot
    film = None
    if video:
        from agent.recorder import Recorder

        film = Recorder(record.out / f"{prefix}episode.mp4", instruction, lambda: stage.picture(PICTURE_PX))
        listeners.append(film)
        body.robot = WatchedRobot(own, film.moved)
        film.still(0.5)
    before = stage.picture(PICTURE_PX)
    record.figures.update(
        instruction=instruction, objects=stage.names, renderer=stage.renderer, success=None, calls=screen.calls
    )
    try:
        with record.timed("episode"):
            result = run_episode(
                instruction, body, planner, bounds=bounds, listeners=listeners, approval=approval, backends=backends
            )
        stage.settle()
        if flight is not None:
            flight.note("settled", result.end_s)
        code = judge(record, stage, result, goal, witness.verdicts())
        if film is not None:
            film.still(1.5, summary(record, result))
    except UserError:
        if film is not None:
            film.discard()
        raise
    except KeyboardInterrupt:
        screen.stopped()
        raise
    finally:
        # A film of an interrupted episode is a whole file of what was done.
        if film is not None:
            with record.timed("video"):
                film.close()
            body.robot = own
        if screen.first_motion is not None:
            record.timings_s["to_first_motion"] = screen.first_motion - record.started
    write_png(record.out / f"{prefix}before.png", before)
    write_png(record.out / f"{prefix}after.png", stage.picture(PICTURE_PX))
    write_text(record.out / f"{prefix}plan.txt", "\n\n".join(screen.plans) + "\n")
    print(f"{result.stop.value:5}  {summary(record, result)} ({perf_counter() - record.started:.1f} s)", flush=True)
    return code


def judge(
    record: RunRecord, stage: Stage, result: EpisodeResult, goal: str | None, verdicts: tuple[tuple[str, bool], ...]
) -> Exit:
    """What the physics says: the goal where there is one, else what the plan's own calls claim."""
    declined = result.stop in (Stop.ASKED, Stop.REFUSED)
    record.figures.update(
        stop=result.stop,
        detail=result.detail,
        declined=result.declined or None,
        claims=[{"predicate": predicate, "holds": holds} for predicate, holds in verdicts],
        verified=None if declined else result.stop is Stop.DONE and bool(verdicts) and all(h for _, h in verdicts),
        goal=goal,
        success=None if goal is None else stage.holds(goal),
    )
    if declined:
        return Exit.DECLINED
    proven = record.figures["success"] if goal is not None else record.figures["verified"]
    return Exit.DONE if proven and result.stop is Stop.DONE else Exit.FAILED


def summary(record: RunRecord, result: EpisodeResult) -> str:
    """One line: the agent's words, or what was verified."""
    if result.declined:
        return result.declined
    parts = [result.detail] if result.detail else []
    if record.figures["success"] is not None:
        parts.append(f"{'success' if record.figures['success'] else 'no success'}: {record.figures['goal']}")
    elif record.figures["claims"]:
        claims = record.figures["claims"]
        said = ", ".join(c["predicate"] if c["holds"] else f"NOT {c['predicate']}" for c in claims)
        parts.append(
            f"{'verified in the physics' if all(c['holds'] for c in claims) else 'not so in the physics'}: {said}"
        )
    else:
        parts.append("nothing was moved")
    return "; ".join(parts)
