"""Rules of the tree that neither the type checker nor the import contracts can see."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("bot", "handlers", "setup", "trailwatch", "sandbox")
FOLDERS = (*PACKAGES, "tests", "docs", "benchmarks", ".ci")
LOCKS = ("requirements.txt", "requirements-dev.txt")
TEXT = {".py", ".md", ".toml", ".txt", ".json", ".jsonl", ".html", ".js", ".css", ".svg", ".sh"}
# In halves, so that this file doesn't hold what it forbids.
PLACES = ("/ho" + "me/", "/wo" + "rk/", "/opt" + "/", "/tmp" + "/tw", "/Us" + "ers/")

ONLY_IN = {
    "boto3": {"trailwatch/aws.py"},
    "opsgenie_sdk": {"trailwatch/routers/opsgenie.py"},
    "moto": {"sandbox"},
    "waitress": {"bot"},
    "apscheduler": {"bot/scheduler.py"},
    "alembic": {"trailwatch/store"},
}
"""Each outside library, and the only places of the product that import it."""


def files() -> Iterator[Path]:
    for folder in FOLDERS:
        yield from (p for p in (ROOT / folder).rglob("*") if p.is_file())
    yield from (p for p in ROOT.iterdir() if p.is_file() and not p.name.startswith(".git"))


def texts() -> Iterator[tuple[str, str]]:
    for file in files():
        named = file.suffix in TEXT or file.name in ("Makefile", "Procfile", "LICENSE", "run")
        if named and "__pycache__" not in file.parts:
            yield file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8")


def imports(source: str) -> set[str]:
    """The top-level names that a module imports, those for type checkers alone left out."""
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(source)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").partition(".")[0])
        waiting.extend(ast.iter_child_nodes(node))
    return found


@pytest.fixture(scope="module")
def imported() -> dict[str, set[str]]:
    """What each module of the product imports."""
    return {
        path: imports(text)
        for path, text in texts()
        if path.endswith(".py") and path.split("/")[0] in PACKAGES
    }


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_is_imported_only_in_its_place(
    library: str, imported: dict[str, set[str]]
) -> None:
    users = {path for path, names in imported.items() if library in names}
    strays = {
        u for u in users if not any(u == p or u.startswith(p + "/") for p in ONLY_IN[library])
    }
    assert users
    assert strays == set()


def test_tests_are_no_package() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []


@pytest.mark.parametrize("name", ["setup.py", "setup.cfg", "bot/__main__.py", "uv.lock"])
def test_what_must_not_exist(name: str) -> None:
    assert not (ROOT / name).exists()


def test_every_module_says_first_what_it_knows() -> None:
    without = []
    for path, text in texts():
        if not path.endswith(".py") or path.split("/")[0] not in PACKAGES:
            continue
        first = (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
        if text.strip() and not first.endswith((".", ":")):
            without.append(path)
    assert without == []


def test_no_path_of_a_machine() -> None:
    root = re.compile("/ro" + r"ot/(?!i\.test)")  # a JavaScript regex looks the same
    found = [
        (path, place)
        for path, text in texts()
        for place in (*PLACES, *root.findall(text))
        if place in text
    ]
    assert found == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_everything_by_hash_and_names_no_place(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert lines
    for line in lines:
        assert re.match(r"[a-z0-9][a-z0-9._-]*(\[[a-z0-9,_-]+\])?==[^ ]+ ", line, re.I), line[:80]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", line), line[:80]
    assert not re.search(r"https?:|file:|--index|--extra-index|--find-links|@ ", text)


def test_the_locks_agree() -> None:
    """What runs in production is what the tests run."""
    running, developing = (pins(ROOT / lock) for lock in LOCKS)
    assert {n: v for n, v in running.items() if developing.get(n) != v} == {}


def test_the_locks_hold_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    asked = {name_of(one) for one in project["dependencies"]}
    assert asked <= set(pins(ROOT / LOCKS[0]))
    more = {name_of(one) for one in (*extras["sandbox"], *extras["dev"])} - {"trailwatch"}
    assert more <= set(pins(ROOT / LOCKS[1]))


def pins(lock: Path) -> dict[str, str]:
    found = re.findall(r"^([A-Za-z0-9._-]+)(?:\[.*?\])?==([^ ;\\]+)", lock.read_text(), re.M)
    return {name_of(name): version for name, version in found}


def name_of(requirement: str) -> str:
    """The normalised name of a requirement (PEP 503)."""
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match
    return re.sub(r"[-_.]+", "-", match[0]).lower()
