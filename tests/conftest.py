"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of trial data that lies beside the project; tests that need it skip without it."""
    folder = Path(os.environ.get("TRAILWATCH_SHARED", ROOT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip("no trial data beside the project (TRAILWATCH_SHARED names its folder)")
    return folder
