"""Cameras found again: drawn boards, made-up views with a known truth, and one robot that looks at a rendered board."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from agent.calibration.board import MARGIN_M, POINT_M, Board, drawn, write_sheet
from agent.calibration.detect import Corners, Detector
from agent.calibration.fit import Lens, Limits, Shot, fit, spread, view_of
from agent.calibration.model import Model, linearised, projected
from agent.calibration.motions import apart, motion_pose
from agent.calibration.rig import Rig
from agent.cli import main
from agent.errors import UserError
from robots.calibration import CalibrationError, CameraCalibration, calibrated, read_calibration
from robots.geometry import Pose
from robots.kinematics import base_T_camera
from robots.mobile_panda import mobile_panda
from robots.ros2.cameras import Straightener
from robots.stretch import stretch

BOARD = Board()
LENS = np.array([600.0, 604.0, 322.0, 236.0, -0.08, 0.05, 0.0005, -0.0007, 0.0])
MOUNT = motion_pose(np.array([0.1, -0.2, 1.4, 0.05, 0.02, -0.03]))
PLACE = motion_pose(np.array([3.0, 0.1, 0.05, 0.5, 0.1, 0.02]))
SIZE = (640, 480)


def made_up(seed=0, *, count=20, noise_px=0.1, robot=(0.0, 0.0), tilt=(0.4, 0.4, 0.6)) -> list[Shot]:
    """Views from around the board, by the truth above; robot: deviations of its poses, rad and m."""
    rng = np.random.default_rng(seed)
    middle = BOARD.outline_m.mean(axis=0)
    shots: list[Shot] = []
    while len(shots) < count:
        turned = motion_pose(np.concatenate([rng.uniform(-1, 1, 3) * tilt, np.zeros(3)]))
        at = np.array([*rng.uniform(-0.06, 0.06, 2), rng.uniform(0.35, 0.55)])
        seen = Pose(xyz=at - turned.rotation @ middle, quat_xyzw=turned.quat_xyzw)
        px = projected(LENS, seen.apply(BOARD.corners_m))[0]
        inside = ((px > 3) & (px < np.array(SIZE) - 4)).all(axis=1)
        if inside.sum() < 12:
            continue
        errs = motion_pose(np.concatenate([rng.normal(0, 1, 3) * robot[0], rng.normal(0, 1, 3) * robot[1]]))
        corners = Corners(
            ids=np.flatnonzero(inside), px=px[inside] + rng.normal(0, noise_px, (inside.sum(), 2)), blur_px=1.5
        )
        name, anchor = f"{len(shots):03}.png", errs @ MOUNT @ seen @ PLACE.inverse()
        shots.append(Shot(name=name, corners=corners, link_T_anchor=anchor))
    return shots


def fitted(shots, **known):
    return fit(BOARD, shots, Lens(width=SIZE[0], height=SIZE[1], **known), Limits())


# The board


def test_a_board_is_the_one_that_opencv_draws():
    ours = drawn(BOARD, 4000, 0.0)
    theirs = BOARD.detectable.generateImage(ours.shape[::-1])
    assert (ours != theirs).mean() < 0.01  # edges fall between pixels
    px = Detector(BOARD).find(np.repeat(drawn(BOARD, 4000)[..., None], 3, axis=2))
    assert len(px) == len(BOARD.corners_m)
    np.testing.assert_allclose(px.px, (BOARD.corners_m[px.ids, :2] + MARGIN_M) * 4000 - 0.5, atol=0.02)


def test_a_printed_sheet_has_its_true_scale(tmp_path):
    write_sheet(tmp_path / "board.pdf", BOARD)
    text = (tmp_path / "board.pdf").read_bytes().decode("latin-1")
    page = [float(v) * POINT_M for v in re.search(r"MediaBox \[0 0 (\S+) (\S+)\]", text).groups()]
    np.testing.assert_allclose(page, [7 * 0.038 + 2 * MARGIN_M, 5 * 0.038 + 2 * MARGIN_M], atol=1e-6)
    sides = [float(w) for w in re.findall(r"\S+ \S+ (\S+) \S+ re", text)]
    assert max(sides) * POINT_M == pytest.approx(0.038, abs=1e-6)
    start = int(re.search(r"startxref\n(\d+)", text)[1])
    assert text[start : start + 4] == "xref"
    write_sheet(tmp_path / "board.png", BOARD)
    content = (tmp_path / "board.png").read_bytes()
    x, y, unit = struct.unpack(">IIB", content[content.index(b"pHYs") + 4 :][:9])
    assert (x, y, unit) == (23622, 23622, 1)  # 600 dots an inch, told in metres
    picture = cv2.imread(str(tmp_path / "board.png"), cv2.IMREAD_GRAYSCALE)
    assert picture.shape[1] == pytest.approx((7 * 0.038 + 2 * MARGIN_M) * x, abs=1)
    with pytest.raises(UserError, match="PDF or PNG"):
        write_sheet(tmp_path / "board.jpg", BOARD)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"dictionary": "DICT_9X9_50"}, "DICT_4X4_50"),
        ({"columns": 2}, "3 to 40"),
        ({"marker_m": 0.037}, "marker_m"),
        ({"columns": 12, "rows": 10}, "too few markers"),
    ],
)
def test_boards_that_can_not_be(wrong, said):
    with pytest.raises(UserError, match=said):
        Board(**wrong)


def test_a_blurred_picture_and_another_board_are_known():
    sharp = np.repeat(drawn(BOARD, 2500)[..., None], 3, axis=2)
    detector = Detector(BOARD)
    assert detector.find(sharp).blur_px < 2
    assert detector.find(np.ascontiguousarray(cv2.blur(sharp, (7, 1)))).blur_px > 5  # moved along x alone
    assert "DICT_4X4_50" in Detector(Board(dictionary="DICT_5X5_50")).why_not(sharp)
    assert "markers up to number" in Detector(Board(columns=5)).why_not(sharp)
    assert detector.why_not(np.full((200, 200, 3), 128, dtype=np.uint8)) == ""


# The fit


def test_predictions_change_as_their_derivatives_say():
    shot = made_up(count=1)[0]
    model = Model(lens=LENS, link_T_camera=MOUNT, anchor_T_board=PLACE)
    view = view_of(BOARD, shot)
    off, change, by_link = linearised(model, view)
    for k in range(21):
        step = np.zeros(21)
        step[k] = 1e-6
        other = linearised(model.changed(step), view)[0]
        np.testing.assert_allclose((off - other) / 1e-6, change[:, k], atol=1e-3 * max(1, np.abs(change[:, k]).max()))
    for k in range(6):
        step = np.zeros(6)
        step[k] = 1e-6
        moved = Shot(name="", corners=shot.corners, link_T_anchor=motion_pose(step) @ shot.link_T_anchor)
        other = linearised(model, view_of(BOARD, moved))[0]
        np.testing.assert_allclose((off - other) / 1e-6, by_link[:, k], atol=1e-3 * np.abs(by_link[:, k]).max())


def test_lens_and_mount_are_found_again():
    found = fitted(made_up())
    model = found.solution.model
    way, turn = apart(MOUNT, model.link_T_camera)
    assert way < 0.001
    assert np.rad2deg(turn) < 0.2
    np.testing.assert_allclose(model.lens[:2], LENS[:2], rtol=0.005)
    assert not found.lacks(Limits())
    assert found.solution.errors.px == pytest.approx(0.1, rel=0.15)


def test_what_is_said_of_the_spread_is_so_with_a_robot_that_errs():
    off, said, lens = [], [], []
    for seed in range(3):
        found = fitted(made_up(seed, robot=(1e-3, 1e-3)))
        off.append(apart(MOUNT, found.solution.model.link_T_camera))
        said.append(spread(found.solution))
        lens.append(np.abs(found.solution.model.lens[:2] / LENS[:2] - 1).max())
        assert found.solution.errors.link_m == pytest.approx(1e-3, rel=0.6)
    ratio = np.array(off).mean(axis=0) / (np.array(said) * [1, np.pi / 180]).mean(axis=0)
    assert (ratio > 0.4).all()
    assert (ratio < 2.0).all()
    assert max(lens) < 0.004  # its errors do not go into the lens
    assert fitted(made_up(0, robot=(3e-3, 3e-3))).lacks(Limits())


def test_given_intrinsics_are_kept():
    shots = made_up()
    k = np.array([[600.0, 0, 322.0], [0, 604.0, 236.0], [0, 0, 1]])
    lens = fitted(shots, intrinsics=k).solution.model.lens
    np.testing.assert_array_equal(lens[[0, 1, 2, 3, 8]], [600, 604, 322, 236, 0])
    np.testing.assert_allclose(lens[4:6], LENS[4:6], atol=0.02)


def test_a_view_that_contradicts_is_left_out_and_named():
    shots = made_up()
    knocked = motion_pose(np.array([0.0, 0.02, 0.0, 0.015, 0.0, 0.0])) @ shots[4].link_T_anchor
    shots[4] = Shot(name="odd.png", corners=shots[4].corners, link_T_anchor=knocked)
    found = fitted(shots)
    assert list(found.left_out) == ["odd.png"]
    assert "contradicts" in found.left_out["odd.png"]
    assert apart(MOUNT, found.solution.model.link_T_camera)[0] < 0.001


def inverted(shots):
    return [Shot(name=s.name, corners=s.corners, link_T_anchor=s.link_T_anchor.inverse()) for s in shots]


def shuffled(shots):
    others = shots[5:] + shots[:5]
    return [Shot(name=a.name, corners=a.corners, link_T_anchor=b.link_T_anchor)
            for a, b in zip(shots, others, strict=True)]  # fmt: skip


def scaled(shots, by):
    poses = [Pose(xyz=s.link_T_anchor.xyz * by, quat_xyzw=s.link_T_anchor.quat_xyzw) for s in shots]
    return [Shot(name=s.name, corners=s.corners, link_T_anchor=p) for s, p in zip(shots, poses, strict=True)]


def blurred(shots):
    return [Shot(name=s.name, link_T_anchor=s.link_T_anchor,
                 corners=Corners(ids=s.corners.ids, px=s.corners.px, blur_px=9.0)) for s in shots]  # fmt: skip


@pytest.mark.parametrize(
    ("shots", "said"),
    [
        (lambda: made_up(count=8), "too few views: 8 of 8"),
        (lambda: made_up()[:11] + blurred(made_up(1)), "are blurred"),
        (lambda: made_up(tilt=(0.0, 0.0, 0.8)), "too alike: the board is seen under angles"),
        (lambda: made_up(tilt=(0.5, 0.0, 0.0)), "two axes are needed"),
        (lambda: inverted(made_up()), "give base_T_link, not link_T_base"),
        (lambda: shuffled(made_up()), "contradict the pictures"),
        (lambda: scaled(made_up(count=25, robot=(2e-4, 2e-4)), 1.04), "1.04"),
    ],
)
def test_what_can_not_be_calibrated_is_one_line(shots, said):
    with pytest.raises(UserError, match=re.escape(said)):
        fitted(shots())


# The robot that knows


def found_wrist(**other) -> CameraCalibration:
    spec = mobile_panda()
    mount = spec.camera("wrist")
    return CameraCalibration(**{
        "name": "wrist", "link": mount.link, "width": 448, "height": 448, "distortion": np.array([-0.1, 0.02, 0, 0, 0]),
        "intrinsics": np.array([[400.0, 0, 220.0], [0, 402.0, 230.0], [0, 0, 1]]),
        "link_T_camera": mount.link_T_camera @ motion_pose(np.array([0.02, 0, 0, 0.01, 0, 0])), **other,
    })  # fmt: skip


def written(path: Path, robot: str, camera: CameraCalibration, **other) -> Path:
    path.write_text(json.dumps({"format": 1, "robot": robot, "cameras": {camera.name: camera.to_json()}, **other}))
    return path


def test_a_robot_is_told_where_its_camera_is(tmp_path):
    spec, found = mobile_panda(), found_wrist()
    knows = calibrated(spec, *read_calibration(written(tmp_path / "c.json", "mobile_panda", found)))
    q, head_q = spec.home_q_rad, spec.head.home_q_rad
    moved = base_T_camera(spec, spec.camera("wrist"), q, head_q).inverse() @ base_T_camera(
        knows, knows.camera("wrist"), q, head_q
    )
    np.testing.assert_allclose(moved.xyz, [0.01, 0, 0], atol=1e-9)
    np.testing.assert_allclose(knows.camera("wrist").intrinsics[:2], [[200, 0, 109.75], [0, 201, 114.75]])
    assert knows.camera("head") is spec.camera("head")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not JSON"),
        ("[]", "no calibration"),
        ('{"format": 2}', "format 2"),
        ('{"format": 1, "robot": "x", "cameras": {"wrist": {}}}', "no calibration"),
        ('{"format": 1, "robot": "x", "cameras": {"wrist": {"link": "a", "width": 1, "height": 1, "distortion": [0],'
         '"intrinsics": [[1,0,0],[0,1,0],[0,0,1]], "link_T_camera": {"xyz": [0,0,0], "quat_xyzw": [0,0,0,1]}}}}',
         "shape"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_calibration_is_one_line(tmp_path, content, said):
    (tmp_path / "c.json").write_text(content)
    with pytest.raises(CalibrationError, match=said) as e:
        read_calibration(tmp_path / "c.json")
    assert "\n" not in str(e.value)


def test_a_calibration_of_another_robot_or_link_is_refused():
    with pytest.raises(CalibrationError, match="of stretch, and the robot is mobile_panda"):
        calibrated(mobile_panda(), "stretch", {})
    with pytest.raises(CalibrationError, match="on elbow"):
        calibrated(mobile_panda(), "mobile_panda", {"wrist": found_wrist(link="elbow")})
    with pytest.raises(CalibrationError, match="shape"):
        calibrated(mobile_panda(), "mobile_panda", {"wrist": found_wrist(height=200)})


def test_bends_are_taken_out_of_pictures():
    pytest.importorskip("pybullet")
    from sim.lens import Lens as Camera

    found = found_wrist(distortion=np.array([-0.15, 0.05, 0.001, -0.001, 0.0]))
    camera = Camera(
        link_T_camera=Pose.identity(), intrinsics=found.intrinsics, width=448, height=448, distortion=found.distortion
    )
    pinhole = camera.pinhole(Pose.identity())
    seen = motion_pose(np.array([0.3, -0.2, 0.1, -0.13, -0.10, 0.33]))
    flat = drawn(BOARD, 4000)
    on_board = np.array([[4000.0, 0, 4000 * MARGIN_M - 0.5], [0, 4000.0, 4000 * MARGIN_M - 0.5], [0, 0, 1]])
    homography = pinhole.intrinsics @ np.column_stack([seen.rotation[:, :2], seen.xyz]) @ np.linalg.inv(on_board)
    wide = cv2.warpPerspective(flat, homography, (pinhole.width, pinhole.height), borderValue=128, flags=cv2.INTER_AREA)
    rgb, depth = camera.seen(
        np.repeat(wide[..., None], 3, axis=2), np.full(wide.shape, 0.5, dtype=np.float32), np.random.default_rng(0)
    )
    detector = Detector(BOARD)
    bent = detector.find(rgb)
    lens = np.array([*found.intrinsics[[0, 1], [0, 1]], *found.intrinsics[:2, 2], *found.distortion])
    told = projected(lens, seen.apply(BOARD.corners_m[bent.ids]))[0]
    assert np.abs(bent.px - told).max() < 0.15
    straight, depth, k = Straightener(found).straight(rgb, depth)
    corners = detector.find(straight)
    points = seen.apply(BOARD.corners_m[corners.ids]) @ k.T
    assert len(corners) >= 20
    assert np.abs(corners.px - points[:, :2] / points[:, 2:]).max() < 0.2
    assert np.abs(bent.px[:5] - corners.px[:5]).max() > 1
    assert depth.dtype == np.float32


def test_links_that_matter_and_those_that_do_not():
    assert Rig(spec=stretch(), camera="wrist", held=False).moving.tolist() == [True] * 5 + [False] * 2
    assert Rig(spec=stretch(), camera="head", held=False).moving.tolist() == [False] * 5 + [True] * 2
    assert Rig(spec=stretch(), camera="head", held=True).moving.all()
    with pytest.raises(UserError, match="has no camera 'chest'"):
        _ = Rig(spec=stretch(), camera="chest", held=True).mount


# The command


def test_the_board_is_written_and_nothing_else_is_done(tmp_path):
    out = tmp_path / "run"
    assert main(["calibrate", f"board={tmp_path / 'board.pdf'}", f"out={out}"]) == 0
    assert (tmp_path / "board.pdf").read_bytes().startswith(b"%PDF")
    assert json.loads((out / "result.json").read_text())["printed"] == str(BOARD)


@pytest.fixture(scope="module")
def looked(tmp_path_factory):
    """A simulated robot's calibration of a camera that is not where it should be."""
    out = tmp_path_factory.mktemp("looked") / "run"
    words = ["calibrate", "robot=mobile_panda", "camera=wrist", "count=14", "seed=3000001", "pace=1.0", f"out={out}"]
    return main(words), out, json.loads((out / "result.json").read_text())


