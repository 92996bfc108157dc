"""What the documentation says is so: docstring examples, __all__, the plan language's page, links and file names."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("agent/**/*.md")])


def modules() -> list[str]:
    """Every module of the product."""
    names = []
    for package in ("agent", "robots", "sim"):
        names.append(package)
        names += [m.name for m in pkgutil.walk_packages([str(ROOT / package)], f"{package}.")]
    return names


@pytest.mark.parametrize("name", modules())
def test_docstring_and_exports(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__, f"{name} does not say what it is for"
    result = doctest.testmod(module)
    assert result.failed == 0, f"{result.failed} of {result.attempted} examples in {name}"
    for export in getattr(module, "__all__", ()):
        assert hasattr(module, export), f"{name}.__all__ names {export}"


def test_the_page_of_the_plan_language_is_in_step() -> None:
    maker = runpy.run_path(str(ROOT / "docs" / "make_plan_language.py"))
    assert maker["PAGE"].read_text() == maker["page"](), "run: python docs/make_plan_language.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
        if not re.match(r"[a-z]+:", link):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_are_named_exist(page: Path) -> None:
    """`agent/plan.py`, `sim/tasks/` and the like in running text."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    for name in re.findall(r"`((?:agent|robots|sim|conf|tests|docs|examples|benchmarks)/[\w./-]*)`", text):
        assert (ROOT / name).exists(), f"{page.name} names {name}"
