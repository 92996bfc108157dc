"""One picture, one sentence, one plan: the agent without a robot.

    python examples/plan_from_picture.py "put the red block in the green bowl" plan.png

The picture comes from the simulator here; any `robots.interface.Observation` will do, such as one of a real camera.
"""

from __future__ import annotations

import sys

import cv2

from agent import load_planner
from agent.plan import format_plan
from sim.robot import open_sim_robot
from sim.scenes import scene_from_names


def main(sentence: str, out: str) -> None:
    robot = open_sim_robot()
    robot.reset(scene_from_names(["red block", "green bowl", "blue block", "yellow plate"], seed=2_000_000))
    observation = robot.observe()
    robot.close()

    plan = load_planner("nano").plan(sentence, observation, history=())
    print(format_plan(plan.calls))

    picture = cv2.cvtColor(observation.frames["front"].rgb, cv2.COLOR_RGB2BGR)
    for number, call in enumerate(plan.calls, start=1):
        if call.point is not None:
            row, col = call.point
            cv2.drawMarker(picture, (col, row), (255, 255, 255), cv2.MARKER_CROSS, 12, 1)
            cv2.putText(picture, str(number), (col + 6, row - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255))
    cv2.imwrite(out, picture)
    print(f"the points are marked in {out}")


if __name__ == "__main__":
    main(*(sys.argv[1:] or ["put the red block in the green bowl"])[:1], *(sys.argv[2:] or ["plan.png"]))
