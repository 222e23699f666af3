"""Fixtures that every test may use."""

from __future__ import annotations

import gc
import importlib.util
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.loaders
import pytest
from hypothesis import settings

from sandbox.driver import SandboxProcess
from trailwatch.store.database import open_database

# No test asserts a speed: machines are shared, and a slow minute is no failure. A long run tries
# TRAILWATCH_EXAMPLES times as many made-up examples.
EXAMPLES = int(os.environ.get("TRAILWATCH_EXAMPLES", "1"))
settings.register_profile("unhurried", deadline=None, max_examples=100 * EXAMPLES)
settings.load_profile("unhurried")

# Every worker reads every test file, and many tests start the bot: both are compiled once, not
# each time, also where the environment asks for no bytecode.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Each session of botocore reads its services' descriptions anew; all tests' share what was read.
botocore.loaders.create_loader = cache(botocore.loaders.create_loader)

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of trial data that lies beside the project; tests that need it skip without it."""
    folder = Path(os.environ.get("TRAILWATCH_SHARED", ROOT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip("no trial data beside the project (TRAILWATCH_SHARED names its folder)")
    return folder


@pytest.fixture(scope="session")
def slack_schema(shared: Path) -> Callable[[Any, str], list[str]]:
    """The checker of messages, modals and views that lies with the trial data: what is wrong."""
    path = shared / "checks" / "blockkit" / "validate_slack.py"
    spec = importlib.util.spec_from_file_location("validate_slack", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves its schema file open
        spec.loader.exec_module(module)
    errors: Callable[[Any, str], list[str]] = module.errors
    return errors


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database's file with our tables; to copy it is ten times quicker than to make them."""
    path = tmp_path_factory.mktemp("model") / "model.db"
    open_database(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def new_database(tmp_path: Path, sqlite_template: Path) -> str:
    """The address of a SQLite database with our tables and no rows, for one test."""
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'new.db')}"


@pytest.fixture(scope="session")
def start_sandbox(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., SandboxProcess]]:
    """Starts sandboxes; every one is ended at the end."""
    started: list[SandboxProcess] = []

    def start(*arguments: str) -> SandboxProcess:
        sandbox = SandboxProcess(*arguments, folder=tmp_path_factory.mktemp("sandbox"), patience=5)
        started.append(sandbox)
        return sandbox

    yield start
    running = [sandbox for sandbox in started if sandbox.process.poll() is None]
    for sandbox in running:
        sandbox.interrupt()
    for sandbox in running:
        sandbox.stop()


OWN_SANDBOX = ("adopting", "faults_setup", "invictus", "main_road", "two_sites")
"""The journeys that change their sandbox for good; all others share one."""


def _unit(nodeid: str) -> str:
    """What one worker runs in one go: a file, or all files of one sandbox or one PostgreSQL."""
    file = nodeid.split("::", 1)[0]
    folder, _, name = file.rpartition("/")
    if folder.endswith("journeys") and name[5:-3] not in OWN_SANDBOX:
        return "the shared sandbox"
    return folder if "/store" in folder else file


def pytest_collection_finish() -> None:
    """What was imported stays to the end; to look through it for garbage takes a tenth of all."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadfile`, what shares something costly stays together, too."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _unit(nodeid)

    return Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What waits most comes first, so that no worker is left with it alone in the end."""
    longest = [
        "the shared sandbox",
        "tests/store/delivery",
        "tests/store",
        "tests/journeys/test_invictus.py",
        "tests/browser/test_page_journey.py",
        "tests/journeys/test_faults_setup.py",
    ]
    ranks = {unit: rank for rank, unit in enumerate(longest)}
    items.sort(key=lambda item: ranks.get(_unit(item.nodeid), len(ranks)))
