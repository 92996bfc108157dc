"""The command `data`: what it does with a dataset, and what it says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from agent.artifacts import RunRecord, write_json
from agent.episodes.check import Expected, robot_named, validate
from agent.episodes.edit import chosen, copy, shares
from agent.episodes.page import write_page
from agent.episodes.reader import EpisodeReader
from agent.episodes.tally import Tally
from agent.episodes.writer import EpisodeWriter
from agent.errors import Exit, UserError, listed, one_of

ACTIONS = ("validate", "view", "replay", "stats", "filter", "split", "merge", "to_bag", "from_bag")
MOST_FPS = 1000.0
SHOWN = 20
"""Episodes of a page, and problems that are printed, where nobody says which."""

Replay = Callable[..., bool]
"""What `conf/data.yaml` wires in: episodes again in the simulation; whether all came out the same."""


def data(
    *,
    record: RunRecord,
    action: str | None,
    data: str | None,
    of: str | None,
    tasks: Sequence[str] | None,
    success: bool | None,
    seeds: str | int | None,
    episodes: str | int | None,
    parts: Sequence[float],
    fps: float,
    world: Replay,
) -> Exit:
    """See conf/data.yaml."""
    if action not in ACTIONS:
        raise one_of("action of data", action, ACTIONS)
    if not data:
        raise UserError(f"which dataset? palmetto data {action} data=DIR")
    folders = [Path(f).expanduser() for f in str(data).split(",")]
    record.figures.update(action=action, data=[str(f) for f in folders])
    if action == "validate":
        return _validate(folders, of)
    if action == "from_bag":
        return _from_bags(record, folders, fps)
    reader = EpisodeReader(*folders)
    which = chosen(
        reader, tasks=listed("tasks", tasks), success=success, seeds=None if seeds is None else str(seeds),
        episodes=None if episodes is None else str(episodes),
    )  # fmt: skip
    record.figures["episodes"] = len(which)
    if action == "view":
        return _view(record, reader, which, everything=episodes is not None)
    if action == "stats":
        return _stats(record, reader, which)
    if action == "replay":
        return Exit.DONE if world(record=record, reader=reader, which=which) else Exit.FAILED
    if action == "to_bag":
        from agent.episodes.bags import write_bag

        for index in which:
            write_bag(record.out / f"episode-{index:06d}", reader, index)
        print(f"{len(which)} bags in {record.out}", flush=True)
        return Exit.DONE
    if action == "split":
        for number, part in enumerate(shares(len(which), parts, record.seed or 0)):
            _write(reader, [which[i] for i in part], record.out / f"part{number}")
        return Exit.DONE
    if action == "merge" and len(folders) == 1 and reader.datasets[0].info.get("palmetto"):
        raise UserError("merge puts several datasets together: data=DIR,DIR out=DIR")
    _write(reader, which, record.out)
    return Exit.DONE


def _validate(folders: Sequence[Path], robot: str | None) -> Exit:
    expected = Expected.of(robot_named(robot)) if robot else None
    bad = []
    for folder in folders:
        problems = validate(folder, expected)
        if not problems:
            reader = EpisodeReader(folder)
            frames = sum(reader.length(i) for i in range(len(reader)))
            print(f"{folder}: {len(reader)} episodes, {frames} frames, all well", flush=True)
            continue
        bad.append((folder, problems))
        for problem in problems[:SHOWN] if len(problems) > 1 else ():
            print(f"{folder}: {problem}", flush=True)
        if len(problems) > SHOWN:
            print(f"{folder}: and {len(problems) - SHOWN} more", flush=True)
    if bad:
        folder, problems = bad[0]
        total = sum(len(p) for _, p in bad)
        raise UserError(f"{folder}: {problems[0]}" + (f" ({total} problems in all)" if total > 1 else ""))
    return Exit.DONE


def _view(record: RunRecord, reader: EpisodeReader, which: list[int], *, everything: bool) -> Exit:
    shown = which if everything else which[:SHOWN]
    path = record.out / "episodes.html"
    write_page(path, reader, shown)
    record.figures["page"] = str(path)
    left = len(which) - len(shown)
    more = f" ({left} more are not on it: choose with episodes=0:100)" if left else ""
    print(f"{len(shown)} episodes on {path}{more}", flush=True)
    return Exit.DONE


def _stats(record: RunRecord, reader: EpisodeReader, which: list[int]) -> Exit:
    layout = reader.datasets[0].layout
    for dataset in reader.datasets[1:]:
        if difference := layout.same(dataset.layout):
            raise UserError(f"{dataset.folder} has other numbers than {reader.datasets[0].folder}: {difference}")
    tallies = {"state": Tally(len(layout.state)), "action": Tally(len(layout.action))}
    lengths, families, won = [], Counter[str](), Counter[str]()
    for i in which:
        lengths.append(reader.length(i))
        facts = reader.facts(i)
        families[facts.task] += 1
        won[facts.task] += facts.success is True
        for start in range(0, lengths[-1], 256):
            w = reader.window(i, start, min(start + 256, lengths[-1]), pictures=False)
            tallies["state"].add(w.state)
            tallies["action"].add(w.action)
    figures: dict[str, Any] = {
        "frames": sum(lengths), "hours": round(sum(lengths) / layout.fps / 3600, 4), "robot": layout.robot,
        "fps": layout.fps, "tasks": {t: {"episodes": n, "successes": won[t]} for t, n in sorted(families.items())},
        "numbers": {
            what: {
                name: {k: round(v[i], 6) for k, v in tally.figures().items() if k != "count"}
                for i, name in enumerate(getattr(layout, what))
            }
            for what, tally in tallies.items()
        },
    }  # fmt: skip
    record.figures.update(figures)
    write_json(record.out / "stats.json", figures)
    print(f"{len(which)} episodes, {sum(lengths)} frames ({figures['hours']:g} h at {layout.fps:g} a second)")
    print(f"robot {layout.robot or 'unknown'}, cameras {', '.join(c.name for c in layout.cameras) or 'none'}")
    for task, n in sorted(families.items()):
        print(f"  {task or '-':24}{n:6} episodes, {won[task]} succeeded")
    print(f"numbers by name: {record.out / 'stats.json'}", flush=True)
    return Exit.DONE


def _from_bags(record: RunRecord, bags: Sequence[Path], fps: float) -> Exit:
    from agent.episodes.bags import read_bag

    if not 0 < fps <= MOST_FPS:
        raise UserError(f"fps={fps:g}: give more than 0 and at most {MOST_FPS:g} frames a second")
    with EpisodeWriter(record.out) as writer:
        for bag in bags:
            read_bag(bag, writer, float(fps))
        record.figures["episodes"] = writer.episodes
    print(f"{len(bags)} bags, now {record.figures['episodes']} episodes in {record.out}", flush=True)
    return Exit.DONE


def _write(reader: EpisodeReader, which: list[int], out: Path) -> None:
    first = reader.datasets[0]
    for dataset in reader.datasets[1:]:
        if difference := first.layout.same(dataset.layout):
            raise UserError(f"{first.folder} and {dataset.folder} do not go together: {difference}")
    if any(out.resolve() == d.folder.resolve() for d in reader.datasets):
        raise UserError(f"out={out} is one of the datasets that are read; give another out=DIR")
    with EpisodeWriter(out) as writer:
        if writer.episodes:
            raise UserError(f"{out} holds {writer.episodes} episodes already; give another out=DIR")
        copy(reader, which, writer)
    print(f"{len(which)} episodes in {out}", flush=True)
