"""Whether `data validate` finds damage anywhere: a small dataset, cut off at random bytes, or with one byte changed.

    python benchmarks/bad_bytes.py [COUNT]        # 200 of each, over all files of the dataset, by their number

What is not found must be harmless: everything that a reader gets of the dataset is then compared, number by number.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from agent.episodes import (
    Camera,
    EpisodeReader,
    EpisodeWriter,
    Facts,
    Frame,
    Language,
    Layout,
    Question,
    Step,
    StepState,
    validate,
)
from agent.errors import UserError

LAYOUT = Layout(
    robot="panda", fps=10.0, cameras=(Camera(name="front", height=64, width=96),),
    state=("panda_joint1_rad", "gripper_width_m"), action=("panda_joint1_rad", "gripper_width_m"),
)  # fmt: skip
PLAN = "pick(red block @ 12 27)\nplace(in green bowl @ 40 60)\ndone()"


def picture(number: int) -> Any:
    rows, cols = np.mgrid[0:64, 0:96]
    return np.stack([(3 * rows + 5 * number) % 256, cols, rows + cols], axis=-1).astype(np.uint8)


def record(folder: Path) -> None:
    """Two episodes with looks, questions, words, numbers and pictures."""
    feeling = StepState(arm_q_rad=(0.1,) * 7, gripper_width_m=0.08, tool_xyz_m=(0.4, 0.0, 0.3), holding=False)
    asked = (Question(kind="q1", question="What is the color of the leftmost object?", answer="red"),)
    with EpisodeWriter(folder, LAYOUT) as writer:
        for seed in range(2):
            with writer.begin() as take:
                for i in range(12):
                    if i == 0:
                        seen = picture(i)
                        take.look(
                            Step(picture=partial(np.copy, seen), state=feeling, plan=PLAN, questions=asked), frame=i
                        )
                    words = Language(instruction="put it away", plan=PLAN, question=asked[0].question, answer="red")
                    numbers = np.array([0.01 * i, 0.08])
                    take.frame(
                        Frame(time_s=i / 10, state=numbers, action=numbers, language=words,
                              pictures={"front": picture(i)})
                    )  # fmt: skip
                writer.save(
                    take,
                    Facts(seed=seed, suite="tabletop", task="put", split="trained", instruction="put it away",
                          phrasing="put:0", expected="act", goal="in(red block, green bowl)",
                          objects=("red block", "green bowl"), success=True, planner="oracle", robot="panda"),
                )  # fmt: skip


def content(folder: Path) -> list[Any]:
    """All that a reader gets."""
    reader = EpisodeReader(folder)
    found: list[Any] = [vars(reader.datasets[0].layout), reader.datasets[0].tasks]
    for i in range(len(reader)):
        w = reader.window(i, 0, reader.length(i))
        found += [vars(reader.facts(i)), w.time_s.tolist(), w.state.tolist(), w.action.tolist(), w.language]
        found += [{name: p.tobytes() for name, p in w.pictures.items()}]
        found += [(s.plan, s.call, s.status, s.state, s.questions, s.rgb.tobytes()) for s in reader.steps(i)]
    return found


def main(count: int) -> None:
    top = Path(tempfile.mkdtemp(prefix="palmetto-bad-"))
    rng = np.random.default_rng(0)
    told: Counter[tuple[str, str]] = Counter()
    missed = []
    try:
        whole = top / "whole"
        record(whole)
        assert validate(whole) == []
        before = content(whole)
        files = [p.relative_to(whole) for p in sorted(whole.glob("**/*")) if p.is_file() and p.name != ".lock"]
        for number in range(2 * count):
            name = files[number // 2 % len(files)]
            bad = top / "bad"
            shutil.copytree(whole, bad)
            data = (whole / name).read_bytes()
            at = int(rng.integers(len(data)))
            if number % 2:
                changed = data[:at] + bytes([data[at] ^ int(rng.integers(1, 256))]) + data[at + 1 :]
                (bad / name).write_bytes(changed)
            else:
                os.truncate(bad / name, at)
            what = "changed" if number % 2 else "cut off"
            problems = validate(bad)
            named = [p for p in problems if name.name in str(p)]
            verdict = "found and named" if named else "found, elsewhere" if problems else "harmless"
            if not problems:
                try:
                    same = content(bad) == before
                except UserError:
                    same = False
                verdict = "harmless" if same else "missed"
            if verdict in ("missed", "found, elsewhere") or any("\n" in str(p) for p in problems):
                missed.append((name.as_posix(), what, at, [str(p)[:160] for p in problems]))
            told[what, verdict] += 1
            shutil.rmtree(bad)
    finally:
        shutil.rmtree(top)
    print(f"{len(files)} files\n\n| | found and named | harmless | found, elsewhere | missed |")
    print("| --- | --- | --- | --- | --- |")
    for what in ("cut off", "changed"):
        row = [told[what, v] for v in ("found and named", "harmless", "found, elsewhere", "missed")]
        print(f"| {what} at a random byte | " + " | ".join(map(str, row)) + " |")
    for case in missed:
        print(case)
    sys.exit(bool(missed))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
