"""What is installed: the wheel carries all that the product needs, and nothing else."""

from __future__ import annotations

import configparser
import subprocess
import sys
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("bot", "handlers", "setup", "trailwatch", "sandbox")
IGNORED = ("__pycache__", ".mypy_cache")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.Path:
    """The wheel of this tree, built without network."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    quiet = ["--no-index", "--disable-pip-version-check", "-q", "-w", str(folder), str(ROOT)]
    done = subprocess.run([*build, *quiet], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("trailwatch-*.whl")
    return zipfile.Path(built)


@pytest.fixture(scope="module")
def names(wheel: zipfile.Path) -> set[str]:
    return {name for name in wheel.root.namelist() if not name.endswith("/")}


def of_the_tree(package: str) -> set[str]:
    found = (p for p in (ROOT / package).rglob("*") if p.is_file())
    return {p.relative_to(ROOT).as_posix() for p in found if not set(p.parts).intersection(IGNORED)}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_file_of_a_package_is_in_the_wheel(package: str, names: set[str]) -> None:
    tree = of_the_tree(package)
    assert tree
    assert sorted(tree - names) == []


@pytest.mark.parametrize(
    "some",
    [
        "sandbox/page/templates/page.html",
        "sandbox/page/static/page.js",
        "sandbox/scenarios/scenarios.toml",
        "sandbox/scenarios/create-user.jsonl",
        "trailwatch/detections/catalogue/packs.toml",
        "trailwatch/pattern/event_names.txt",
        "trailwatch/store/migrations/versions/v0001_first_tables.py",
        "trailwatch/store/migrations/script.py.mako",
    ],
)
def test_what_is_not_python_is_in_the_wheel(some: str, names: set[str]) -> None:
    assert some in names


def test_nothing_else_is_in_the_wheel(names: set[str]) -> None:
    tops = {name.partition("/")[0] for name in names}
    assert tops == {*PACKAGES, next(top for top in tops if top.endswith(".dist-info"))}
    assert [name for name in names if "__pycache__" in name or name.endswith(".pyc")] == []


def test_the_console_script_and_the_extra(wheel: zipfile.Path) -> None:
    (info,) = (part for part in wheel.iterdir() if part.name.endswith(".dist-info"))
    scripts = configparser.ConfigParser()
    scripts.read_string((info / "entry_points.txt").read_text())
    assert dict(scripts["console_scripts"]) == {"trailwatch": "bot.cli:main"}
    metadata = HeaderParser().parsestr((info / "METADATA").read_text(encoding="utf-8"))
    assert metadata["Requires-Python"] == ">=3.11"
    assert "sandbox" in metadata.get_all("Provides-Extra", [])
    needs = metadata.get_all("Requires-Dist", [])
    moto = [one for one in needs if one.startswith("moto")]
    assert moto
    assert all("extra == " in one for one in moto)
