"""What becomes of a moving robot when something breaks: 200 faults, each in a process of its own, in real time.

    python benchmarks/faults.py [faults=200] [seed=0] [out=faults.jsonl]

Here is the robot, mobile_panda in PyBullet, with nothing but its drives' own limits (robots.limits); in another
process, over a socket, is who commands it: SafeRobot, a recorder, a motion of base and arm. Somewhere in it one of:

- killed: the commanding process gets SIGKILL
- frozen: the robot says for ever that its joints are where they were; or sends one picture for ever
- nan: one joint is not a number
- clock: the robot's clock jumps, forwards or back
- cut: no answer any more
- disk: the recorder's disk is full (the process may write so many bytes to a file and no more)
- silent: the planner never answers

Stopped is when base and joints stand by the physics and stay so; it may take `seen` (what each watchdog is set to) and
`stop_s`. A full disk must not stop the robot: there, that the motion went on. Every recording must read to its end.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from agent.flight import FlightConfig, FlightRecorder, check
from benchmarks.safety import Pen, PenScene
from robots.geometry import Pose
from robots.interface import CameraFrame, Command, Observation, RobotState
from robots.mobile_panda import mobile_panda
from robots.safety import SafeRobot, SafetyConfig, SafetyStop, watching
from robots.spec import RobotSpec
from sim.mobile import MobileArm
from sim.render_tiny import TinyRenderer
from sim.robot import SimRobot
from sim.world import World

KINDS = ("killed", "frozen", "nan", "clock", "cut", "disk", "silent")
SPEC = mobile_panda()
CONFIG = SafetyConfig(stray=0.12, stray_s=0.15, max_age_s=0.3, clock_s=0.25, deadline_s=0.1)
ANSWER_S = 0.25
"""A robot that does not answer for so long is gone."""
SEEN_S = {"killed": 0.3, "frozen": 1.2, "nan": 0.2, "clock": 0.5, "cut": 0.3 + ANSWER_S, "disk": 0.0, "silent": 0.2}
"""How long it may take until each is seen: the drives' and the watchdogs' times, and motion until a joint is off."""
STILL = 0.02
"""m/s, rad/s."""
LATER_S = 0.5
"""Beyond what is allowed, for seeing that it stays so."""
DISK_BYTES = 60_000


# The robot's side


def body(trial: int, kind: str, rng: np.random.Generator, sim: SimRobot, folder: Path) -> dict[str, Any]:
    """One trial, from the robot's side."""
    sim.reset(PenScene(setting=Pen(drives=True), seed=trial))
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    variant = int(rng.integers(2))
    child = os.fork()
    if child == 0:
        mine.close()
        os._exit(brain(theirs, kind, folder))
    theirs.close()
    mine.setblocking(False)
    begin_s = sim.world.time_s
    fault_s, broken, kept = float(rng.uniform(1.0, 1.8)), False, None
    limit_s = SEEN_S[kind] + CONFIG.stop_s
    moved_s, period, dead, speed_then = 0.0, SPEC.period_s, False, 0.0
    speeds = [0.0] * 15  # of the last quarter of a second: a swing stands where it turns
    start, now_s = time.monotonic(), 0.0
    arm = sim.world.arm
    assert isinstance(arm, MobileArm)
    before = arm.q
    while now_s < fault_s + limit_s + LATER_S:
        if not broken and now_s >= fault_s:
            broken, kept, speed_then = True, sim.state(), max(speeds)
            if kind == "killed":
                os.kill(child, signal.SIGKILL)
        for _ in range(8):
            try:
                message = mine.recv(65536)
            except BlockingIOError:
                break
            except OSError:
                dead = True
                break
            if not message:
                dead = True
                break
            answer = serve(sim, json.loads(message), kind if broken else "", variant, kept)
            if answer is not None:
                with suppress(OSError):
                    mine.send(json.dumps(answer).encode())
        sim.wait(period)
        now_s = sim.world.time_s - begin_s
        speed = float(max(np.abs(arm.base_twist).max(), np.abs((arm.q - before) / period).max()))
        before = arm.q
        speeds = [*speeds[1:], speed]
        if speed > STILL:
            moved_s = now_s
        if (ahead := now_s - (time.monotonic() - start)) > 0:
            time.sleep(ahead)
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    mine.close()
    found = check(folder)
    took_s = max(0.0, moved_s - fault_s)
    went_on = kind == "disk"
    return {
        "trial": trial, "kind": kind, "variant": variant, "fault_s": round(fault_s, 3),
        "speed_then": round(speed_then, 3), "stopped_s": round(took_s, 3), "limit_s": limit_s, "records": found.records,
        "readable": found.broken is None and found.records > 5, "dead": dead,
        "fine": (took_s > 1.0 if went_on else took_s <= limit_s) and speed_then > STILL,
    }  # fmt: skip


def serve(sim: SimRobot, asked: dict[str, Any], fault: str, variant: int, kept: RobotState | None) -> Any:
    """The answer to one message; None: silence."""
    if fault == "cut":
        return None
    if "send" in asked:
        sent = sim.send(command_of(asked["send"]))
        return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in vars(sent).items() if v is not None}
    state, time_s = sim.state(), sim.world.time_s
    if fault == "frozen" and kept is not None:
        if variant:
            time_s = asked.get("last_s", time_s)
        else:
            state = kept
    if fault == "clock":
        time_s += 5.0 if variant else -5.0
    base, q = state.world_T_base, state.arm_q.tolist()
    if fault == "nan":
        q[variant] = None
    return {"time_s": time_s, "q": q, "width": state.gripper_width_m, "xyz": base.xyz.tolist(), "yaw": base.yaw_rad,
            "head": [] if state.head_q is None else state.head_q.tolist()}  # fmt: skip


