"""How well `calibrate` finds cameras: mounts, lenses and boards drawn from seeds, rendered pictures with noise.

python benchmarks/calibration.py mounts=10            # each row 10 seeds; about 40 s a seed
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from agent.cli import main as palmetto

ROWS = (
    ("mobile_panda", "wrist", False),
    ("mobile_panda", "head", True),
    ("mobile_panda", "head", False),
    ("stretch", "wrist", False),
    ("stretch", "head", True),
)
FIRST_SEED = 3_100_000
LIMITS = {"position_mm": 1.0, "angle_deg": 0.2, "focal": 0.005}


def run(robot: str, camera: str, held: bool, seed: int, out: Path) -> dict[str, float | str]:
    """One calibration: how far off it is, what it says of itself; or why it gave up."""
    words = [
        "calibrate", f"robot={robot}", f"camera={camera}", f"held={str(held).lower()}", f"seed={seed}", "count=25",
        f"out={out}",
    ]  # fmt: skip
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = palmetto(words)
    if not (out / "result.json").is_file():
        return {"why": said.getvalue().strip().splitlines()[-1]}
    result = json.loads((out / "result.json").read_text())
    if "truth" not in result:
        return {"why": str(result.get("error", code))}
    spread = result["spread"]
    return {
        **result["truth"], "accepted": code == 0, "spread_mm": spread["position_mm"], "spread_deg": spread["angle_deg"],
        "views": result["views"], "rms_px": result["rms_px"], "total_s": result["timings_s"]["total"],
    }  # fmt: skip


def main() -> None:
    options = dict(word.split("=") for word in sys.argv[1:])
    count = int(options.get("mounts", "10"))
    rows = [r for r in ROWS if options.get("only", "") in f"{r[0]}-{r[1]}-{'held' if r[2] else 'stands'}"]
    print("| robot, camera, board | accepted | within limits | position mm | angle deg | focal % | centre % | error/spread |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for number, (robot, camera, held) in enumerate(rows):
        found = []
        for i in range(count):
            with tempfile.TemporaryDirectory() as folder:
                seed = FIRST_SEED + 1000 * number + i
                one = run(robot, camera, held, seed, Path(folder) / "run")
            if "why" in one:
                print(f"seed {seed}: {one['why']}", file=sys.stderr, flush=True)
            found.append(one)
        done = [f for f in found if "why" not in f]
        within = sum(all(float(f[k]) <= most for k, most in LIMITS.items()) for f in done)

        def told(key: str, times: float = 1.0, done: list[dict[str, float | str]] = done) -> str:
            values = times * np.array([float(f[key]) for f in done])
            return f"{np.median(values):.3f} / {values.max():.3f}" if len(values) else "none"

        ratio = np.array([float(f["position_mm"]) / float(f["spread_mm"]) for f in done])
        own = f"{np.median(ratio):.2f} / {ratio.max():.2f}" if len(ratio) else "none"
        accepted = sum(bool(f["accepted"]) for f in done)
        print(
            f"| {robot}, {camera}, {'in the hand' if held else 'stands'} | {accepted} of {count} | {within} of {count} | "
            f"{told('position_mm')} | {told('angle_deg')} | {told('focal', 100)} | {told('centre', 100)} | {own} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
