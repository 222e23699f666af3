"""What `make test` says where there is no browser: a failure that names the command."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("chromium.sh")


def found(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it with a PATH that has only this folder: neither a browser nor apt-get."""
    return subprocess.run(
        ["/bin/sh", str(SCRIPT)],
        env={"PATH": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=30,
    )


def executable(file: Path) -> Path:
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return file


@pytest.mark.parametrize("environment", [{}, {"CHROMIUM": "/nowhere/chromium"}])
def test_without_a_browser_it_names_the_command(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    done = found(tmp_path, **environment)
    assert done.returncode == 1
    assert "apt-get install chromium" in done.stderr


def test_a_browser_on_the_path_is_enough(tmp_path: Path) -> None:
    executable(tmp_path / "chromium")
    assert found(tmp_path).returncode == 0


def test_the_one_that_is_named_is_enough(tmp_path: Path) -> None:
    browser = executable(tmp_path / "my-browser")
    assert found(tmp_path / "empty", CHROMIUM=str(browser)).returncode == 0
