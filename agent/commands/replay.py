"""`replay`: a recorded deployment again, in simulation, and where it differs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from agent import config
from agent.artifacts import RunRecord
from agent.errors import Exit, UserError
from agent.flight import Entry, check, read
from agent.flight.seen import Sight
from agent.stage import Stage
from robots.interface import Command, Robot

KEPT = ("seed", "renderer", "robot", "scene", "instruction", "goal", "safety")
"""Options of the recorded command that its scene is made of; a recording has no say in anything else."""


def replay(*, record: RunRecord, recording: str | None, check_only: bool) -> Exit:
    """See conf/replay.yaml. Every command and wait of the recording, in the recorded scene; compares what is sent and
    what is seen with what was, and ends at the first difference."""
    if recording is None:
        raise UserError("replay what? give the folder of a recording: palmetto replay recording=DIR")
    folder = Path(recording)
    found = check(folder)
    record.figures.update(
        recording=folder, records=found.records, first=found.first, torn_bytes=found.torn_bytes, ended=found.ended,
        head=found.head,
    )  # fmt: skip
    if found.broken is not None:
        raise UserError(f"{folder} is not what was recorded: {found.broken}")
    end = "ended" if found.ended else f"broken off, {found.torn_bytes} bytes of a last record"
    print(f"chain  {found.records} records from number {found.first}, {end}: every hash fits", flush=True)
    if check_only:
        return Exit.DONE
    entries = list(read(folder))
    if found.first > 0:
        raise UserError(f"{folder} begins at record {found.first}: its oldest are gone, and a replay needs the first")
    stage = staged(entries[0].fields)
    try:
        steps, difference = again(stage, stage.body().robot, entries[1:])
    finally:
        stage.close()
    record.figures.update(steps=steps, same=difference is None, difference=difference)
    if difference is None:
        print(f"same   {steps} commands and observations came out the same, bit for bit", flush=True)
        return Exit.DONE
    print(f"differs  record {difference['record']} at {difference['time_s']:.3f} s: {difference['what']}", flush=True)
    return Exit.FAILED


def staged(about: Mapping[str, Any]) -> Stage:
    """The scene that was recorded.

    Raises:
        UserError: it was not recorded in simulation, or by a command that this one does not know.
    """
    from hydra.utils import instantiate

    command, words = about.get("command"), about.get("words")
    if command not in ("run", "chat") or not isinstance(words, list):
        raise UserError("this was not recorded by run or chat: there is no scene to play it in")
    kept = [str(w) for w in words if str(w).partition("=")[0].partition(".")[0] in KEPT]
    options = config.options(config.split_raw(command, kept))
    wired = {key: options[key] for key in ("scene", "robot", "safety", "world")}
    built = instantiate(wired, _convert_="all")
    stage: Stage = built["world"](
        seed=options["seed"], scene=built["scene"], robot=built["robot"], renderer=options["renderer"],
        instruction=_sentence(options.get("instruction")), goal=options.get("goal"), safety=built["safety"],
    )  # fmt: skip
    return stage


def again(stage: Stage, robot: Robot, entries: Iterable[Entry]) -> tuple[int, dict[str, Any] | None]:
    """Does what was recorded; how many records were compared, and the first difference."""
    steps = 0
    for entry in entries:
        what = ""
        if entry.kind == "command":
            what = _sent(robot, entry.fields)
        elif entry.kind == "observation":
            what = _seen(robot, entry.fields)
        elif entry.kind == "wait":
            robot.wait(float(entry.fields["seconds"]))
        elif entry.kind == "stop":
            robot.stop()
        elif entry.kind == "settled":
            stage.settle()
        elif entry.kind == "dropped":
            what = f"the recorder had to leave out {dict(entry.fields['records'])}: what follows can't be compared"
        steps += entry.kind in ("command", "observation")
        if what:
            return steps, {"record": entry.number, "time_s": entry.time_s, "what": what}
    return steps, None


def _sent(robot: Robot, fields: Mapping[str, Any]) -> str:
    sent = robot.send(_command(fields["wish"]))
    recorded = _command(fields["sent"])
    for name in ("arm_q", "head_q", "base_twist", "gripper_width_m"):
        if difference := _apart(f"{name} as sent", getattr(recorded, name), getattr(sent, name)):
            return difference
    return ""


def _seen(robot: Robot, fields: Mapping[str, Any]) -> str:
    sight = Sight.of(robot.observe(), pictures=bool(fields["cameras"]))
    if sight.hash() == fields["hash"]:
        return ""
    for name, value in fields["state"].items():
        if difference := _apart(name, value, sight.state.get(name)):
            return difference
    return "the pictures" if fields["cameras"] else "the clock"


def _apart(name: str, recorded: object, now: object) -> str:
    """How two values differ, in words."""
    if recorded is None or now is None:
        return "" if recorded is now else f"{name}: {recorded} was recorded, now {now}"
    a, b = np.atleast_1d(np.asarray(recorded, dtype=np.float64)), np.atleast_1d(np.asarray(now, dtype=np.float64))
    if a.shape != b.shape:
        return f"{name}: {len(a)} numbers were recorded, now {len(b)}"
    if np.array_equal(a, b, equal_nan=True):
        return ""
    k = int(np.nanargmax(np.abs(a - b))) if np.isfinite(a - b).any() else 0
    return f"{name}[{k}]: {a[k]:.9g} was recorded, now {b[k]:.9g}"


def _command(fields: Mapping[str, Any]) -> Command:
    arrays = {k: np.array([float(v) for v in value]) for k, value in fields.items() if k != "gripper_width_m"}
    width = fields.get("gripper_width_m")
    return Command(**arrays, gripper_width_m=None if width is None else float(width))


def _sentence(text: object) -> str:
    from agent.sentence import clean_instruction

    return clean_instruction(str(text)) if text else ""
