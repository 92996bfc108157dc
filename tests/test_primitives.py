"""Primitives over the fake robot: where things end, what the hand remembers, and the reason for every failure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from robots.fake import FakeBox, FakeRobot, cast_rays
from robots.interface import Command, Status
from robots.kinematics import kinematics
from robots.primitives import Body, Outcome, Relation, Side, Target, look, pick, place, push
from robots.primitives.held import remembered
from robots.primitives.surface import Cloud, measure, part_at

RED, BLUE, GREEN = (0.84, 0.08, 0.08), (0.08, 0.20, 0.82), (0.08, 0.58, 0.16)


def block(name: str, x: float, y: float, rgb: tuple[float, float, float] = RED, **more: object) -> FakeBox:
    return replace(FakeBox(name=name, xy_m=(x, y), rgb=rgb), **more)


def at(robot: FakeRobot, name: str) -> Target:
    """The thing by its top, a little off its middle, as a planner would point."""
    box = robot.boxes[name]
    return Target(words=name, xyz_m=np.array([box.xy_m[0] + 0.005, box.xy_m[1] - 0.004, box.top_m]))


def held(*boxes: FakeBox) -> Body:
    """A hand that holds the first of the boxes."""
    robot = FakeRobot(boxes=boxes)
    body = Body(robot=robot)
    assert pick(body, at(robot, boxes[0].name)).status is Status.SUCCEEDED
    assert robot.held == boxes[0].name
    return body


def fake(body: Body) -> FakeRobot:
    assert isinstance(body.robot, FakeRobot)
    return body.robot


def at_home(robot: FakeRobot) -> bool:
    return bool(np.abs(robot.state().arm_q - robot.spec.home_q_rad).max() < 0.01)


# What depth shows


@pytest.mark.parametrize("yaw", [0.0, 0.2, 0.5, 0.785, 1.2])
@pytest.mark.parametrize(("x", "y", "edge"), [(0.36, -0.22, 0.032), (0.48, 0.05, 0.042), (0.61, 0.2, 0.032)])
def test_measures_blocks(x: float, y: float, edge: float, yaw: float) -> None:
    box = block("block", x, y, yaw_rad=yaw, size_m=(edge, edge, edge))
    cloud = Cloud.from_frame(cast_rays([box]))
    mask = cloud.thing_at([x, y, edge])
    assert mask is not None
    thing = measure(cloud, mask)
    # A pixel spans 4 to 5 mm: the middle and the edges are good to one, the yaw to half a pixel in a half edge.
    assert np.abs(thing.centre_xy - [x, y]).max() < 0.004
    assert abs(thing.top_m - edge) < 0.001
    assert thing.bottom_m == 0.0
    assert abs(2 * max(thing.half_m) - edge) < 0.006
    assert abs((thing.yaw_rad - yaw + np.pi / 4) % (np.pi / 2) - np.pi / 4) < 0.17
    assert thing.small
    assert not thing.flat


def test_tells_touching_things_apart_by_colour() -> None:
    boxes = [block("a", 0.5, 0.0), block("b", 0.5, 0.043, BLUE), block("c", 0.5, 0.0, GREEN, bottom_m=0.042)]
    cloud = Cloud.from_frame(cast_rays(boxes))
    for box in boxes[1:]:
        mask = cloud.thing_at([*box.xy_m, box.top_m])
        assert mask is not None
        thing = measure(cloud, mask)
        assert np.abs(thing.centre_xy - box.xy_m).max() < 0.004
        assert thing.top_m == pytest.approx(box.top_m, abs=0.001)


def test_tells_a_thing_from_the_container_of_its_colour() -> None:
    """A red block on a red tray: the block by its flat top, the tray without what stands on it."""
    tray = block("tray", 0.5, 0.1, size_m=(0.13, 0.13, 0.012))
    cloud = Cloud.from_frame(cast_rays([tray, block("red block", 0.52, 0.08, bottom_m=0.012)]))
    top = np.array([0.52, 0.08, 0.054])
    mask = cloud.thing_at(top)
    assert mask is not None
    part = part_at(cloud, mask, top)
    assert part is not None
    assert np.abs(part.centre_xy - top[:2]).max() < 0.005
    assert part.small
    assert part.bottom_m == pytest.approx(0.012, abs=0.003)
    whole = measure(cloud, mask, container=True)
    assert np.abs(whole.centre_xy - tray.xy_m).max() < 0.005
    assert whole.top_m == pytest.approx(0.012, abs=0.001)
    assert part_at(cloud, mask, [0.46, 0.12, 0.012]) is None


def test_bare_table_is_nothing_but_a_near_miss_is_forgiven() -> None:
    cloud = Cloud.from_frame(cast_rays([block("a", 0.5, 0.0)]))
    assert cloud.thing_at([0.5, 0.2, 0.0]) is None
    assert cloud.thing_at([0.52, 0.035, 0.0]) is not None


def test_sees_what_is_painted_on_the_table() -> None:
    zone = block("zone", 0.5, 0.1, GREEN, size_m=(0.11, 0.11, 0.001))
    cloud = Cloud.from_frame(cast_rays([zone]))
    mask = cloud.thing_at([0.52, 0.12, 0.001])
    assert mask is not None
    thing = measure(cloud, mask)
    assert thing.flat
    assert np.abs(thing.centre_xy - [0.5, 0.1]).max() < 0.004
    assert cloud.height_map().columns.shape == (0, 3)


# pick


@pytest.mark.parametrize("yaw", [0.0, 0.4, 0.785, 1.3])
@pytest.mark.parametrize(("x", "y"), [(0.34, -0.26), (0.62, 0.26), (0.48, 0.0)])
def test_picks_anywhere_at_any_yaw(x: float, y: float, yaw: float) -> None:
    body = held(block("red block", x, y, yaw_rad=yaw))
    assert at_home(fake(body))
    assert body.grasp is not None
    assert body.grasp.words == "red block"
    assert body.grasp.drop_m == pytest.approx(0.021, abs=0.004)
    assert body.origins["red block"] == pytest.approx([x, y, 0.0], abs=0.004)
    assert fake(body).time_s < 5.0


def test_picks_the_upper_of_two() -> None:
    body = held(block("top", 0.5, 0.1, BLUE, bottom_m=0.042), block("below", 0.5, 0.1))
    assert fake(body).boxes["below"].xy_m == (0.5, 0.1)
    assert body.origins["top"][2] == pytest.approx(0.042, abs=0.01)


def test_turns_the_hand_where_neighbours_leave_room() -> None:
    """Blocks 12 mm away on both sides along y: only fingers along x fit."""
    body = held(block("red block", 0.5, 0.0), block("a", 0.5, 0.054, BLUE), block("b", 0.5, -0.054, GREEN))
    assert fake(body).boxes["a"].xy_m == pytest.approx((0.5, 0.054), abs=1e-6)
    assert fake(body).boxes["b"].xy_m == pytest.approx((0.5, -0.054), abs=1e-6)


AROUND = ((0.05, 0.0), (-0.05, 0.0), (0.0, 0.05), (0.0, -0.05))


def test_says_why_it_does_not_pick() -> None:
    ring = [block(f"r{i}", 0.5 + dx, dy, BLUE) for i, (dx, dy) in enumerate(AROUND)]
    zone = block("zone", 0.4, 0.2, GREEN, size_m=(0.1, 0.1, 0.001))
    robot = FakeRobot(boxes=[block("red block", 0.5, 0.0), *ring, zone])
    body = Body(robot=robot)
    before = robot.boxes.copy()

    def status(target: Target) -> Status:
        return pick(body, target).status

    assert status(at(robot, "red block")) is Status.PATH_BLOCKED
    assert status(at(robot, "zone")) is Status.UNREACHABLE
    assert status(Target(words="ghost", xyz_m=np.array([0.6, -0.2, 0.0]))) is Status.TARGET_NOT_FOUND
    assert status(Target(words="ghost", xyz_m=None)) is Status.TARGET_NOT_FOUND
    assert body.grasp is None
    assert robot.boxes == before


def test_does_not_pick_with_a_full_hand() -> None:
    body = held(block("red block", 0.45, 0.1), block("blue block", 0.5, -0.1, BLUE))
    outcome = pick(body, at(fake(body), "blue block"))
    assert outcome.status is Status.HAND_FULL
    assert "red block" in outcome.detail


class Slippery(FakeRobot):
    """Fingers that close on nothing."""

    def _between(self, box: FakeBox, tool: object) -> bool:
        return False


def test_notices_empty_fingers() -> None:
    robot = Slippery(boxes=[block("red block", 0.45, 0.1)])
    body = Body(robot=robot)
    outcome = pick(body, at(robot, "red block"))
    assert outcome.status is Status.GRASP_FAILED
    assert body.grasp is None
    assert at_home(robot)


# place


@pytest.mark.parametrize("yaw", [0.0, 0.3, 0.7])
def test_stacks_centred_with_faces_aligned(yaw: float) -> None:
    body = held(block("red block", 0.42, 0.15, yaw_rad=0.5), block("blue block", 0.52, -0.1, BLUE, yaw_rad=yaw))
    assert place(body, Relation.ON, at(fake(body), "blue block")).status is Status.SUCCEEDED
    red, blue = fake(body).boxes["red block"], fake(body).boxes["blue block"]
    assert np.abs(np.subtract(red.xy_m, blue.xy_m)).max() < 0.004
    assert red.bottom_m == pytest.approx(blue.top_m)
    assert abs((red.yaw_rad - blue.yaw_rad + np.pi / 4) % (np.pi / 2) - np.pi / 4) < 0.15
    assert body.grasp is None
    assert fake(body).held is None
    assert at_home(fake(body))


WAYS = {
    Relation.LEFT_OF: (0.0, -1.0),
    Relation.RIGHT_OF: (0.0, 1.0),
    Relation.IN_FRONT_OF: (1.0, 0.0),
    Relation.BEHIND: (-1.0, 0.0),
}


@pytest.mark.parametrize("relation", WAYS)
@pytest.mark.parametrize("edge", [0.042, 0.13])
def test_puts_things_beside_others_as_the_camera_sees_it(relation: Relation, edge: float) -> None:
    reference = block("blue block", 0.48, 0.02, BLUE, size_m=(edge, edge, 0.042))
    body = held(block("red block", 0.38, 0.22), reference)
    assert place(body, relation, at(fake(body), "blue block")).status is Status.SUCCEEDED
    red = fake(body).boxes["red block"]
    apart = np.subtract(red.xy_m, reference.xy_m)
    way = np.array(WAYS[relation])
    assert edge / 2 + 0.021 + 0.01 < apart @ way < 0.155
    assert abs(apart @ way[::-1]) < 0.02
    assert red.bottom_m == 0.0


def test_moves_over_where_the_spot_beside_is_taken() -> None:
    taken = block("green block", 0.48, 0.11, GREEN)
    body = held(block("red block", 0.36, -0.2), block("blue block", 0.48, 0.02, BLUE), taken)
    assert place(body, Relation.RIGHT_OF, at(fake(body), "blue block")).status is Status.SUCCEEDED
    red = fake(body).boxes["red block"]
    assert red.bottom_m == 0.0
    assert 0.02 < red.xy_m[1] - 0.02 < 0.25
    assert abs(red.xy_m[0] - 0.48) < 0.05
    assert np.abs(np.subtract(red.xy_m, taken.xy_m)).max() > 0.042


def test_second_thing_on_a_tray_goes_beside_the_first() -> None:
    tray = block("tray", 0.5, 0.1, GREEN, size_m=(0.13, 0.13, 0.012))
    body = held(block("red block", 0.42, -0.15), tray, block("blue block", 0.5, 0.1, BLUE, bottom_m=0.012))
    assert place(body, Relation.ON, Target(words="tray", xyz_m=np.array([0.55, 0.1, 0.012]))).status is Status.SUCCEEDED
    red = fake(body).boxes["red block"]
    assert red.bottom_m == pytest.approx(0.012)
    assert np.abs(np.subtract(red.xy_m, tray.xy_m)).max() < 0.065


def test_aside_is_far_from_everything_and_the_same_each_time() -> None:
    others = [block("blue block", 0.48, 0.0, BLUE), block("zone", 0.42, 0.15, GREEN, size_m=(0.11, 0.11, 0.001))]
    ends = []
    for _ in range(2):
        body = held(block("red block", 0.4, -0.15), *others)
        assert place(body, Relation.ASIDE, None).status is Status.SUCCEEDED
        ends.append(fake(body).boxes["red block"])
    assert ends[0] == ends[1]
    for other in others:
        gap = np.abs(np.subtract(ends[0].xy_m, other.xy_m)) - other.size_m[0] / 2
        assert gap.max() - 0.021 > 0.045


def test_puts_it_back_where_it_was_even_by_way_of_elsewhere() -> None:
    body = held(block("red block", 0.4, 0.12))
    robot = fake(body)
    assert place(body, Relation.ASIDE, None).status is Status.SUCCEEDED
    assert np.linalg.norm(np.subtract(robot.boxes["red block"].xy_m, (0.4, 0.12))) > 0.05
    assert pick(body, at(robot, "red block")).status is Status.SUCCEEDED
    assert place(body, Relation.WHERE, Target(words="red block", xyz_m=None)).status is Status.SUCCEEDED
    assert robot.boxes["red block"].xy_m == pytest.approx((0.4, 0.12), abs=0.006)


def test_says_why_it_does_not_place() -> None:
    body = held(block("red block", 0.4, 0.12))
    where = place(body, Relation.WHERE, Target(words="green bowl", xyz_m=None))
    assert where.status is Status.TARGET_NOT_FOUND
    assert "red block" in where.detail
    ghost = place(body, Relation.ON, Target(words="ghost", xyz_m=np.array([0.5, -0.2, 0.0])))
    assert ghost.status is Status.TARGET_NOT_FOUND
    assert fake(body).held == "red block"
    assert place(Body(robot=FakeRobot()), Relation.ASIDE, None).status is Status.NOT_HOLDING


def test_notices_that_what_it_held_is_gone() -> None:
    body = held(block("red block", 0.4, 0.12), block("blue block", 0.5, -0.1, BLUE))
    robot = fake(body)
    robot.boxes["red block"] = block("red block", 0.4, 0.12)
    robot.held = None
    robot.send(Command(gripper_width_m=0.0))
    robot.wait(0.5)
    outcome = place(body, Relation.ON, at(robot, "blue block"))
    assert outcome.status is Status.NOT_HOLDING
    assert "red block" in outcome.detail
    assert body.grasp is None


def test_a_body_without_memory_sees_and_feels_what_it_holds() -> None:
    """As after a restart: the thing hangs 29 mm below the tool, which the fingers alone could not know."""
    robot = fake(held(block("red block", 0.4, 0.12, size_m=(0.042, 0.042, 0.05)), block("blue block", 0.5, -0.1, BLUE)))
    body = Body(robot=robot)
    assert place(body, Relation.ON, at(robot, "blue block")).status is Status.SUCCEEDED
    assert robot.boxes["red block"].bottom_m == pytest.approx(0.042)
    assert body.grasp is None


def test_sight_corrects_a_wrong_memory() -> None:
    body = held(block("red block", 0.4, 0.12))
    assert body.grasp is not None
    body.grasp = replace(body.grasp, drop_m=0.06)
    grasp = remembered(body, body.see("front"))
    assert grasp is not None
    assert grasp.drop_m == pytest.approx(0.021, abs=0.005)


# push


def pushed(side: Side, *boxes: FakeBox) -> tuple[FakeRobot, Outcome, np.ndarray, np.ndarray]:
    """The robot, the outcome, and the paths of the tool and of the first box."""
    robot = FakeRobot(boxes=boxes)
    tools, centres = [], []
    wait = robot.wait

    def watched(seconds: float) -> None:
        wait(seconds)
        tools.append(kinematics(robot.spec).tool(robot.state().arm_q).xyz)
        centres.append(robot.boxes[boxes[0].name].xy_m)

    robot.wait = watched  # type: ignore[method-assign]
    outcome = push(Body(robot=robot), at(robot, boxes[0].name), side=side)
    return robot, outcome, np.array(tools), np.array(centres)


@pytest.mark.parametrize(
    ("side", "axis", "line", "sign"),
    [(Side.LEFT, 1, -0.185, -1), (Side.RIGHT, 1, 0.185, 1), (Side.FRONT, 0, 0.57, 1), (Side.BACK, 0, 0.382, -1)],
)
def test_pushes_along_a_straight_line_from_behind(side: Side, axis: int, line: float, sign: int) -> None:
    robot, outcome, tools, centres = pushed(side, block("red block", 0.48, 0.02))
    assert outcome.status is Status.SUCCEEDED
    assert sign * (centres[-1][axis] - line) >= 0
    assert at_home(robot)
    low = tools[:, 2] < 0.03
    moving = np.concatenate([[False], np.abs(np.diff(centres, axis=0)).max(axis=1) > 1e-6])
    # The path, not only its end: the thing moves only while the hand is low, behind it, and goes steadily that way.
    assert (low | ~moving).all()
    assert (sign * (centres[moving] - tools[moving][:, :2])[:, axis] > 0.015).all()
    assert (sign * np.diff(centres[:, axis]) > -1e-6).all()
    assert np.abs(centres[:, 1 - axis] - centres[0][1 - axis]).max() < 0.01
    steps = np.linalg.norm(np.diff(tools, axis=0), axis=1)[moving[1:]] / robot.spec.period_s
    assert steps.max() < 0.22
    assert moving.sum() > 30


def test_pushes_around_what_is_in_the_way() -> None:
    wall = block("wall", 0.48, 0.14, BLUE, size_m=(0.1, 0.03, 0.05))
    robot, outcome, _, centres = pushed(Side.RIGHT, block("red block", 0.48, 0.0), wall)
    assert outcome.status is Status.SUCCEEDED
    assert centres[-1][1] > 0.185
    assert robot.boxes["wall"] == wall


def test_pushes_onto_a_zone_and_not_into_a_box() -> None:
    zone = block("zone", 0.55, 0.15, GREEN, size_m=(0.11, 0.11, 0.001))
    box = block("box", 0.4, 0.2, BLUE, size_m=(0.11, 0.11, 0.05))
    robot = FakeRobot(boxes=[block("red block", 0.45, -0.1), zone, box])
    body = Body(robot=robot)
    assert push(body, at(robot, "red block"), destination=at(robot, "box")).status is Status.PATH_BLOCKED
    assert push(body, at(robot, "red block"), destination=at(robot, "zone")).status is Status.SUCCEEDED
    assert np.linalg.norm(np.subtract(robot.boxes["red block"].xy_m, zone.xy_m)) < 0.035
    assert robot.boxes["box"] == box


def test_what_is_there_already_is_not_pushed() -> None:
    robot, outcome, tools, _ = pushed(Side.LEFT, block("red block", 0.48, -0.22))
    assert outcome.status is Status.SUCCEEDED
    assert len(tools) == 0
    assert robot.time_s == 0.0


def test_push_takes_one_destination() -> None:
    robot = FakeRobot(boxes=[block("red block", 0.45, 0.1)])
    with pytest.raises(ValueError, match="one of them"):
        push(Body(robot=robot), at(robot, "red block"), side=None, destination=None)


def test_look_goes_home_and_keeps_what_is_held() -> None:
    body = held(block("red block", 0.4, 0.12))
    robot = fake(body)
    away = np.array(robot.spec.home_q_rad)
    away[0] += 0.4
    for _ in range(60):
        robot.send(Command(arm_q=away))
        robot.wait(robot.spec.period_s)
    assert not at_home(robot)
    assert look(body).status is Status.SUCCEEDED
    assert at_home(robot)
    assert robot.held == "red block"


def test_an_outcome_has_no_truth_value() -> None:
    with pytest.raises(TypeError, match="status"):
        bool(Outcome(status=Status.GRASP_FAILED, detail=""))
