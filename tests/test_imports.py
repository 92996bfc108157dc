"""What importing a part of Palmetto brings along, and who may import whom."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("agent", "robots", "sim")
HEAVY = {"torch", "pybullet", "pybullet_data", "hydra", "omegaconf", "gymnasium", "moderngl", "transformers"}


def loaded_by(statement: str) -> set[str]:
    """The top-level modules that are loaded after `statement` in a fresh interpreter."""
    report = "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    code = f"{statement}\nimport json, sys\n{report}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "statement",
    [
        "import agent.onboard, agent.onboard.bundle, agent.onboard.constrain, agent.onboard.planner",
        "from agent import load_planner",
        "import agent.plan, agent.verbs, agent.executor, agent.grounding, agent.preprocess",
        "import robots, robots.primitives",
    ],
)
def test_the_on_robot_path_is_light(statement: str) -> None:
    assert loaded_by(statement) & (HEAVY | {"sim"}) == set()


def test_loading_the_shipped_planner_is_light() -> None:
    loaded = loaded_by("from agent import load_planner\nload_planner('nano')")
    assert "onnxruntime" in loaded
    assert loaded & (HEAVY | {"sim"}) == set()


def test_the_command_line_reaches_sim_only_through_the_configuration() -> None:
    assert loaded_by("import agent.cli") & {"sim", "pybullet", "torch"} == set()


def imports(path: Path) -> Iterator[str]:
    """Top-level names that the file imports anywhere, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module.partition(".")[0]


def sources(package: str) -> list[Path]:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files, f"no source in {package}/"
    return files


# A script beside an asset says how the asset was made; it is not part of the package.
ROBOTS_MAY = {*sys.stdlib_module_names, "numpy", "robots"}
BESIDES = {
    "robots/planning/timing.py": {"ruckig"}, "robots/planning/ompl_connect.py": {"ompl"},
    "robots/ros2/cameras.py": {"cv2"}, "robots/ros2/convert.py": {"cv2"}, "robots/ros2/messages.py": {"cyclonedds"},
    "robots/ros2/node.py": {"cyclonedds"}, "robots/ros2/services.py": {"cyclonedds"},
}  # fmt: skip


def test_robots_imports_numpy_alone_but_for_timing_and_the_optional_search() -> None:
    found = {str(f.relative_to(ROOT)): set(imports(f)) - ROBOTS_MAY for f in sources("robots")}
    assert {f: names for f, names in found.items() if names} == BESIDES


@pytest.mark.parametrize("package", PACKAGES)
def test_product_code_does_not_import_tests(package: str) -> None:
    for file in sources(package):
        assert "tests" not in set(imports(file)), file


def test_the_command_line_does_not_name_sim() -> None:
    for file in sources("agent"):
        assert "sim" not in set(imports(file)), file
        assert "pybullet" not in set(imports(file)), file
