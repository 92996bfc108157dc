"""`calibrate`: a camera's lens and its place on the robot, from a ChArUco board."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from agent.artifacts import RunRecord, write_png
from agent.calibration.board import Board, write_sheet
from agent.calibration.detect import Detector
from agent.calibration.drive import Look, Looker
from agent.calibration.fit import COEFFICIENT_COUNTS, Fit, Lens, Limits, Shot, fit, moved_by
from agent.calibration.folder import picture_name, read_picture, read_views, write_views
from agent.calibration.report import camera_of, figures, sheet, write_calibration
from agent.calibration.rig import Rig
from agent.commands.learning import need
from agent.errors import Exit, PalmettoError, UserError
from agent.executor import Bounds
from robots.calibration import CameraCalibration
from robots.geometry import Pose
from robots.interface import Robot
from robots.safety import SafetyConfig, SafetyStop
from robots.spec import RobotSpec

if TYPE_CHECKING:
    from robots.ros2.config import Ros2Config

Float = NDArray[np.float64]
INTRINSICS = ("fit", "given")
CALIBRATION, SHEET, VIEWS = "calibration.json", "views.png", "views"


class Bench(Protocol):
    """A simulated robot before a board."""

    robot: Robot
    renderer: str

    def truth(self, camera: str) -> CameraCalibration: ...

    def close(self) -> None: ...


def calibrate(
    *,
    record: RunRecord,
    robot: Callable[[], RobotSpec],
    safety: SafetyConfig,
    board: str | None,
    views: str | None,
    camera: str,
    held: bool,
    charuco: Board,
    count: int,
    start: Sequence[float] | None,
    pace: float,
    intrinsics: str,
    coefficients: int,
    into: str | None,
    wait_s: float,
    renderer: str,
    limits: Limits,
    world: Callable[..., Bench],
) -> Exit:
    """See conf/calibrate.yaml."""
    if board is not None:
        path = Path(board).expanduser()
        write_sheet(path, charuco)
        record.figures.update(board=path, printed=str(charuco))
        print(f"board  {path}: {charuco}; print at 100 % and measure a row before use", flush=True)
        return Exit.DONE
    if intrinsics not in INTRINSICS:
        raise UserError(f"intrinsics={intrinsics!r} does not fit: give fit or given")
    if coefficients not in COEFFICIENT_COUNTS:
        raise UserError(f"coefficients={coefficients} does not fit: give one of 0, 2, 4, 5")
    if not limits.views <= count <= 500:
        raise UserError(f"count={count} does not fit: give {limits.views} (limits.views) to 500")
    merged = None if into is None else Path(into).expanduser()
    if merged is not None and not merged.is_file():
        raise UserError(f"there is no {merged} to keep cameras of: leave out into=")
    job = Job(
        record, charuco, limits, given=intrinsics == "given", coefficients=coefficients, camera=camera, into=merged
    )
    if views is not None:
        return job.of_folder(Path(views).expanduser(), robot())
    rig = Rig(spec=robot(), camera=camera, held=held)
    rig.mount  # noqa: B018 - says in one line that there is none
    rng = np.random.default_rng([record.seed or 0, 13])
    opened = _behind_topics(robot, rig, safety, wait_s) if _speaks_ros2(robot) else None
    try:
        if opened is not None:
            with opened as driver:
                return job.of_robot(Looker(driver, rig, charuco, pace=pace), count, start, rng, None)
        bench = world(
            seed=record.seed or 0, robot=robot, camera=camera, held=held, board=charuco, renderer=renderer,
            safety=safety,
        )  # fmt: skip
        try:
            looker = Looker(bench.robot, rig, charuco, pace=pace)
            return job.of_robot(looker, count, start, rng, bench.truth(camera))
        finally:
            bench.close()
    except SafetyStop as e:
        raise PalmettoError(f"the robot was stopped: {e}") from e


class Job:
    """One calibration, wherever its pictures come from."""

    def __init__(
        self,
        record: RunRecord,
        board: Board,
        limits: Limits,
        *,
        given: bool,
        coefficients: int,
        camera: str,
        into: Path | None,
    ) -> None:
        self._record, self._board, self._limits, self._into = record, board, limits, into
        self._given, self._coefficients, self._camera = given, coefficients, camera

    def of_folder(self, folder: Path, spec: RobotSpec) -> Exit:
        """Pictures and poses that somebody has."""
        found = read_views(folder, spec, self._camera)
        detector = Detector(self._board)
        shots, pictures, left_out, shown = [], {}, {}, ""
        size: tuple[int, int] | None = None
        with self._record.timed("corners"):
            for view in found.views:
                name = view.picture.name
                rgb = read_picture(view.picture)
                if size is not None and rgb.shape[1::-1] != size:
                    raise UserError(
                        f"{view.picture} is {rgb.shape[1]} x {rgb.shape[0]}, those before it {size[0]} x {size[1]}"
                    )
                size = (rgb.shape[1], rgb.shape[0])
                corners = detector.find(rgb)
                if corners is None:
                    left_out[name] = "no board is seen"
                    shown = shown or detector.why_not(rgb)
                    continue
                shots.append(Shot(name=name, corners=corners, link_T_anchor=view.link_T_anchor))
                pictures[name] = rgb
        if not shots:
            raise UserError(
                f"no picture of {len(found.views)} shows the board ({self._board})" + (f": {shown}" if shown else "")
            )
        assert size is not None
        described = None
        if found.robot == spec.name and any(m.name == found.camera and m.link == found.link for m in spec.cameras):
            described = spec.camera(found.camera).link_T_camera
        return self._fitted(
            shots, pictures, left_out, size=size, robot=found.robot, camera=found.camera, link=found.link,
            described=described, k=found.intrinsics, truth=None,
        )  # fmt: skip

    def of_robot(
        self,
        looker: Looker,
        count: int,
        start: Sequence[float] | None,
        rng: np.random.Generator,
        truth: CameraCalibration | None,
    ) -> Exit:
        """A robot's own looks."""
        with self._record.timed("begin"):
            first = looker.begin(start)
        height, width = first.rgb.shape[:2]
        given = first.intrinsics if self._given else None
        lens = Lens(width=width, height=height, intrinsics=given, coefficients=self._coefficients)
        with self._record.timed("choose"):
            way = looker.chosen(first, count, lens, rng)
        print(f"views  {count} from where the board is seen, {width} x {height} px", flush=True)
        seen: list[int] = []

        def told(look: Look) -> None:
            seen.append(0 if look.corners is None else len(look.corners))
            print(f"\r       {np.count_nonzero(seen)} of {count}: {seen[-1]:2} corners   ", end="", flush=True)

        looks: list[Look] = []
        try:
            with self._record.timed("look"):
                looks.extend(looker.views(way, count, told))
                print(flush=True)
        finally:
            looker.robot.stop()
            if looks:
                write_views(self._record.out / VIEWS, looker.rig, looks)
        looker.back(first.q)
        shots, pictures, left_out = [], {}, {}
        for number, look in enumerate(looks):
            name = picture_name(number)
            if look.corners is None:
                left_out[name] = "no board is seen"
                continue
            shots.append(Shot(name=name, corners=look.corners, link_T_anchor=looker.rig.pose(look.q)))
            pictures[name] = look.rgb
        rig = looker.rig
        return self._fitted(
            shots, pictures, left_out, size=(width, height), robot=rig.spec.name, camera=rig.camera,
            link=rig.mount.link, described=rig.mount.link_T_camera, k=first.intrinsics, truth=truth,
        )  # fmt: skip

    def _fitted(
        self,
        shots: Sequence[Shot],
        pictures: dict[str, NDArray[np.uint8]],
        left_out: dict[str, str],
        *,
        size: tuple[int, int],
        robot: str,
        camera: str,
        link: str,
        described: Pose | None,
        k: Float | None,
        truth: CameraCalibration | None,
    ) -> Exit:
        if self._given and k is None:
            raise UserError('intrinsics=given takes those of the pictures: poses.json has no "intrinsics"')
        width, height = size
        lens = Lens(width=width, height=height, intrinsics=k if self._given else None, coefficients=self._coefficients)
        with self._record.timed("fit"):
            found = fit(self._board, shots, lens, self._limits, left_out=left_out)
        told = figures(found, self._limits, described, k)
        calibration = camera_of(found, name=camera, link=link, width=width, height=height)
        out = self._record.out
        self._record.figures.update(robot=robot, camera=camera, board=str(self._board), calibration=CALIBRATION, **told)
        if truth is not None:
            self._record.figures["truth"] = beside(calibration, truth)
        write_png(out / SHEET, sheet(self._board, found, [pictures[s.name] for s in found.used]))
        write_calibration(out / CALIBRATION, robot, calibration, told, self._into)
        print("\n".join(lines(found, told, out, truth is not None, self._record.figures)), flush=True)
        return Exit.DONE if told["accepted"] else Exit.FAILED


