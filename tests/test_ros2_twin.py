"""The robot's side here and a digital twin in another process, over real DDS on loopback, over a bad network.

The clock is in lockstep, so what happens is the same however slow the computer is; each wait is bounded.
"""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest

pytest.importorskip("cyclonedds")

from agent.executor import Bounds
from agent.onboard.asked import AskedPlanner
from agent.onboard.deploy import OnBoard
from agent.onboard.rooms import hear_rooms
from agent.plan import Plan, parse_plan
from robots.interface import Command, Status
from robots.mobile.shift import shift
from robots.primitives import Body
from robots.ros2.action import ErrandClient, GoalState
from robots.ros2.clock import STEP
from robots.ros2.node import Node, wait_for
from robots.ros2.robot import Ros2Robot
from robots.ros2.service import Client
from robots.ros2.services import StepReply, StepRequest
from tests.ros2_config import configured

DELAY_S = 0.1
STARTS_S = 300.0
"""The twin's process, on a computer that is busy with other things."""
SECRET = "a secret of tests"


@pytest.fixture(scope="module")
def domain():
    return int(np.random.default_rng().integers(10, 230))


@pytest.fixture(scope="module")
def twin(domain, tmp_path_factory):
    """A kitchen in its own process."""
    bad = (f"link.latency_s={DELAY_S}", "link.jitter_s=0.02", "link.loss=0.02")
    out = tmp_path_factory.mktemp("twin")
    words = ["twin", "pace=lockstep", f"robot.domain={domain}", "scene.clutter=0", "seed=3", "seconds=400", *bad]
    process = subprocess.Popen(
        [sys.executable, "-m", "launch", *words, f"out={out}"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    yield process
    process.terminate()
    assert b"Traceback" not in process.communicate(timeout=10)[1]


@pytest.fixture(scope="module")
def node(domain, twin):
    with Node(domain=domain) as found:
        stepping = Client(found, STEP, StepRequest, StepReply)
        assert wait_for(lambda: stepping.there, STARTS_S)
        yield found


@pytest.fixture
def robot(node, domain):
    config = configured(domain=domain, clock="twin")
    found = Ros2Robot(config, node)
    found.connect(limit_s=5.0)
    yield found
    found.close()
    found.wait(0.5)


def test_a_base_goes_where_it_is_told_and_knows_it(robot):
    body = Body(robot=robot)
    start = robot.state().odom_T_base
    assert shift(body, np.array([0.25, -0.1, 0.3])).status is Status.SUCCEEDED
    robot.wait(0.5)
    went = start.inverse() @ robot.state().odom_T_base
    np.testing.assert_allclose([*went.xyz[:2], went.yaw_rad], [0.25, -0.1, 0.3], atol=0.015)


def test_an_arm_follows_and_its_state_is_of_now(robot):
    spec, q = robot.spec, robot.state().arm_q
    goal = q + np.array([0.5, 0.0, 0.0, 0.0, 0.0, 0.0, -0.5])
    worst = 0.0
    for share in np.linspace(0.0, 1.0, 60):
        sent = robot.send(Command(arm_q=q + share * (goal - q)))
        robot.wait(spec.period_s)
        worst = max(worst, float(np.abs(robot.state().arm_q - sent.arm_q).max()))
    # 0.5 rad in a second: what was measured 0.1 s ago, of commands from 0.2 s ago, alone would be 0.1 rad behind.
    assert worst < 0.05
    robot.wait(0.5)
    np.testing.assert_allclose(robot.state().arm_q, goal, atol=0.01)
    robot.send(Command(arm_q=q))


def test_fingers_close_to_the_end_in_spite_of_the_delay(robot):
    body = Body(robot=robot)
    assert body.grip(0.0) < 0.002
    robot.wait(0.3)
    assert not robot.state().holding, "nothing is between them"
    assert body.grip(robot.spec.gripper_max_width_m) > 0.075


def test_what_is_seen_is_from_after_what_was_done(robot):
    before = robot.observe()
    robot.send(Command(head_q=robot.state().head_q + 0.05))
    sent_s = robot.motors.head.newest_s
    seen = robot.observe()
    assert seen.time_s >= sent_s > before.time_s
    assert seen.main.rgb.shape == (224, 224, 3)
    assert seen.main.rgb.std() > 5, "there is something to see"
    assert (seen.frames["wrist"].depth_m <= 2.0).all()


class Fixed:
    """Writes one plan, then that it is done."""

    name = "fixed"

    def __init__(self, text):
        self._text = text

    def plan(self, instruction, observation, history):
        text = "done()" if history else self._text
        return Plan(instruction=instruction, calls=parse_plan(text), text=text, planner=self.name)


def serve(node, robot, planner, talk):
    """`talk(client)` in a thread of its own beside a robot that serves; what it returned."""
    told, ours = [], ErrandClient(node, SECRET)
    side = OnBoard(node, robot, hear_rooms(node, limit_s=5.0), Bounds())
    person = threading.Thread(target=lambda: told.append(talk(ours)))
    person.start()
    lines: list[str] = []
    side.serve(SECRET, planner, say=lines.append, most=1)
    end = threading.Event()
    # Whoever waits for the result is answered by polls.
    while person.is_alive() and not end.wait(0.01):
        side._port.poll()
    person.join(timeout=5)
    return told[0], lines


def test_sentences_need_the_token_are_followed_and_can_be_cancelled(node, robot):
    stranger = ErrandClient(node, "no token")

    def talk(client):
        refused = stranger.send("look around", limit_s=20.0)
        key = client.send("go to the sink", limit_s=20.0)
        heard: list[tuple[str, str]] = []

        def begun():
            heard.extend(client.feedback(key))
            return any(event == "started" for event, _ in heard)

        wait_for(begun, 20.0)
        second = client.send("look around", limit_s=20.0)
        cancelled = client.cancel(key, limit_s=20.0)
        over: list[object] = []

        def ended():
            over.append(client.result())
            return over[-1] is not None

        wait_for(ended, 20.0)
        return refused, second, heard, cancelled, over[-1]

    (refused, second, heard, cancelled, over), lines = serve(node, robot, Fixed("navigate_to(sink)\ndone()"), talk)
    assert refused is None
    assert any("token" in line for line in lines)
    assert second is None, "one errand at a time"
    assert ("started", "navigate_to(sink)") in heard
    assert cancelled
    assert over[0] is GoalState.CANCELED
    assert not robot.motors.driving, "it was stopped"
    robot.wait(0.5)
    assert np.abs(robot.state().base_twist).max() < 0.01


def test_an_errand_over_the_bad_network(node, robot):
    """The twin's oracle says what to do, the robot's side does it."""
    side = OnBoard(node, robot, hear_rooms(node, limit_s=5.0), Bounds())
    ended = side.errand("go to the fridge", AskedPlanner(node))
    assert ended.state is GoalState.SUCCEEDED, ended.why
    assert ended.result is not None
    assert [r.status for r in ended.result.results] == [Status.SUCCEEDED]
    at = robot.state().world_T_base.xyz[:2]
    places = [s.pose.xyz[:2] for s in side._body.map.named("fridge")]
    assert min(np.linalg.norm(at - place) for place in places) < 1.5
