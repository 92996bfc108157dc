"""How well `calibrate` finds cameras: mounts, lenses and boards drawn from seeds, rendered pictures with noise.

    python -m benchmarks.calibration mounts=10          # each row 10 seeds; half a minute a seed
    python -m benchmarks.calibration only=stretch-wrist # rows whose name begins so

The robot is put from one view to the next, which saves the time of driving; `palmetto calibrate` drives.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agent.artifacts import RunRecord
from agent.calibration.board import Board
from agent.calibration.drive import Looker
from agent.calibration.fit import Limits
from agent.calibration.rig import Rig
from agent.commands.calibrate import Job
from agent.errors import Exit, PalmettoError
from robots.mobile_panda import mobile_panda
from robots.safety import STANDARD
from robots.spec import RobotSpec
from robots.stretch import stretch
from sim.calibration.bench import Bench, open_bench
from sim.mobile import MobileArm

ROWS = (
    (mobile_panda, "wrist", False),
    (mobile_panda, "head", True),
    (stretch, "wrist", False),
    (stretch, "head", True),
    (mobile_panda, "head", False),
)
FIRST_SEED = 3_100_000
LIMITS = {"position_mm": 1.0, "angle_deg": 0.2, "focal": 0.005}


class Placed(Looker):
    """Puts the robot where it is to look from, which takes no time, and drives it nowhere."""

    def __init__(self, bench: Bench, rig: Rig) -> None:
        super().__init__(bench.stage.sim_robot, rig, Board(), pace=1.0)
        self._world = bench.stage.world

    def go(self, q: NDArray[np.float64]) -> bool:
        arm, dof = self._world.arm, self.rig.spec.dof
        assert isinstance(arm, MobileArm)
        arm.teleport(q[:dof], self.rig.spec.gripper_max_width_m)
        arm.set_head(q[dof:])
        return True


def run(robot: Callable[[], RobotSpec], camera: str, held: bool, seed: int, out: Path) -> dict[str, float]:
    """One calibration: how far off it is, and what it says of itself.

    Raises:
        PalmettoError: it gave up.
    """
    rig = Rig(spec=robot(), camera=camera, held=held)
    bench = open_bench(
        seed=seed, robot=robot, camera=camera, held=held, board=Board(), renderer="auto", safety=STANDARD
    )
    record = RunRecord(command="calibrate", out=out, seed=seed)
    job = Job(record, Board(), Limits(), given=False, coefficients=4, camera=camera, into=None)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            code = job.of_robot(Placed(bench, rig), 25, None, np.random.default_rng([seed, 13]), bench.truth(camera))
    finally:
        bench.close()
    spread = record.figures["spread"]
    return {**record.figures["truth"], "accepted": float(code is Exit.DONE), "spread_mm": spread["position_mm"]}


def main() -> None:
    options = dict(word.split("=") for word in sys.argv[1:])
    count = int(options.get("mounts", "10"))
    only = options.get("only", "")
    print(
        "| robot, camera, board | accepted | within limits | position mm | angle deg | focal % | centre % | "
        "error/spread |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for number, (robot, camera, held) in enumerate(ROWS):
        if not f"{robot().name}-{camera}".startswith(only):
            continue
        done = []
        for i in range(count):
            seed = FIRST_SEED + 1000 * number + i
            with tempfile.TemporaryDirectory() as folder:
                try:
                    done.append(run(robot, camera, held, seed, Path(folder) / "run"))
                except PalmettoError as e:
                    print(f"seed {seed}: {e}", file=sys.stderr, flush=True)
        within = sum(all(f[k] <= most for k, most in LIMITS.items()) for f in done)

        def told(key: str, times: float = 1.0, done: list[dict[str, float]] = done) -> str:
            values = times * np.array([f[key] for f in done])
            return f"{np.median(values):.3f} / {values.max():.3f}" if len(values) else "none"

        ratio = np.array([f["position_mm"] / f["spread_mm"] for f in done])
        own = f"{np.median(ratio):.2f} / {ratio.max():.2f}" if len(ratio) else "none"
        accepted = round(sum(f["accepted"] for f in done))
        print(
            f"| {robot().name}, {camera}, {'in the hand' if held else 'stands'} | {accepted} of {count} | "
            f"{within} of {count} | "
            f"{told('position_mm')} | {told('angle_deg')} | {told('focal', 100)} | {told('centre', 100)} | {own} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