def beside(found: CameraCalibration, truth: CameraCalibration) -> dict[str, float]:
    """How far off what was found is, where the truth is known."""
    way_mm, turn_deg = moved_by(found.link_T_camera, truth.link_T_camera)
    k, t = found.intrinsics, truth.intrinsics
    return {
        "position_mm": way_mm, "angle_deg": turn_deg,
        "focal": float(max(abs(k[0, 0] / t[0, 0] - 1), abs(k[1, 1] / t[1, 1] - 1))),
        "centre": float(np.max(np.abs(k[:2, 2] - t[:2, 2]) / [truth.width, truth.height])),
    }  # fmt: skip


def lines(found: Fit, told: dict[str, Any], out: Path, in_simulation: bool, all_told: dict[str, Any]) -> Iterator[str]:
    """For the screen."""
    s, mount = told["spread"], found.solution.model.link_T_camera
    yield (
        f"lens   {told['rms_px']:.2f} px off with poses of their own; through the robot {told['rms_px_robot']:.2f}, "
        f"views left out {told['rms_px_left_out']:.2f}"
    )
    yield f"robot  off by {told['robot_mm']:.2f} mm, {told['robot_deg']:.3f} degrees"
    at = np.round(mount.xyz, 4).tolist()
    yield f"mount  at {at} m, known to {s['position_mm']:.2f} mm and {s['angle_deg']:.3f} degrees"
    if "from_description" in told:
        d = told["from_description"]
        yield f"       {d['position_mm']:.1f} mm and {d['angle_deg']:.2f} degrees from where the description has it"
    if in_simulation:
        t = all_told["truth"]
        yield (
            f"truth  {t['position_mm']:.2f} mm, {t['angle_deg']:.3f} degrees, focal lengths {100 * t['focal']:.2f} % "
            "off"
        )
    for name, why in sorted(told["left_out"].items()):
        yield f"       {name} is left out: {why}"
    verdict = "accepted" if told["accepted"] else "not accepted: " + "; ".join(told["lacks"])
    yield f"{verdict}  {out / CALIBRATION}, {out / SHEET}"


def _speaks_ros2(robot: Callable[[], RobotSpec]) -> bool:
    """Without an import of what speaks it."""
    return type(robot).__name__ == "Ros2Config"


@contextmanager
def _behind_topics(robot: Any, rig: Rig, safety: SafetyConfig, wait_s: float) -> Iterator[Robot]:
    """The robot behind its topics, behind the safety kernel, its pictures as the camera takes them."""
    need("ros2", "cyclonedds")
    from agent.onboard.deploy import deployment
    from robots.ros2.robot import RobotSilent

    config: Ros2Config = robot
    if rig.camera not in config.cameras:
        raise UserError(f"robot.cameras has no {rig.camera!r}; it has {', '.join(config.cameras)}")
    # Its own present calibration has no say in what is measured.
    bare = replace(config, calibration=None)
    try:
        with deployment(bare, rooms=None, bounds=Bounds(), limit_s=wait_s, safety=safety) as side:
            side.ros2.senses.cameras[rig.camera].native = True
            side.guard.begin()
            yield side.robot
    except RobotSilent as e:
        raise PalmettoError(str(e)) from e