def test_a_robot_finds_its_camera_on_a_rendered_board(looked):
    code, out, result = looked
    assert code == 0
    assert result["accepted"]
    truth = result["truth"]
    assert truth["position_mm"] < 1.0
    assert truth["angle_deg"] < 0.2
    assert truth["focal"] < 0.005
    assert result["from_description"]["position_mm"] > 2
    assert (out / "views.png").stat().st_size > 10_000
    robot, cameras = read_calibration(out / "calibration.json")
    assert robot == "mobile_panda"
    assert cameras["wrist"].distortion.any()


def test_its_views_can_be_used_again_and_other_cameras_are_kept(looked, tmp_path):
    _, out, first = looked
    kept = written(tmp_path / "c.json", "mobile_panda", found_wrist(name="head", link="head_camera"))
    words = ["calibrate", f"views={out / 'views'}", "robot=mobile_panda", "camera=wrist"]
    assert main([*words, f"into={kept}", f"out={tmp_path / 'again'}"]) == 0
    again = json.loads((tmp_path / "again" / "result.json").read_text())
    assert again["rms_px"] == pytest.approx(first["rms_px"], rel=1e-6)
    assert set(read_calibration(tmp_path / "again" / "calibration.json")[1]) == {"head", "wrist"}


def broken(folder: Path, tmp_path: Path, change) -> Path:
    """The views with another poses.json; pictures where they are."""
    content = json.loads((folder / "poses.json").read_text())
    for view in content["views"]:
        (tmp_path / view["picture"]).symlink_to(folder / view["picture"])
    (tmp_path / "poses.json").write_text(json.dumps(change(content)))
    return tmp_path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: {}, 'no list "views"'),
        (lambda c: {**c, "views": []}, "0 views"),
        (lambda c: {**c, "views": [{"picture": "000.png"}]}, "arm_q"),
        (lambda c: {**c, "views": [{"picture": "../x.png", "arm_q": []}]}, "not in this folder"),
        (lambda c: {**c, "views": [{**c["views"][0], "arm_q": [0.0]}]}, "joints of arm and head"),
        (lambda c: {**c, "views": [{**c["views"][0], "picture": "none.png"}]}, "no picture"),
        (lambda c: {**c, "views": c["views"][:5]}, "too few views"),
    ],
)
def test_a_folder_that_is_wrong_is_one_line(looked, tmp_path, capsys, change, said):
    folder = broken(looked[1] / "views", tmp_path, change)
    assert main(["calibrate", f"views={folder}", "robot=mobile_panda", f"out={tmp_path / 'run'}"]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["camera=chest"], "has no camera 'chest'"),
        (["robot=panda"], "has no camera"),
        (["count=5"], "count=5"),
        (["coefficients=3"], "coefficients=3"),
        (["intrinsics=guess"], "fit or given"),
        (["into=/nowhere.json"], "no /nowhere.json"),
        (["charuco.dictionary=DICT_1"], "DICT_4X4_50"),
        (["views=/nowhere"], "can't read"),
    ],
)
def test_wrong_options_are_one_line(tmp_path, capsys, words, said):
    assert main(["calibrate", *words, f"out={tmp_path / 'run'}"]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
