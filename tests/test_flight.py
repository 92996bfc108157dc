"""The flight recorder: nothing is lost unseen, whatever happens to the process, the disk or the bytes."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from agent.errors import UserError
from agent.flight import FlightConfig, FlightRecorder, check, read
from agent.flight.chain import segments
from robots.fake import FakeRobot
from robots.interface import Command
from robots.safety import Reason, SafeRobot, Veto

SMALL = FlightConfig(segment_bytes=12_000, most_bytes=60_000, pictures_hz=1.0)


def flown(folder: Path, config: FlightConfig | None = None, commands: int = 60) -> FlightRecorder:
    flight = FlightRecorder(folder, {"robot": "panda", "seed": 3}, config or FlightConfig())
    robot = flight.around(SafeRobot(FakeRobot(), told=flight.veto))
    robot.observe()
    goal = robot.spec.home_q_rad + 0.2
    for k in range(commands):
        robot.send(Command(arm_q=goal if k != 5 else np.full(7, np.nan)))
        robot.wait(robot.spec.period_s)
        if k % 10 == 0:
            robot.observe()
        time.sleep(0.0005)
    flight.close()
    return flight


def test_everything_comes_back_in_order(tmp_path: Path) -> None:
    flown(tmp_path)
    entries, found = list(read(tmp_path)), check(tmp_path)
    kinds = [e.kind for e in entries]
    assert found.broken is None
    assert found.ended
    assert found.torn_bytes == 0
    assert found.head == entries[-1].hash.hex()
    assert [e.number for e in entries] == list(range(found.records))
    assert kinds.count("command") == kinds.count("wait") == 60
    assert kinds.count("observation") == 7
    assert kinds.count("picture") == 2  # one a second of the robot's clock
    assert kinds.count("veto") == 1
    veto = next(e for e in entries if e.kind == "veto")
    assert veto.fields["reason"] == "NOT_FINITE"
    sent = [e.fields["sent"]["arm_q"] for e in entries if e.kind == "command" and "arm_q" in e.fields["sent"]]
    assert sent[-1] == pytest.approx((FakeRobot().spec.home_q_rad + 0.2).tolist())
    picture = next(e for e in entries if e.kind == "picture")
    assert picture.blob[:3] == b"\xff\xd8\xff"  # JPEG


def test_any_flipped_byte_is_found_and_its_record_named(tmp_path: Path) -> None:
    flown(tmp_path, commands=12)
    path = segments(tmp_path)[0]
    whole = path.read_bytes()
    starts, at = [], 0
    for _ in read(tmp_path):
        starts.append(at)
        at += 48 + 4 + int.from_bytes(whole[at + 4 : at + 8], "little") + 32
    assert at == len(whole)
    rng = np.random.default_rng(0)
    places = {*starts, *(s + 5 for s in starts), len(whole) - 1, *rng.integers(len(whole), size=150).tolist()}
    for place in sorted(places):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << int(rng.integers(8)))]) + whole[place + 1 :])
        broken = check(tmp_path).broken
        assert broken is not None, place
        assert broken.number == int(np.searchsorted(starts, place, side="right")) - 1, place


def test_cut_off_at_any_byte_it_reads_up_to_there(tmp_path: Path) -> None:
    flown(tmp_path, commands=8)
    path = segments(tmp_path)[0]
    whole, last = path.read_bytes(), 0
    for cut in np.unique(np.random.default_rng(1).integers(1, len(whole), size=120)):
        path.write_bytes(whole[:cut])
        found = check(tmp_path)
        assert found.broken is None
        assert not found.ended
        assert found.records >= last
        last = found.records
    assert last > 10


def test_the_oldest_go_first_and_the_chain_holds(tmp_path: Path) -> None:
    flown(tmp_path, SMALL, commands=400)
    found, files = check(tmp_path), segments(tmp_path)
    assert found.broken is None
    assert found.first > 0
    assert int(files[0].stem) > 0
    assert sum(f.stat().st_size for f in files) < SMALL.most_bytes + 2000
    assert next(iter(read(tmp_path))).fields["seed"] == 3
    files[1].unlink()
    assert "missing" in str(check(tmp_path).broken)


def test_a_full_disk_stops_nothing_and_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room, said = [6000], list[str]()
    write = os.write

    def full(fd: int, data: bytes) -> int:
        if os.readlink(f"/proc/self/fd/{fd}").endswith(".flight"):
            if room[0] <= 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            data = data[: room[0]]  # part of a record, and then no more
            room[0] -= len(data)
        return write(fd, data)

    monkeypatch.setattr("agent.flight.disk.os.write", full)
    monkeypatch.setattr("agent.flight.recorder.RETRY_S", 0.02)
    flight = FlightRecorder(tmp_path, {}, say=said.append)
    robot = flight.around(FakeRobot())
    for _ in range(60):
        robot.send(Command(arm_q=robot.spec.home_q_rad))
        robot.wait(robot.spec.period_s)
    time.sleep(0.1)
    assert check(tmp_path).broken is None
    assert check(tmp_path).torn_bytes == 0
    room[0] = 10**9  # somebody made room
    time.sleep(0.05)
    flight.note("after")
    flight.close()
    entries = list(read(tmp_path))
    lost = next(e for e in entries if e.kind == "dropped")
    assert len(said) == 1
    assert "No space" in said[0]
    assert sum(flight.dropped.values()) == sum(
        sum(e.fields["records"].values()) for e in entries if e.kind == "dropped"
    )
    assert lost.fields["records"]["command"] > 5
    assert [e.kind for e in entries][-1] == "end"
    assert check(tmp_path).broken is None


def test_a_slow_disk_never_holds_the_robot_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.flight.recorder.QUEUE", 20)
    flight = FlightRecorder(tmp_path, {})
    append = flight._segments.append

    def slow(*given: object) -> None:
        time.sleep(0.01)
        append(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(flight._segments, "append", slow)
    flight._queue.maxsize = 20
    start = time.perf_counter()
    for _ in range(200):
        flight.note("command")
    assert time.perf_counter() - start < 0.5
    assert flight.dropped["command"] > 100
    flight.close()
    assert check(tmp_path).ended
    assert (
        sum(e.fields["records"]["command"] for e in read(tmp_path) if e.kind == "dropped") <= flight.dropped["command"]
    )


KILLED = """
import sys
from pathlib import Path
from agent.flight import FlightRecorder
flight = FlightRecorder(Path(sys.argv[1]), {"robot": "x"})
for k in range(10**9):
    flight.note("command", wish=list(range(k % 50)))
"""


def test_killed_in_the_midst_of_it_the_recording_is_whole(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)])
    # Until so much is on the disk, however slow the machine: a record is under 400 bytes.
    deadline_s = time.monotonic() + 120
    while sum(file.stat().st_size for file in tmp_path.rglob("*")) < 100_000 and time.monotonic() < deadline_s:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    found = check(tmp_path)
    assert found.broken is None
    assert found.records > 100
    assert not found.ended


def test_it_never_writes_over_another_recording(tmp_path: Path) -> None:
    flown(tmp_path, commands=2)
    with pytest.raises(UserError, match="already"):
        FlightRecorder(tmp_path, {})
    with pytest.raises(UserError, match="no recording"):
        check(tmp_path / "nowhere")


def test_a_veto_of_the_kernel_is_written_with_its_reason(tmp_path: Path) -> None:
    flight = FlightRecorder(tmp_path, {})
    flight.veto(Veto(reason=Reason.COLLISION, detail="link 3", time_s=1.5))
    flight.close()
    assert [e.fields.get("reason") for e in read(tmp_path)][1] == "COLLISION"
