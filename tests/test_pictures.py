"""What training pictures say: the remaining plan in the instruction's own words, and where such things are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from agent.plan import PrimitiveCall, PrimitiveResult, format_call, parse_call, parse_plan
from agent.training.shards import Picture, Shard
from agent.verbs import Verb
from robots.interface import Status
from sim.lexicon import COLOURS, KINDS, SIZES
from sim.oracle import PointOf
from sim.pictures import acting_pictures, make_pictures, saying_pictures, seeing_pictures
from sim.points import FLOOR_M
from sim.robot import SimRobot, open_sim_robot
from sim.said import sentence
from sim.symbolic import SymbolicState
from sim.tasks.base import Instance, PickPlace
from sim.tasks.suites import sample


@pytest.fixture(scope="module")
def robot() -> Iterator[SimRobot]:
    robot = open_sim_robot()
    yield robot
    robot.close()


def at_start(instance: Instance, *, inside: dict[str, str] | None = None) -> SymbolicState:
    """Everything far apart; with `inside`, some of it already in a container."""
    where = {o.name: (0.4, 0.5 * i, 0.0) for i, o in enumerate(instance.objects)}
    start = dict(where)
    for name, container in (inside or {}).items():
        x, y, z = where[container]
        where[name] = (x, y, z + FLOOR_M)
    return SymbolicState(xyz_m=where, held=None, start_xyz_m=start)


def pointer(instance: Instance) -> PointOf:
    return {o.name: (10 * i, i) for i, o in enumerate(instance.objects)}.get


def a_match(seed: int) -> Instance:
    rng = np.random.default_rng(seed)
    while True:
        instance = sample("match", rng)
        moves = [m for m in instance.program if isinstance(m, PickPlace)]
        if all(m.reference and m.reference.endswith("bowl") for m in moves):
            return instance


def test_matching_picks_any_of_them_and_sees_then_where_it_goes() -> None:
    instance = a_match(3)
    first = instance.program[0]
    assert isinstance(first, PickPlace)
    kind = instance.spec(first.subject).kind
    said = sentence(instance, at_start(instance), (), pointer(instance))
    calls = parse_plan(said.plan)
    assert [c.verb for c in calls] == [Verb.PICK, Verb.LOOK, Verb.DONE]
    assert calls[0].target == f"any {kind}"
    at = pointer(instance)
    assert sorted(dict(said.marks)[f"any {kind}"]) == sorted(p for m in instance.program if (p := at(m.subject)))

    state = at_start(instance)
    held = SymbolicState(xyz_m=state.xyz_m, held=first.subject, start_xyz_m=state.xyz_m)
    picked = PrimitiveResult(
        call=PrimitiveCall(verb=Verb.PICK, target=first.subject), status=Status.SUCCEEDED, detail="", start_s=0, end_s=1
    )
    said = sentence(instance, held, (picked,), pointer(instance))
    calls = parse_plan(said.plan)
    assert said.history == ((f"pick(any {kind})", "succeeded"),)
    assert (calls[0].verb, calls[0].target) == (Verb.PLACE, first.reference)


def test_when_all_are_in_their_place_there_is_none_left_to_point_at() -> None:
    instance = a_match(4)
    inside = {m.subject: m.reference for m in instance.program if isinstance(m, PickPlace) and m.reference}
    said = sentence(instance, at_start(instance, inside=inside), (), pointer(instance))
    words = parse_plan(said.plan)[0].target
    assert words.startswith("any ")
    assert dict(said.marks)[words] == ()


@pytest.mark.parametrize(("family", "fitting"), [("absent", range(1)), ("ambiguous", range(2, 4))])
def test_what_can_not_be_done_is_planned_in_words_that_fit_nothing_or_too_much(family: str, fitting: range) -> None:
    rng = np.random.default_rng(5)
    for _ in range(40):
        instance = sample(family, rng)
        said = sentence(instance, at_start(instance), (), pointer(instance))
        words = [w for c in parse_plan(said.plan) for w in (c.target, c.destination)]
        marks = dict(said.marks)
        spoilt = next(w for w in marks if w.removeprefix("any ") == instance.spoilt)
        assert spoilt in words, instance.instruction
        assert len(marks[spoilt]) in fitting


def test_physical_pictures_show_failures_and_what_makes_them_good(robot: SimRobot) -> None:
    pictures = [p for seed in range(10) for p in acting_pictures(robot, seed)]
    assert len(pictures) >= 20
    again = 0
    for picture in pictures:
        own = picture.sentences[0]
        parse_plan(own.plan)
        assert all(0 <= r < 224 and 0 <= c < 224 for _, points in own.marks for r, c in points)
        picks = [call for call, _ in own.history if call.startswith("pick")]
        failed = any(status != "succeeded" for _, status in own.history)
        again += failed or (len(set(picks)) < len(picks) and own.family in ("put", "stack", "tower", "relation"))
    assert again, "nobody was disturbed"
    assert any(p.state[0] == 1.0 for p in pictures), "no picture with something in the hand"


def test_the_same_seed_gives_the_same_picture(robot: SimRobot) -> None:
    for make in (seeing_pictures, saying_pictures, acting_pictures):
        first, second = make(robot, 11), make(robot, 11)
        assert len(first) == len(second)
        for a, b in zip(first, second, strict=True):
            assert np.array_equal(a.rgb, b.rgb)
            assert (a.objects, a.sentences) == (b.objects, b.sentences)


def test_points_lie_on_what_is_called_so(robot: SimRobot) -> None:
    """In the grid of object ids, at the point of a call, there is a thing of that colour and kind."""
    on, off = 0, 0
    for seed in range(30, 48):
        picture = saying_pictures(robot, seed)[0]
        for said in picture.sentences:
            for call in parse_plan(said.plan):
                if call.point is None or call.verb is not Verb.PICK or call.target in dict(said.marks):
                    continue
                if not set(call.target.split()) <= KNOWN:
                    continue  # a dax block
                right = _shown(picture, call.point) is not None and _fits(picture, call.point, call.target)
                on, off = on + right, off + (not right)
    assert on > 40
    assert on / (on + off) > 0.9, "the map is coarser than the picture, so some fall beside; not many"


KNOWN = {"any", "thing", *COLOURS, *KINDS, *SIZES}


def _shown(picture: Picture, point: tuple[int, int]) -> int | None:
    side, grid = picture.rgb.shape[0], picture.grid.shape[0]
    found = int(picture.grid[point[0] * grid // side, point[1] * grid // side])
    return found - 1 if found else None


def _fits(picture: Picture, point: tuple[int, int], words: str) -> bool:
    shown = _shown(picture, point)
    assert shown is not None
    thing = picture.objects[shown]
    return {"any", "thing", thing.colour, thing.kind, thing.size} >= set(words.split())


def test_a_cut_off_run_goes_on(tmp_path: Path) -> None:
    lines: list[str] = []
    make_pictures(tmp_path, 3, 70, 1, saying_pictures, lines.append)
    path = tmp_path / "pictures-0000070.safetensors"
    written = path.stat().st_mtime_ns
    make_pictures(tmp_path, 3, 70, 1, saying_pictures, lines.append)
    assert path.stat().st_mtime_ns == written
    assert list(Shard(path).seeds) == [70, 71, 72]
    with pytest.raises(ValueError, match="training seeds end"):
        make_pictures(tmp_path, 2, 999_999, 1, saying_pictures, lines.append)


def test_history_is_in_the_instructions_words(robot: SimRobot) -> None:
    told = [p.sentences[0] for seed in range(12) for p in saying_pictures(robot, seed)]
    calls = [parse_call(call) for said in told for call, _ in said.history]
    assert calls
    assert all(format_call(c) == format_call(PrimitiveCall(**{**vars(c), "point": None})) for c in calls)
