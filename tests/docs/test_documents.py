"""The documents say what the code does: generated pages, links, commands, settings."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.cli import _parser
from bot.settings import NOT_SETTINGS, SETTINGS
from handlers.commands.table import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"```.*?```", re.DOTALL)


def documents() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *benchmarks()])


def benchmarks() -> Iterator[Path]:
    return (ROOT / "benchmarks").glob("*.md")


def text_of(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def named(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()


def test_the_generated_pages_are_up_to_date() -> None:
    """Where not: make docs."""
    check = [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"]
    assert subprocess.run(check, cwd=ROOT, timeout=90).returncode == 0, "run make docs"


@pytest.mark.parametrize("document", documents(), ids=named)
def test_links_lead_somewhere(document: Path) -> None:
    lost = []
    for target in LINK.findall(FENCE.sub("", text_of(document))):
        if target.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        file = (document.parent / path) if path else document
        if not file.exists() or (anchor and anchor not in anchors(text_of(file))):
            lost.append(target)
    assert lost == []


def anchors(text: str) -> set[str]:
    """The anchors that headings have, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def code_of(document: Path) -> Iterator[str]:
    """Every piece of code in a document: lines of fenced blocks, and spans."""
    text = text_of(document)
    for block in FENCE.findall(text):
        yield from (line.split("   #")[0].strip() for line in block.splitlines()[1:-1])
    yield from re.findall(r"`([^`\n]+)`", FENCE.sub("", text))


@pytest.mark.parametrize("document", documents(), ids=named)
def test_make_targets_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", text_of(ROOT / "Makefile"), re.M))
    used = {found[1] for code in code_of(document) if (found := re.match(r"make ([a-z]+)", code))}
    assert used <= targets


def shell_commands() -> list[tuple[str, str]]:
    found = {
        (named(document), code)
        for document in documents()
        for code in code_of(document)
        if re.match(r"trailwatch [a-z-]", code) and not re.search(r"[…|\[]|[A-Z]{3}", code)
    }
    return sorted(found)


@pytest.mark.parametrize(("document", "command"), shell_commands())
def test_shell_commands_are_understood(
    document: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        _parser().parse_args(shlex.split(command, comments=True)[1:])
    except SystemExit as ended:
        said = capsys.readouterr().err
        # A command may be named without its arguments: `trailwatch pattern check`.
        short = ("arguments are required", "expected at least one", "expected one argument")
        assert ended.code == 0 or any(words in said for words in short), said


@pytest.mark.parametrize("document", documents(), ids=named)
def test_slack_commands_exist(document: Path) -> None:
    firsts = {command.usage.split()[0] for command in COMMANDS}
    for code in code_of(document):
        if code.startswith("/trailwatch ") and not code.startswith("/trailwatch …"):
            assert code.split()[1] in firsts, code


@pytest.mark.parametrize("document", documents(), ids=named)
def test_variables_exist(document: Path) -> None:
    known = {setting.env for setting in SETTINGS} | NOT_SETTINGS
    ours = r"\b(?:TRAILWATCH|OPSGENIE|SLACK|DATABASE)_[A-Z_]+\b"
    assert set(re.findall(ours, text_of(document))) <= known


def test_every_setting_and_command_is_documented() -> None:
    settings, commands = (text_of(ROOT / "docs" / n) for n in ("settings.md", "commands.md"))
    assert [s.env for s in SETTINGS if f"`{s.env}`" not in settings] == []
    assert [c.usage for c in COMMANDS if c.usage.split(" [")[0].split("|")[0] not in commands] == []


def test_the_readme_begins_with_the_two_commands() -> None:
    readme = text_of(ROOT / "README.md")
    assert 0 < readme.index("make sandbox") < readme.index("make test") < readme.index("![")
    picture = ROOT / "docs" / "images" / "alert.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size < 200_000


def test_the_folders_of_the_architecture_exist() -> None:
    text = text_of(ROOT / "docs" / "architecture.md")
    table = text[text.index("## Where things are") : text.index("## What may import")]
    for row in re.findall(
        r"^\| `([a-z/]+)/` \| (.+?) \|", table.replace("`__init__.py`", ""), re.M
    ):
        folder = ROOT / row[0]
        assert folder.is_dir(), row[0]
        for name in re.findall(r"`([a-z_]+\.py|[a-z_]+/)`", row[1]):
            assert (folder / name).exists(), f"{row[0]}/{name}"


def test_the_pure_modules_of_the_architecture_are_those_that_are_checked() -> None:
    contracts = tomllib.loads(text_of(ROOT / "pyproject.toml"))["tool"]["importlinter"]["contracts"]
    (pure,) = (c for c in contracts if c["name"].startswith("pure modules"))
    text = text_of(ROOT / "docs" / "architecture.md")
    listed = re.search(r"^3\. Pure modules .+?: `trailwatch\.\{(.+?)\}`, (.+)\.$", text, re.M)
    assert listed
    named = {f"trailwatch.{name}" for name in listed[1].split(", ")}
    assert named | set(re.findall(r"`([a-z._]+)`", listed[2])) == set(pure["source_modules"])


def test_what_the_makefile_runs_exists() -> None:
    makefile = text_of(ROOT / "Makefile")
    scripts = re.findall(r"\b((?:docs|benchmarks|tests/browser)/[a-z_]+\.(?:py|sh))", makefile)
    measured = re.findall(r"for one in ([a-z ]+);", makefile)
    scripts += [f"benchmarks/{one}.py" for names in measured for one in names.split()]
    assert len(scripts) >= 3
    assert [script for script in scripts if not (ROOT / script).is_file()] == []


def test_the_sandbox_page_documents_every_call_of_the_control() -> None:
    documented = text_of(ROOT / "docs" / "sandbox.md")
    control = text_of(ROOT / "sandbox" / "control.py")
    routes = re.findall(r"case \((.+)\):", control)
    words = {word for route in routes for word in re.findall(r'"([a-z]+)"', route)}
    assert {"status", "command", "click", "records", "faults", "calls"} <= words
    assert [word for word in words if not re.search(rf"/api/[A-Za-z/]*{word}", documented)] == []


def test_the_procfile_starts_the_tree_where_only_the_locks_are_installed(tmp_path: Path) -> None:
    """Without settings: it gets so far as to name them, in a Python that knows no trailwatch."""
    line = text_of(ROOT / "Procfile").strip()
    given = line.removeprefix("web: ").split()
    assert given[:3] == ["HOST=0.0.0.0", "TRAILWATCH_REPLICA=$DYNO", "python"]
    words = given[1:]
    dependencies = f"import sys; sys.path[:0] = [{str(ROOT)!r}, {sysconfig.get_path('purelib')!r}]"
    started = f"{dependencies}; sys.argv = {words[3:]!r}; import runpy; runpy.run_module("
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"{started}{words[3]!r}, run_name='__main__')"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 2
    assert "DATABASE_URL is missing" in done.stderr


def test_the_manifest_is_json_that_slack_can_take() -> None:
    script = Path(sys.executable).with_name("trailwatch")
    printed = subprocess.run([str(script), "manifest"], capture_output=True, check=True, timeout=90)
    assert json.loads(printed.stdout)["display_information"]["name"] == "trailwatch"
