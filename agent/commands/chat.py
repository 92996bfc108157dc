"""`chat`: sentence after sentence in one living scene."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

from agent.approval import Approval, at_the_terminal
from agent.artifacts import RunRecord
from agent.commands.run import act, begun, landed, recorded
from agent.errors import STATUS, Exit, UserError
from agent.executor import Bounds
from agent.policy.backends import Choice
from agent.sentence import clean_instruction
from agent.stage import PlannerSource, Stage
from robots.safety import SafetyConfig

HELP = "type what to do; `objects` lists what is there, `quit` ends"
QUIT = ("quit", "exit", "bye", "q")


def chat(
    *,
    record: RunRecord,
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
    """See conf/chat.yaml. Reads lines from the standard input; a bad line is answered and the next one read.

    result.json holds one entry a sentence under `turns`. What the hand holds and where things came from is remembered.
    """
    backends = policy.backends()
    with record.timed("scene"):
        stage = world(
            seed=record.seed, scene=scene, robot=robot, renderer=renderer, gui=gui, instruction="", goal=None,
            safety=safety,
        )  # fmt: skip
    approval = Approval(safety.approve, at_the_terminal)
    flight = None
    turns: list[dict[str, Any]] = []
    record.figures.update(turns=turns, objects=stage.names)
    try:
        flight = begun(record, stage, recording)
        with record.timed("planner"):
            mind = planner(stage)
        print(f"scene  seed {record.seed}: {', '.join(stage.names)}\n       {HELP}", flush=True)
        body = recorded(stage, flight)
        for line in lines():
            if line in QUIT:
                break
            if line in ("objects", "help"):
                print(f"       {', '.join(stage.names) if line == 'objects' else HELP}", flush=True)
                continue
            turn = RunRecord(command="chat", out=record.out, seed=record.seed)
            turn.figures["status"] = "interrupted"
            turns.append(turn.figures)
            prefix = f"{len(turns):02d}_"
            try:
                sentence = clean_instruction(line)
                code = act(
                    turn, stage, body, mind, sentence, goal=None, video=video, bounds=bounds, approval=approval,
                    flight=flight, prefix=prefix, backends=backends,
                )  # fmt: skip
            except UserError as e:
                print(f"what?  {e}", flush=True)
                turns.pop()
            else:
                turn.figures.update(status=STATUS[code], timings_s=turn.timings_s)
        if turns:
            print(f"files  {record.out}", flush=True)
        return Exit.DONE
    finally:
        landed(record, flight)
        stage.close()


def lines() -> Iterator[str]:
    """What is typed or piped in, stripped; with a prompt where somebody is looking."""
    while True:
        if sys.stdin.isatty():
            print("> ", end="", flush=True)
        line = sys.stdin.readline()
        if not line:
            return
        if line.strip():
            yield line.strip()