def command_of(said: dict[str, Any]) -> Command:
    arrays = {k: np.array(v) for k, v in said.items() if k != "gripper_width_m"}
    return Command(**arrays, gripper_width_m=said.get("gripper_width_m"))


# The commanding side


class Remote:
    """A Robot at the other end of a socket."""

    def __init__(self, end: socket.socket) -> None:
        self._end, self._last_s = end, 0.0
        end.settimeout(ANSWER_S)

    @property
    def spec(self) -> RobotSpec:
        return SPEC

    def _asked(self, question: dict[str, Any]) -> Any:
        self._end.send(json.dumps(question).encode())
        answer = self._end.recv(65536)
        if not answer:
            raise EOFError("the robot has hung up")
        return json.loads(answer)

    def send(self, command: Command) -> Command:
        given = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in vars(command).items() if v is not None}
        sent = self._asked({"send": given})
        return command_of(sent)

    def state(self) -> RobotState:
        return self._state(self._asked({"state": 1, "last_s": self._last_s}))

    def _state(self, said: dict[str, Any]) -> RobotState:
        q = np.array([np.nan if v is None else v for v in said["q"]])
        here = Pose.from_xyz_yaw(said["xyz"], said["yaw"])
        return RobotState(
            world_T_base=here, arm_q=q, gripper_width_m=said["width"], world_T_tool=here, holding=False,
            head_q=np.array(said["head"]),
        )  # fmt: skip

    def observe(self) -> Observation:
        said = self._asked({"observe": 1, "last_s": self._last_s})
        self._last_s = said["time_s"]
        mount = SPEC.cameras[0]
        frame = CameraFrame(
            rgb=np.full((24, 32, 3), int(self._last_s * 40) % 255, dtype=np.uint8),
            depth_m=np.ones((24, 32), dtype=np.float32), intrinsics=mount.intrinsics, world_T_camera=Pose.identity(),
        )  # fmt: skip
        return Observation(time_s=said["time_s"], frames={mount.name: frame}, state=self._state(said), camera="head")

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def stop(self) -> None:
        """Its drives hold what they were sent."""

    def close(self) -> None:
        self._end.close()


def brain(end: socket.socket, kind: str, folder: Path) -> int:
    """Drives in a circle and swings the arm until something stops it."""
    if kind == "disk":
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (DISK_BYTES, DISK_BYTES))
    flight = FlightRecorder(folder, {"robot": SPEC.name}, FlightConfig(pictures_hz=5.0), say=lambda line: None)
    robot = SafeRobot(Remote(end), CONFIG, clock=time.monotonic, told=flight.veto)
    recorded, begun = flight.around(robot), time.monotonic()
    with watching(robot, SPEC.period_s):
        try:
            for k in range(10**6):
                passed = time.monotonic() - begun
                if kind == "silent" and passed > 1.0:
                    time.sleep(3600)  # the planner thinks
                swing = np.zeros(7)
                swing[0], swing[3] = 0.8 * np.sin(2.5 * passed), 0.3 * np.sin(1.7 * passed)
                recorded.send(Command(arm_q=SPEC.home_q_rad + swing, base_twist=np.array([0.2, 0.0, 0.45])))
                if k % 6 == 0:
                    recorded.observe()
                recorded.wait(SPEC.period_s)
        except SafetyStop:
            pass  # what was to happen: the parent looks at the robot, and at the record that `told` has of why
        if kind != "nan":
            flight.close()  # the others leave it as it is
        time.sleep(3600)
    return 0


def main() -> None:
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    rng = np.random.default_rng(int(given.get("seed", "0")))
    sim = SimRobot(World(spec=SPEC), TinyRenderer())
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for trial in range(int(given.get("faults", "200"))):
            kind = KINDS[trial % len(KINDS)]
            rows.append(body(trial, kind, rng, sim, Path(scratch) / str(trial)))
            if "out" in given:
                with Path(given["out"]).open("a") as f:
                    f.write(json.dumps(rows[-1]) + "\n")
            if not (rows[-1]["fine"] and rows[-1]["readable"]):
                print(rows[-1], file=sys.stderr, flush=True)
    print("fault     n    stopped in time  s to rest: median  most  allowed  recordings that read")
    for kind in KINDS:
        mine = [r for r in rows if r["kind"] == kind]
        if not mine:
            continue
        took = sorted(r["stopped_s"] for r in mine)
        fine, read = sum(r["fine"] for r in mine), sum(r["readable"] for r in mine)
        if kind == "disk":
            print(f"{kind:9} {len(mine):<4} {fine} went on{'':33} {read}")
            continue
        median, most, allowed = took[len(took) // 2], took[-1], mine[0]["limit_s"]
        print(f"{kind:9} {len(mine):<4} {fine:<16} {median:<18.2f} {most:<5.2f} {allowed:<8.2f} {read}")


if __name__ == "__main__":
    main()
