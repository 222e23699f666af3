"""The stand-ins without a bot, for what looks at the services from the command line."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from bot.cli import main
from sandbox.run import Sandbox, Wanted, bot_environment

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Slack, AWS and Opsgenie as stand-ins; no bot runs."""
    stand_ins = Sandbox(Wanted(0, 1, (), True), tmp_path_factory.mktemp("services"), print)
    parts = (stand_ins.slack, stand_ins.opsgenie, stand_ins.aws, stand_ins._page)
    for part in parts:
        part.start()
    yield stand_ins
    for part in reversed(parts):
        part.stop()


@pytest.fixture
def environment(
    services: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Mapping[str, str]:
    """The settings of a bot that everything is right for; the AWS credentials are set, too."""
    made = {**bot_environment(services, tmp_path, 8080, 0), "LOG_LEVEL": "WARNING"}
    for name, value in made.items():
        if name.startswith("AWS_") or name == "HOME":
            monkeypatch.setenv(name, value)
    return made


@pytest.fixture
def trailwatch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Runs the command line in this process, as `trailwatch_process` does in one of its own."""

    def run(
        *arguments: str, env: Mapping[str, str] | None = None, given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        with monkeypatch.context() as patch:
            for name in list(os.environ):
                patch.delenv(name)
            for name, value in {**_environment(tmp_path), **(env or {})}.items():
                patch.setenv(name, value)
            patch.chdir(tmp_path)
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
            capsys.readouterr()
            try:
                code = main(arguments)
            except SystemExit as end:  # argparse's
                code = end.code if isinstance(end.code, int) else 1 if end.code else 0
        out, err = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, code, out, err)

    return run


@pytest.fixture
def trailwatch_process(tmp_path: Path) -> Run:
    """Runs the console script in an empty folder, with nothing but the given environment."""
    script = Path(sys.executable).with_name("trailwatch")

    def run(
        *arguments: str, env: Mapping[str, str] | None = None, given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(script), *arguments],
            cwd=tmp_path,
            env={**_environment(tmp_path), **(env or {})},
            input=given,
            capture_output=True,
            text=True,
            timeout=90,
        )

    return run


def _environment(home: Path) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "HOME": str(home)}
