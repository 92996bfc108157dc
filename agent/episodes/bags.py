"""ROS 2 bags (MCAP): an episode goes out as one, and comes in from any that has joint states. Through `rosbags`.

    /joint_states, /action     sensor_msgs/JointState, position named as in the dataset's layout
    /camera/NAME/compressed    sensor_msgs/CompressedImage, JPEG
    /instruction, /plan, /subtask, /question, /answer, /tool_call    std_msgs/String, when they change
    /episode                   std_msgs/String, once: the facts, as JSON

Coming in, the first joint states (or `/joint_states`) are the state, `/action` the action (or, without it, the next
state), every picture topic a camera. Frames are due at a steady rate from the moment on that every topic has spoken,
and hold what was heard last.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from agent.artifacts import disk_errors, to_json
from agent.episodes.layout import Layout
from agent.episodes.reader import UNKNOWN, EpisodeReader, decode
from agent.episodes.records import Facts, Frame, Language, Picture
from agent.episodes.take import Take, cameras_of, staging
from agent.episodes.writer import EpisodeWriter
from agent.errors import UserError

try:
    from rosbags.highlevel import AnyReader
    from rosbags.rosbag2 import StoragePlugin, Writer
    from rosbags.typesys import Stores, get_typestore
except ImportError as e:  # pragma: no cover - where nobody has bags
    raise UserError("bags need rosbags, which is not installed: pip install 'palmetto[bags]'") from e

STATES, ACTIONS, EPISODE = "/joint_states", "/action", "/episode"
JOINTS, COMPRESSED, IMAGE = "sensor_msgs/msg/JointState", "sensor_msgs/msg/CompressedImage", "sensor_msgs/msg/Image"
TEXT = "std_msgs/msg/String"
WORDS = tuple(f.name for f in fields(Language))
QUALITY = 95
BAG_VERSION = 9
CHANNELS = {"rgb8": None, "bgr8": cv2.COLOR_BGR2RGB, "rgba8": cv2.COLOR_RGBA2RGB, "bgra8": cv2.COLOR_BGRA2RGB}
"""Encodings of raw pictures that are read -> how they become RGB."""


def write_bag(path: Path, reader: EpisodeReader, index: int) -> None:
    """Episode `index` as a bag in folder `path`, which must not be there yet."""
    if path.exists():
        raise UserError(f"{path} is there already; give another out=DIR")
    store = get_typestore(Stores.ROS2_HUMBLE)
    layout = reader.entry(index)[0].layout
    with disk_errors(path), Writer(path, version=BAG_VERSION, storage_plugin=StoragePlugin.MCAP) as bag:
        open_topics: dict[str, Any] = {}

        def tell(topic: str, kind: str, time_ns: int, **content: Any) -> None:
            if topic not in open_topics:
                open_topics[topic] = bag.add_connection(topic, kind, typestore=store)
            bag.write(open_topics[topic], time_ns, store.serialize_cdr(store.types[kind](**content), kind))

        before = Language()
        for number, frame in enumerate(reader.frames(index)):
            now = round(frame.time_s * 1e9)
            stamp = store.types["builtin_interfaces/msg/Time"](sec=now // 10**9, nanosec=now % 10**9)
            header = store.types["std_msgs/msg/Header"](stamp=stamp, frame_id="")
            if not number:
                facts = {k: v for k, v in vars(reader.facts(index)).items() if k != "steps"}
                tell(EPISODE, TEXT, now, data=to_json(facts))
            for name in WORDS:
                if getattr(frame.language, name) != getattr(before, name) or not number:
                    tell(f"/{name}", TEXT, now, data=getattr(frame.language, name))
            before = frame.language
            for camera, rgb in frame.pictures.items():
                _, data = cv2.imencode(
                    ".jpg", np.ascontiguousarray(rgb[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
                )
                tell(f"/camera/{camera}/compressed", COMPRESSED, now, header=header, format="jpeg", data=data.ravel())
            for topic, names, values in ((ACTIONS, layout.action, frame.action), (STATES, layout.state, frame.state)):
                none = np.zeros(0)
                position = values.astype(np.float64)
                tell(topic, JOINTS, now, header=header, name=list(names), position=position, velocity=none, effort=none)


def read_bag(path: Path, writer: EpisodeWriter, fps: float) -> int:
    """A bag (its folder, or a file of it) to the end of a writer's dataset; its number there.

    Raises:
        UserError: the bag is damaged, or has no joint states.
    """
    heard = _Heard()
    take: Take | None = None
    due_s = 0.0
    pending: Frame | None = None
    try:
        for topic, kind, time_s, message in _messages(path):
            while take is not None and time_s > due_s + 1e-6:
                pending = _passed(take, pending, heard.frame(due_s))
                due_s += 1 / fps
            heard.hear(topic, kind, message)
            if take is None and heard.complete:
                # All that belongs to this moment is yet to be heard: a frame is taken when the clock has gone on.
                take, due_s = Take(staging(writer.folder), heard.layout(fps, path)), time_s
        if take is None:
            raise UserError(f"{path} has no {JOINTS} with positions, or no pictures on a topic that promises some")
        pending = _passed(take, pending, heard.frame(due_s))
        assert pending is not None, "a frame was just heard"
        _passed(take, pending, pending)
        return writer.adopt(take.close(heard.facts()))
    finally:
        if take is not None:
            take.drop()


def _passed(take: Take, before: Frame | None, now: Frame) -> Frame:
    """The frame before goes into the take, now that the state after it is known; `now` waits in its place."""
    if before is not None:
        take.frame(before if before.action.size else replace(before, action=now.state))
    return now


@dataclass(eq=False)
class _Heard:
    """What every topic said last."""

    promised: set[str] = field(default_factory=set)
    state: Any = None
    action: Any = None
    pictures: dict[str, Picture] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return self.state is not None and self.promised <= {
            *self.pictures,
            *(() if self.action is None else (ACTIONS,)),
        }

    def hear(self, topic: str, kind: str, message: Any) -> None:
        if kind == "topics":
            self.promised = {_camera(t) if k != JOINTS else t for t, k in message.items() if t != STATES}
        elif kind == JOINTS:
            if topic == ACTIONS:
                self.action = message
            else:
                self.state = message
        elif kind in (COMPRESSED, IMAGE):
            self.pictures[_camera(topic)] = _even(_rgb(kind, message))
        elif topic == EPISODE:
            self.told = json.loads(message.data)
        elif topic.strip("/") in WORDS:
            self.words[topic.strip("/")] = str(message.data)

    def frame(self, time_s: float) -> Frame:
        action = np.zeros(0) if self.action is None else self.action.position
        return Frame(
            time_s=time_s, state=np.asarray(self.state.position, np.float32), action=np.asarray(action, np.float32),
            language=Language(**self.words), pictures=dict(self.pictures),
        )  # fmt: skip

    def layout(self, fps: float, path: Path) -> Layout:
        names = tuple(map(str, self.state.name))
        if len(names) != len(self.state.position):
            raise UserError(f"{path}: {len(names)} joint names for {len(self.state.position)} positions")
        action = names if self.action is None else tuple(map(str, self.action.name))
        robot = str(self.told.get("robot", ""))
        return Layout(robot=robot, fps=fps, cameras=cameras_of(self.pictures), state=names, action=action)

    def facts(self) -> Facts:
        given = {k: v for k, v in self.told.items() if k in vars(UNKNOWN)}
        given["objects"] = tuple(given.get("objects", ()))
        given["said"] = tuple((a, b) for a, b in given.get("said", ()))
        words = {"instruction": self.words.get("instruction", "")}
        return Facts(**{**vars(UNKNOWN), **words, **given, "origin": ""})


def _messages(path: Path) -> Iterator[tuple[str, str, float, Any]]:
    """Topic, type, time and content of every message that matters, in order; first of all, which topics there are."""
    folder = path if path.is_dir() else path.parent
    with _readable(path), AnyReader([folder], default_typestore=get_typestore(Stores.ROS2_HUMBLE)) as bag:
        joints = sorted((c.topic for c in bag.connections if c.msgtype == JOINTS), key=lambda t: (t != STATES, t))
        state = next((t for t in joints if t != ACTIONS), None)
        wanted = [
            c
            for c in bag.connections
            if c.topic in (state, ACTIONS) or c.msgtype in (COMPRESSED, IMAGE) or c.msgtype == TEXT
        ]
        seen = {c.topic: c.msgtype for c in wanted if c.msgtype != TEXT and c.topic != state}
        yield "", "topics", 0.0, seen
        for connection, time_ns, data in bag.messages(connections=wanted):
            yield connection.topic, connection.msgtype, time_ns / 1e9, bag.deserialize(data, connection.msgtype)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    if not path.exists():
        raise UserError(f"there is no bag {path}")
    try:
        yield
    except (UserError, GeneratorExit, KeyboardInterrupt):
        raise
    except Exception as e:  # rosbags lets errors of all its parsers through
        raise UserError(f"{path} is no bag, or damaged: {type(e).__name__} {str(e)[:200]}") from e


def _camera(topic: str) -> str:
    """`/camera/front/compressed` -> front."""
    parts = [p for p in topic.split("/") if p and p not in ("compressed", "camera", "image_raw", "image")]
    return "_".join(parts) or "camera"


def _rgb(kind: str, message: Any) -> Picture:
    if kind == COMPRESSED:
        return decode(bytes(message.data))
    if message.encoding not in CHANNELS:
        raise UserError(f"pictures in {message.encoding} are not read; those that are: {', '.join(CHANNELS)}")
    rows = np.asarray(message.data, np.uint8).reshape(message.height, message.step)
    pixels = rows[:, : message.width * (4 if "a" in message.encoding else 3)].reshape(message.height, message.width, -1)
    how = CHANNELS[message.encoding]
    return np.ascontiguousarray(pixels if how is None else cv2.cvtColor(pixels, how)).astype(np.uint8, copy=False)


def _even(rgb: Picture) -> Picture:
    """Without the last row or column where there is one too many for a video."""
    return np.ascontiguousarray(rgb[: rgb.shape[0] // 2 * 2, : rgb.shape[1] // 2 * 2])
