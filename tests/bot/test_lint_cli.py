"""`trailwatch lint`: exit codes, what is printed, and SARIF as code scanning takes it."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bot.cli import main
from setup.lint.rules import RULES
from trailwatch.aws import Aws

FILES = Path(__file__).resolve().parents[1] / "setup" / "lint_files"
GOOD = (FILES / "cis-alarms.yaml").read_text("utf-8")
BAD = GOOD.replace("Statistic: Sum", "Statistic: Average")
DUBIOUS = GOOD.replace("EvaluationPeriods: 15", "EvaluationPeriods: 5")

TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"enum": ["2.1.0"]},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "additionalProperties": False,
                "properties": {
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "artifacts": {"type": "array", "uniqueItems": True},
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "additionalProperties": False,
                        "properties": {"driver": {"$ref": "#/definitions/driver"}},
                    },
                    "results": {"type": "array", "items": {"$ref": "#/definitions/result"}},
                },
            },
        },
    },
    "definitions": {
        "driver": {
            "type": "object",
            "required": ["name"],
            "additionalProperties": False,
            "properties": {
                "name": {"type": "string"},
                "semanticVersion": {"type": "string", "pattern": r"^\d+\.\d+\.\d+"},
                "rules": {
                    "type": "array",
                    "uniqueItems": True,
                    "items": {"$ref": "#/definitions/rule"},
                },
            },
        },
        "rule": {
            "type": "object",
            "required": ["id"],
            "additionalProperties": False,
            "properties": {
                "id": {"type": "string"},
                "name": {"type": "string", "pattern": "^[A-Z][A-Za-z0-9]+$"},
                "shortDescription": TEXT,
                "fullDescription": TEXT,
                "help": TEXT,
                "defaultConfiguration": {"type": "object", "properties": {"level": LEVEL}},
                "properties": {
                    "type": "object",
                    "properties": {
                        "tags": {"type": "array", "uniqueItems": True},
                        "security-severity": {"type": "string", "pattern": r"^\d+\.\d$"},
                        "problem.severity": {"enum": ["error", "warning", "recommendation"]},
                        "precision": {"enum": ["very-high", "high", "medium", "low"]},
                    },
                },
            },
        },
        "result": {
            "type": "object",
            "required": ["message", "ruleId", "locations", "partialFingerprints"],
            "additionalProperties": False,
            "properties": {
                "ruleId": {"type": "string"},
                "ruleIndex": {"type": "integer", "minimum": 0},
                "level": LEVEL,
                "message": TEXT,
                "partialFingerprints": {
                    "type": "object",
                    "additionalProperties": {"type": "string"},
                },
                "locations": {
                    "type": "array",
                    "minItems": 1,
                    "items": {"$ref": "#/definitions/location"},
                },
            },
        },
        "location": {
            "type": "object",
            "required": ["physicalLocation"],
            "additionalProperties": False,
            "properties": {
                "physicalLocation": {
                    "type": "object",
                    "required": ["artifactLocation", "region"],
                    "properties": {
                        "artifactLocation": {
                            "type": "object",
                            "required": ["uri"],
                            "properties": {"uri": {"type": "string", "format": "uri-reference"}},
                        },
                        "region": {
                            "type": "object",
                            "required": ["startLine"],
                            "additionalProperties": False,
                            "properties": {
                                "startLine": {"type": "integer", "minimum": 1},
                                "startColumn": {"type": "integer", "minimum": 1},
                            },
                        },
                    },
                },
                "logicalLocations": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {
                            "name": {"type": "string"},
                            "fullyQualifiedName": {"type": "string"},
                            "kind": {"type": "string"},
                        },
                    },
                },
            },
        },
    },
}
"""What this output uses of the schema of SARIF 2.1.0, and what code scanning asks for besides."""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, "utf-8")


def test_a_clean_file_is_0(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(here, good=GOOD)
    assert main(["lint", "good.yaml"]) == 0
    assert capsys.readouterr().out == "Nothing to mend.\n"


def test_an_error_is_1_and_says_where_why_and_how(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(here, bad=BAD)
    assert main(["lint", "bad.yaml"]) == 1
    line = 1 + BAD[: BAD.index("Statistic: Average")].count("\n")
    first, why, mend, total = capsys.readouterr().out.splitlines()
    assert first.startswith(f"bad.yaml:{line}:7: error TW421: ")
    assert "TW421: RootAlarm takes the Average" in first
    assert "Average hides events" in why
    assert mend == "    Mend: Set the statistic to Sum."
    assert total == "1 error."


def test_a_warning_is_1_only_where_asked(here: Path) -> None:
    write(here, dubious=DUBIOUS)
    assert main(["lint", "dubious.yaml"]) == 0
    assert main(["lint", "--strict", "dubious.yaml"]) == 1


def test_several_files_are_judged_apart(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(here, good=GOOD, bad=BAD)
    plan = str(FILES / "cis-plan.json")
    assert main(["lint", "--format", "json", "good.yaml", "bad.yaml", plan]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [(one["file"], one["rule"], one["severity"]) for one in found] == [
        ("bad.yaml", "TW421", "error")
    ]
    assert found[0]["address"] == "RootAlarm"


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("absent.yaml", None, "No such file"),
        ("a.json", b"{", "it is no JSON"),
        ("plan.bin", b"\xff\x00", "it is no text"),
        ("main.tf", b'resource "aws_sns_topic" "a" {}', "terraform show -json"),
        ("notes.yaml", b"a: 1", "nothing that can be checked"),
    ],
)
def test_what_cannot_be_read_is_2(
    name: str, data: bytes | None, said: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(here, bad=BAD)
    if data is not None:
        (here / name).write_bytes(data)
    assert main(["lint", "bad.yaml", name]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert said in shown.err


def test_neither_file_nor_account_is_2(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint"]) == 2
    assert main(["lint", "--live", "a.yaml"]) == 2
    assert "Name files to check, or --live" in capsys.readouterr().err


def test_a_file_without_a_pipeline_is_said(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(here, web="Resources: {Site: {Type: 'AWS::S3::Bucket'}}")
    assert main(["lint", "web.yaml"]) == 0
    assert "nothing of a CloudTrail pipeline" in capsys.readouterr().err


def test_standard_input_is_read(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(BAD.encode())))
    assert main(["lint", "-"]) == 1
    assert capsys.readouterr().out.startswith("stdin:")


def sarif(capsys: pytest.CaptureFixture[str], *files: str) -> dict[str, Any]:
    main(["lint", "--format", "sarif", *files])
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    jsonschema.Draft7Validator(SARIF).validate(document)
    return document


def test_sarif_is_valid_and_complete(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(here, good=GOOD, bad=BAD, dubious=DUBIOUS)
    (run,) = sarif(capsys, "good.yaml", "bad.yaml", "dubious.yaml")["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [one["id"] for one in rules] == [one.id for one in RULES]
    assert [(one["ruleId"], one["level"]) for one in run["results"]] == [
        ("TW421", "error"),
        ("TW426", "warning"),
    ]
    for one in run["results"]:
        assert rules[one["ruleIndex"]]["id"] == one["ruleId"]
    where = run["results"][0]["locations"][0]
    assert where["physicalLocation"]["artifactLocation"]["uri"] == "bad.yaml"
    assert where["logicalLocations"][0]["fullyQualifiedName"] == "RootAlarm"


def test_sarif_of_a_clean_file_has_no_results(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Code scanning closes the alerts of the last run by an upload without them."""
    write(here, good=GOOD)
    assert sarif(capsys, "good.yaml")["runs"][0]["results"] == []


