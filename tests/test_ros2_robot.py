"""A robot's side beside drivers that do what these tests say, over real DDS on loopback and by the wall's clock."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import numpy as np
import pytest

pytest.importorskip("cyclonedds")

from agent import cli
from robots.interface import Command
from robots.ros2 import convert
from robots.ros2 import messages as m
from robots.ros2.node import NetworkError, Node, wait_for
from robots.ros2.robot import RobotSilent, Ros2Robot
from robots.ros2.token import TokenError, make_token, read_token
from tests.ros2_config import configured

RATE_HZ = 60.0
LIMIT_S = 0.3


class Drivers:
    """Speak for a mobile_panda that stands still, in a thread, until told to be silent; keep what they hear."""

    def __init__(self, config, domain):
        self.config, self._node = config, Node(domain=domain)
        self.joints_silent = self.pictures_silent = self.over = False
        self.ahead_s = 0.0
        self.twists: list[np.ndarray] = []
        self.widths: list[float] = []
        self.trajectories: list[m.JointTrajectory] = []
        self.extra: list[tuple[str, object]] = []
        pictures = [topic for t in config.cameras.values() for topic in (t.color, t.depth, t.info)]
        kinds = {config.joint_states: m.JointState, config.odometry: m.Odometry}
        kinds |= {t.info: m.CameraInfo for t in config.cameras.values()}
        names = [config.joint_states, config.odometry, *pictures]
        self._out = {name: self._node.publisher(name, kinds.get(name, m.Image), "reliable") for name in names}
        self._heard = self._node.subscription(config.cmd_vel, m.Twist, "reliable", depth=100)
        self._moved = self._node.subscription(config.arm, m.JointTrajectory, "reliable", depth=100)
        self._gripped = self._node.subscription(config.gripper, m.GripperCommand, "reliable", depth=100)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        spec = self.config.spec()
        rgb, depth = np.zeros((56, 56, 3), np.uint8), np.full((56, 56), 1.5, np.float32)
        k = np.array([[50.0, 0, 27.5], [0, 50.0, 27.5], [0, 0, 1]])
        count = 0
        while not self.over:
            now, count = time.time() + self.ahead_s, count + 1
            header = m.Header(stamp=convert.stamp(now))
            if not self.joints_silent:
                names = [*spec.joint_names, *spec.head.joint_names, *self.config.gripper_joints]
                values = [*spec.home_q_rad.tolist(), *spec.head.home_q_rad.tolist(), 0.04, 0.04]
                self._out[self.config.joint_states].send(m.JointState(header=header, name=names, position=values))
                self._out[self.config.odometry].send(m.Odometry(header=header))
            if not self.pictures_silent and count % 4 == 0:
                for topics in self.config.cameras.values():
                    self._out[topics.info].send(convert.camera_info(k, 56, 56, now, "c"))
                    self._out[topics.color].send(convert.image(rgb, now, "c"))
                    self._out[topics.depth].send(convert.image(depth, now, "c"))
            while self.extra:
                topic, message = self.extra.pop()
                self._out[topic].send(message)
            self.twists += [convert.twist_values(t) for t in self._heard.take()]
            self.trajectories += self._moved.take()
            self.widths += [g.position for g in self._gripped.take()]
            time.sleep(1 / RATE_HZ)

    def close(self):
        self.over = True
        self._thread.join(timeout=5)
        self._node.close()


@pytest.fixture
def config():
    return configured(state_limit_s=LIMIT_S, picture_limit_s=0.6)


@pytest.fixture
def drivers(config):
    found = Drivers(config, config.domain)
    yield found
    found.close()


@pytest.fixture
def robot(config, drivers):
    with Node(domain=config.domain) as node:
        found = Ros2Robot(config, node)
        found.connect(limit_s=10.0)
        yield found
        found.close()


def test_a_robot_that_is_not_there_is_one_line_with_the_topics(config):
    with Node(domain=config.domain) as node, pytest.raises(RobotSilent) as error:
        Ros2Robot(config, node).connect(limit_s=0.2)
    assert "/joint_states" in str(error.value)
    assert "/head_camera/color/image_raw" in str(error.value)
    assert "\n" not in str(error.value)
    with pytest.raises(NetworkError, match="0 to 232"):
        Node(domain=999)
    with pytest.raises(NetworkError, match="can't join"):
        Node(domain=231, network="no_such_interface")


def test_a_node_that_is_closed_is_gone_though_others_hold_on_to_its_topics(config):
    with Node(domain=config.domain) as other:
        heard = other.subscription("/said", m.String, "reliable")
        node = Node(domain=config.domain)
        said = node.publisher("/said", m.String, "reliable")
        assert wait_for(lambda: heard.spoken and said.heard, 10.0)
        node.close()
        node.close()
        assert wait_for(lambda: not heard.spoken, 5.0)  # without leaving, others would believe in it for 10 s


def test_commands_keep_within_the_limits_and_are_said_again(robot, drivers):
    spec, q = robot.spec, robot.state().arm_q
    sent = robot.send(Command(base_twist=np.array([9.0, 0.0, 0.0]), arm_q=q + 3.0, gripper_width_m=0.5))
    assert np.abs(sent.arm_q - q).max() < 0.1
    robot.wait(0.5)
    twists = np.array(drivers.twists)
    assert 0.05 < twists[:, 0].max() <= spec.base.velocity[0] + 1e-9
    assert np.diff(twists[:, 0]).max() <= spec.base.acceleration[0] * spec.period_s + 1e-9
    assert twists[-1, 0] < twists[:, 0].max(), "nobody has said go on, so it brakes"
    assert drivers.widths[0] == spec.gripper_max_width_m
    assert len(drivers.widths) > 2, "a message may be lost"
    assert drivers.trajectories[-1].joint_names == list(spec.joint_names)
    np.testing.assert_allclose(drivers.trajectories[-1].points[-1].positions, sent.arm_q)


def test_a_robot_that_falls_silent_is_stopped(robot, drivers):
    robot.send(Command(base_twist=np.array([0.2, 0.0, 0.0])))
    robot.wait(0.05)
    drivers.joints_silent = True
    start = time.monotonic()

    def drive():
        while time.monotonic() - start < 5:
            robot.send(Command(base_twist=np.array([0.2, 0.0, 0.0])))
            robot.wait(0.02)

    with pytest.raises(RobotSilent, match="stopped"):
        drive()
    assert time.monotonic() - start < 3 * LIMIT_S + 0.5  # on a busy computer
    time.sleep(0.1)
    assert not drivers.twists[-1].any()
    drivers.joints_silent = False
    time.sleep(0.2)
    assert robot.state().holding is False, "it goes on when there is something new"


def test_a_clock_that_is_set_back_stops_the_robot(robot, drivers):
    drivers.ahead_s = -3600.0
    with pytest.raises(RobotSilent, match="stopped"):
        robot.wait(10 * LIMIT_S)


def test_any_message_is_learnt_from_or_refused(robot):
    rng = np.random.default_rng(8)
    odd = [float("nan"), float("inf"), -float("inf"), 1e308, 0.0, -1.0]

    def number():
        return odd[int(rng.integers(len(odd)))]

    def header():
        stamp = m.Time(sec=int(rng.integers(-(2**31), 2**31)), nanosec=int(rng.integers(2**32)))
        return m.Header(stamp=stamp, frame_id=["", "map", "odom"][int(rng.integers(3))])

    def pose():
        return m.Pose(position=m.Point(x=number()), orientation=m.Quaternion(x=number(), w=number()))

    def transform():
        moved = m.Transform(translation=m.Vector3(y=number()), rotation=m.Quaternion(z=number(), w=number()))
        return m.TransformStamped(header=header(), child_frame_id="odom", transform=moved)

    names = [*robot.spec.joint_names, *robot.spec.head.joint_names, *robot.config.gripper_joints, "x"]
    makers = [
        lambda: m.JointState(header=header(), name=names[: int(rng.integers(13))],
                             position=[number() for _ in range(int(rng.integers(13)))]),
        lambda: m.Odometry(header=header(), pose=m.PoseWithCovariance(pose=pose()),
                           twist=m.TwistWithCovariance(twist=m.Twist(linear=m.Vector3(x=number())))),
        lambda: m.TFMessage(transforms=[transform() for _ in range(int(rng.integers(3)))]),
        lambda: m.WrenchStamped(header=header(), wrench=m.Wrench(force=m.Vector3(z=number()))),
    ]  # fmt: skip
    refused = 0
    for _ in range(2000):
        try:
            robot.senses._learn(makers[int(rng.integers(4))](), time.time())
        except ValueError as e:
            refused += 1
            assert "\n" not in str(e)
    assert refused > 500
    robot.wait(0.1)
    state = robot.state()
    assert np.isfinite(state.world_T_base.xyz).all()
    assert np.isfinite(state.arm_q).all()


def test_a_stale_picture_is_not_seen(robot, drivers):
    seen = robot.observe()
    assert 0.0 <= time.time() - seen.time_s < 2.0  # limit 0.6 s, and what a busy computer takes to turn it
    assert seen.main.rgb.shape == (224, 224, 3)
    assert seen.main.intrinsics[0, 0] == pytest.approx(200.0)
    np.testing.assert_allclose(seen.main.depth_m, 1.5)
    drivers.pictures_silent = True
    time.sleep(0.2)

    def look():
        for _ in range(20):
            robot.observe()
            robot.wait(0.1)

    with pytest.raises(RobotSilent, match="no new picture"):
        look()


def test_hostile_messages_change_nothing(robot, drivers):
    before = robot.state()
    names = list(robot.spec.joint_names)
    now = convert.stamp(time.time())
    bad = [
        m.JointState(header=m.Header(stamp=now), name=names, position=[float("nan")] * len(names)),
        m.JointState(header=m.Header(stamp=now), name=names, position=[0.0]),
        m.JointState(header=m.Header(stamp=convert.stamp(time.time() + 1e6)), name=names, position=[1.0] * len(names)),
        m.JointState(header=m.Header(stamp=now), name=["x"] * 10000, position=[1e300] * 10000),
    ]
    for message in bad:
        drivers.extra.append((robot.config.joint_states, message))
        for _ in range(100):
            robot.wait(0.02)
            if not drivers.extra:
                break
        robot.wait(0.05)
        after = robot.state()
        np.testing.assert_array_equal(after.arm_q, before.arm_q)
        np.testing.assert_array_equal(after.odom_T_base.xyz, before.odom_T_base.xyz)
    assert "/joint_states" in robot.senses.refused
    camera = robot.config.cameras["head"]
    drivers.extra.append((camera.color, m.Image(header=m.Header(stamp=now), height=9, width=9, encoding="rgb8")))
    robot.wait(0.1)
    assert robot.observe().main.rgb.shape == (224, 224, 3)
    later, picture = time.time() + 60.0, np.full((56, 56, 3), 200, np.uint8)
    drivers.extra += [
        (camera.depth, convert.image(np.ones((56, 56), np.float32), later, "c")),
        (camera.color, convert.image(picture, later, "c")),
        (camera.info, m.CameraInfo(height=56, width=56, k=[float("nan")] * 9)),
    ]
    for _ in range(100):
        robot.wait(0.02)
        if not drivers.extra:
            break
    robot.wait(0.05)
    seen = robot.observe()
    assert seen.time_s < later - 30, "a picture of another time"
    assert seen.main.rgb.mean() < 100
    assert seen.main.intrinsics[0, 0] == pytest.approx(200.0)
    assert camera.color in robot.senses.refused or camera.info in robot.senses.refused


def test_the_token_is_its_owners_alone(tmp_path):
    path = tmp_path / "deep" / "token"
    token = make_token(path)
    assert len(token) >= 16
    assert read_token(path) == make_token(path) == token
    path.chmod(0o644)
    with pytest.raises(TokenError, match="chmod 600"):
        read_token(path)
    with pytest.raises(TokenError, match="can't be read"):
        read_token(tmp_path / "none")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["robot=panda"], 2, "robot=mobile_panda_ros2 or robot=stretch_ros2"),
        (["robot.domain=999"], 2, "0 to 232"),
        (["map=nowhere.json"], 2, "map=nowhere.json can't be read"),
        (["wait_s=0.2", "robot=stretch_ros2"], 1, "nothing has come for 0.2 s on /stretch/joint_states"),
    ],
)
def test_what_can_t_be_deployed_is_one_line(words, code, said, config, tmp_path, capsys):
    if not any(word.startswith("robot.domain") for word in words):
        words = [*words, f"robot.domain={config.domain}"] if "robot=panda" not in words else words
    given = [f"token={tmp_path / 'token'}", f"out={tmp_path / 'out'}", *words]
    assert cli.main(["deploy", *given]) == code
    error = capsys.readouterr().err.strip()
    assert said in error
    assert "\n" not in error


def test_what_runs_on_the_robot_needs_no_torch_pybullet_or_hydra():
    wanted = (
        "import sys, agent.onboard.deploy, agent.onboard.send; print([m for m in sys.argv[1:] if m in sys.modules])"
    )
    never = ["torch", "pybullet", "hydra", "omegaconf", "sim"]
    found = subprocess.run([sys.executable, "-c", wanted, *never], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
