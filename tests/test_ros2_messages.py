"""Messages are byte for byte those of ROS 2, by the definitions that rosbags has of Humble and Jazzy; names, too."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("cyclonedds")

from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from robots.ros2 import convert, names, services
from robots.ros2 import messages as m

GRIPPER = "float64 position\nfloat64 max_effort\n"
CHECKED = [
    m.Clock, m.String, m.Float64MultiArray, m.Twist, m.WrenchStamped, m.TFMessage, m.Odometry, m.Image,
    m.CompressedImage, m.CameraInfo, m.JointState, m.JointTrajectory, m.GripperCommand, m.GoalStatusArray,
]  # fmt: skip


@pytest.fixture(params=[Stores.ROS2_HUMBLE, Stores.ROS2_JAZZY], ids=["humble", "jazzy"])
def store(request):
    found = get_typestore(request.param)
    if m.ros_name(m.GripperCommand) not in found.fielddefs:
        found.register(get_types_from_msg(GRIPPER, m.ros_name(m.GripperCommand)))
    return found


def drawn(kind, rng):
    """A message with something in every field."""
    values = {}
    for f in fields(kind):
        default = getattr(kind(), f.name)
        if is_dataclass(default):
            values[f.name] = drawn(type(default), rng)
        elif isinstance(default, bool):
            values[f.name] = True
        elif isinstance(default, str):
            values[f.name] = "abcdefgh"[: int(rng.integers(9))]
        elif isinstance(default, int):
            values[f.name] = int(rng.integers(1, 100))
        elif isinstance(default, float):
            values[f.name] = float(rng.normal())
        elif isinstance(default, bytes):
            values[f.name] = rng.bytes(len(default) or int(rng.integers(9)))
        else:
            values[f.name] = several(kind, f.name, default, rng)
    return kind(**values)


def several(kind, name, default, rng):
    """A list of as many as the array has, or of some."""
    nested: dict[tuple[Any, str], Any] = {
        (m.TFMessage, "transforms"): m.TransformStamped, (m.JointTrajectory, "points"): m.JointTrajectoryPoint,
        (m.GoalStatusArray, "status_list"): m.GoalStatus, (m.MultiArrayLayout, "dim"): m.MultiArrayDimension,
    }  # fmt: skip
    inner = nested.get((kind, name))
    count = len(default) or int(rng.integers(1, 4))
    if inner is not None:
        return [drawn(inner, rng) for _ in range(count)]
    if name in ("name", "joint_names"):
        return ["x" * int(rng.integers(6)) for _ in range(count)]
    return [float(v) for v in rng.normal(size=count)]


def same(ours, theirs):
    """Whether two messages, one of cyclonedds and one of rosbags, say the same."""
    if is_dataclass(ours):
        return all(same(getattr(ours, f.name), getattr(theirs, f.name)) for f in fields(ours))
    if isinstance(ours, bytes):
        return ours == bytes(theirs)
    if isinstance(ours, list):
        return len(ours) == len(theirs) and all(same(a, b) for a, b in zip(ours, theirs, strict=True))
    return ours == theirs


@pytest.mark.parametrize("kind", CHECKED, ids=lambda kind: kind.__name__)
def test_bytes_are_those_of_ros_both_ways(kind, store):
    rng = np.random.default_rng(5)
    for _ in range(5):
        ours = drawn(kind, rng)
        data = ours.serialize(use_version_2=False)
        theirs = store.deserialize_cdr(data, m.ros_name(kind))
        assert same(ours, theirs)
        again = bytes(store.serialize_cdr(theirs, m.ros_name(kind)))
        assert again == data[: len(again)]  # ours may be filled up to whole words
        assert not any(data[len(again) :])
        assert len(data) - len(again) < 4
        assert kind.deserialize(again) == ours


def test_a_service_call_begins_with_the_header_of_rmw_cyclonedds(store):
    definition = "uint64 client\nint64 number\nbool success\nstring message\n"
    store.register(get_types_from_msg(definition, "test_msgs/msg/Wrapped"))
    reply = services.TriggerReply(client=2**63 + 5, number=7, success=True, message="here")
    data = reply.serialize(use_version_2=False)
    assert data[4:20] == (2**63 + 5).to_bytes(8, "little") + (7).to_bytes(8, "little")
    assert same(reply, store.deserialize_cdr(data, "test_msgs/msg/Wrapped"))


def test_names_are_mangled_as_ros_does():
    assert names.topic("/stretch/cmd_vel") == "rt/stretch/cmd_vel"
    assert names.request("/errand/_action/send_goal") == "rq/errand/_action/send_goalRequest"
    assert names.reply("/stop_the_robot") == "rr/stop_the_robotReply"
    for wrong in ("", "/", "a b", "/1st", "//x", "/x/"):
        with pytest.raises(ValueError, match="no name in ROS"):
            names.topic(wrong)
    kinds = [
        k for k in [*vars(m).values(), *vars(services).values()] if is_dataclass(k) and "dds_" in k.__idl_typename__
    ]
    assert len(kinds) > 40
    for kind in kinds:
        package, group, middle, short = kind.__idl_typename__.split(".")
        assert (group, middle, short[-1]) in [(g, "dds_", "_") for g in ("msg", "srv", "action")]
        assert kind.__idl_typename__.replace(".", "::") == names.message_type(f"{package}/{group}/{short[:-1]}")


# Pictures


def test_pictures_go_there_and_back():
    rng = np.random.default_rng(1)
    rgb = rng.integers(0, 256, (5, 7, 3)).astype(np.uint8)
    depth = rng.uniform(0.3, 4.0, (5, 7)).astype(np.float32)
    np.testing.assert_array_equal(convert.rgb(convert.image(rgb, 1.5, "head")), rgb)
    np.testing.assert_array_equal(convert.depth_m(convert.image(depth, 1.5, "head")), depth)
    assert convert.seconds(convert.image(rgb, 1.5, "head").header.stamp) == 1.5


def test_the_encodings_of_real_drivers_are_read():
    import cv2

    rgb = np.full((4, 6, 3), (200, 100, 50), np.uint8)
    padded = np.zeros((4, 32), np.uint8)
    padded[:, :18] = rgb[..., ::-1].reshape(4, 18)
    bgr = m.Image(height=4, width=6, encoding="bgr8", step=32, data=padded.tobytes())
    np.testing.assert_array_equal(convert.rgb(bgr), rgb)
    jpeg = cv2.imencode(".jpg", rgb[..., ::-1])[1].tobytes()
    assert np.abs(convert.rgb(m.CompressedImage(format="jpeg", data=jpeg)).astype(int) - rgb).max() <= 4
    mm = np.arange(24, dtype=np.uint16).reshape(4, 6) * 100
    big = m.Image(height=4, width=6, encoding="16UC1", is_bigendian=1, step=12, data=mm.astype(">u2").tobytes())
    np.testing.assert_allclose(convert.depth_m(big), mm / 1000, atol=1e-6)
    png = bytes(12) + cv2.imencode(".png", mm)[1].tobytes()
    found = convert.depth_m(m.CompressedImage(format="16UC1; compressedDepth png", data=png))
    np.testing.assert_allclose(found, mm / 1000, atol=1e-6)
    nan = m.Image(height=1, width=2, encoding="32FC1", step=8, data=np.array([np.nan, 2.0], "<f4").tobytes())
    np.testing.assert_array_equal(convert.depth_m(nan), [[0.0, 2.0]])


@pytest.mark.parametrize(
    "broken",
    [
        m.Image(), m.Image(height=4, width=6, encoding="rgb8", step=18, data=bytes(71)),
        m.Image(height=4, width=6, encoding="rgb8", step=2**31, data=bytes(72)),
        m.Image(height=2**31, width=2**31, encoding="rgb8", step=0, data=b""),
        m.Image(height=4, width=6, encoding="yuv422", step=12, data=bytes(48)),
        m.CompressedImage(format="jpeg", data=b"\xff\xd8 no picture"), m.CompressedImage(),
    ],
    ids=str,
)  # fmt: skip
def test_broken_pictures_are_refused_in_one_line(broken):
    for read in (convert.rgb, convert.depth_m):
        with pytest.raises(convert.MessageError) as refused:
            read(broken)
        assert "\n" not in str(refused.value)
        assert len(str(refused.value)) < 300


def test_a_pose_without_a_direction_is_refused():
    with pytest.raises(convert.MessageError):
        convert.pose(m.Point(x=float("nan")), m.Quaternion())
    with pytest.raises(convert.MessageError):
        convert.pose(m.Point(), m.Quaternion(w=0.0))


def test_a_compressed_picture_that_says_to_be_huge_is_not_begun() -> None:
    """A PNG of all zeros packs a thousandfold: what its header says is looked at before a byte is unpacked."""
    ok, whole = cv2.imencode(".png", np.full((8, 8, 3), 77, np.uint8))
    ok_jpeg, jpeg = cv2.imencode(".jpg", np.full((8, 8, 3), 77, np.uint8))
    assert ok
    assert ok_jpeg
    for fine in (whole.tobytes(), jpeg.tobytes()):
        assert convert.rgb(m.CompressedImage(format="x", data=fine)).shape == (8, 8, 3)
    huge = whole.tobytes()
    huge = huge[:16] + (60_000).to_bytes(4, "big") + (60_000).to_bytes(4, "big") + huge[24:]
    rng = np.random.default_rng(0)
    for bad in (huge, b"", b"\xff\xd8\xff\xc0", bytes(rng.integers(0, 256, 400, dtype=np.uint8)), jpeg.tobytes()[:20]):
        with pytest.raises(convert.MessageError):
            convert.rgb(m.CompressedImage(format="x", data=bad))
        with pytest.raises(convert.MessageError):
            convert.depth_m(m.CompressedImage(format="x", data=b"0" * 12 + bad))