def test_a_fingerprint_outlives_other_lines(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(here, bad=BAD)
    before = sarif(capsys, "bad.yaml")["runs"][0]["results"][0]
    write(here, bad=f"# a comment above\n{BAD}")
    after = sarif(capsys, "bad.yaml")["runs"][0]["results"][0]
    assert before["partialFingerprints"] == after["partialFingerprints"]
    assert before["locations"] != after["locations"]


def test_paths_are_relative_with_slashes(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "infra").mkdir()
    write(here / "infra", bad=BAD)
    (run,) = sarif(capsys, str(here / "infra" / "bad.yaml"))["runs"]
    assert run["artifacts"] == [{"location": {"uri": "infra/bad.yaml"}}]
    assert str(here) not in json.dumps(run)
    assert not re.search(r"helpUri", json.dumps(run))


def test_what_stands_is_judged(
    environment: Mapping[str, str],
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    logs = Aws("us-east-1", environment["AWS_ENDPOINT_URL"])
    logs.call("logs", "CreateLogGroup", logGroupName="/audit")
    logs.call(
        "logs",
        "PutMetricFilter",
        logGroupName="/audit",
        filterName="root",
        filterPattern='{ $.userIdentity.type = "Root" }',
        metricTransformations=[{"metricName": "A", "metricNamespace": "B", "metricValue": "1"}],
    )
    assert main(["lint", "--live"]) == 1
    shown = capsys.readouterr().out
    assert "error TW101: No trail delivers to the log group /audit" in shown
    assert "error TW413: No alarm looks at what root counts." in shown
    logs.call("logs", "DeleteLogGroup", logGroupName="/audit")
    assert main(["lint", "--live"]) == 0
    logs.close()


def test_the_rights_for_everybodys_pipelines_are_printed(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """None of them can change anything."""
    assert main(["permissions", "lint"]) == 0
    statements = json.loads(capsys.readouterr().out)["Statement"]
    actions = [action for one in statements for action in one["Action"]]
    assert "logs:DescribeMetricFilters" in actions
    assert all(action.split(":")[1].startswith(("Describe", "Get", "List")) for action in actions)
    assert {one["Resource"] for one in statements} == {"*"}
