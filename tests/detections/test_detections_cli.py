"""`trailwatch detections` lists, shows and tests; its exit code says whether all is well."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import trailwatch.detections
from bot.cli import main
from trailwatch.detections import load_catalogue

CATALOGUE = Path(trailwatch.detections.__file__).parent / "catalogue"
DOCS = Path(__file__).resolve().parents[2] / "docs"


def _documented() -> tuple[str, str]:
    """The name and the text of the complete example in docs/detections.md."""
    page = (DOCS / "detections.md").read_text("utf-8")
    name = re.search(r"complete one, `([\w.-]+)`", page)
    text = re.search(r"```toml\n(.*?)```", page, re.DOTALL)
    assert name and text
    return name.group(1), text.group(1)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the documented detection, which the settings name."""
    name, text = _documented()
    (tmp_path / name).write_text(text)
    monkeypatch.setenv("TRAILWATCH_DETECTIONS", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path / name


def test_the_documented_detection_passes(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detections", "test", str(own)]) == 0
    said = capsys.readouterr().out
    assert said == f"{own.name}: ok, 1 matched, 1 passed over\n"
    assert said in (DOCS / "detections.md").read_text("utf-8")


def test_own_detections_are_listed_and_shown(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detections", "list", "--pack", "own"]) == 0
    assert "production-database-stopped  P2  Production database stopped" in capsys.readouterr().out
    assert main(["detections", "show", own.stem]) == 0
    said = capsys.readouterr().out
    assert "P2, detection; 1 or more in 1 min; packs: all, own" in said
    assert "- eventSource is" in said
    assert "Passes over: break_glass_roles" in said


def test_every_pack_is_documented() -> None:
    page = (DOCS / "detections.md").read_text("utf-8")
    for pack in (*load_catalogue().packs, "own"):
        assert f"| `{pack}` |" in page


def test_a_wrong_example_is_explained(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own.write_text(own.read_text().replace("test-shop", "prod-shop").replace("-shop", "-web", 1))
    assert main(["detections", "test", str(own)]) == 1
    said = capsys.readouterr().out
    assert "examples.near_misses[0] (StopDBInstance) matches, and should not" in said
    assert '[yes] eventSource is "rds.amazonaws.com"' in said


def test_lint_is_told_and_does_not_fail(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own.write_text(own.read_text().replace("errorCode NOT EXISTS", 'userAgent != "x"'))
    text = own.read_text().replace('"eventSource": ', '"userAgent": "y", "eventSource": ')
    own.write_text(text)
    assert main(["detections", "test", str(own)]) == 0
    said = capsys.readouterr().out
    assert "pattern, column" in said
    assert "may be missing" in said
    assert "  write: {" in said


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("mine.toml", "id = [", "not TOML"),
        ("mine.toml", 'id = "mine"', "mine.toml: pattern: a text is missing"),
        ("none.toml", None, "No such file"),
    ],
)
def test_a_file_that_cannot_be_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str | None, problem: str
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    assert main(["detections", "test", str(tmp_path / name)]) == 2
    assert problem in capsys.readouterr().err


def test_an_id_of_the_catalogue_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ami-shared.toml").write_text((CATALOGUE / "ami-shared.toml").read_text())
    assert main(["detections", "test", str(tmp_path)]) == 2
    assert "the catalogue has 'ami-shared' already" in capsys.readouterr().err


def test_the_catalogue_passes_its_own_test(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detections", "test", str(CATALOGUE)]) == 0
    assert capsys.readouterr().out.count(": ok, ") == len(load_catalogue())


def test_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detections", "test", str(tmp_path)]) == 2
    assert "no detection to test" in capsys.readouterr().err
    assert main(["detections", "show", "ami-share"]) == 2
    assert "ami-shared" in capsys.readouterr().err
