"""`trailwatch export`: a file from the settings, and from what was chosen in Slack."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.cli import main
from setup.export import FORMATS
from trailwatch.store import site_config
from trailwatch.store.database import open_database

ACCOUNT = ("--account", "123456789012")

pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_prints_the_pipeline_of_the_settings(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "--settings-only", *ACCOUNT]) == 0
    said = capsys.readouterr()
    resources = json.loads(said.out)["Resources"]
    assert resources["Bucket"]["Properties"]["BucketName"] == "trailwatch-123456789012-us-east-1"
    assert "Not in this file" in said.err
    assert list(folder.iterdir()) == []


def test_what_was_chosen_in_slack_is_in_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{folder}/bot.db"
    db = open_database(url)
    body = {"pack": "cis", "adopted": {"bucket": "corp-logs"}, "retention_days": 731}
    with db.transaction() as tx:
        site_config.save(tx, "main", json.dumps(body), "U1", datetime.now(UTC))
    db.close()
    monkeypatch.setenv("DATABASE_URL", url)
    out = folder / "pipeline.tf.json"
    assert main(["export", "--format", "terraform", *ACCOUNT, "--output", str(out)]) == 0
    made = json.loads(out.read_text())["resource"]
    assert len(made["aws_cloudwatch_metric_alarm"]) == 15
    assert made["aws_cloudwatch_log_group"]["log_group"]["retention_in_days"] == 731
    assert made["aws_cloudtrail"]["trail"]["s3_bucket_name"] == "corp-logs"
    assert "aws_s3_bucket" not in made
    assert "The bucket corp-logs was adopted" in capsys.readouterr().err


@pytest.mark.parametrize("form", FORMATS)
def test_our_own_lint_finds_no_fault_in_it(
    form: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """But for the subscription, which is in neither file."""
    file = folder / ("x.tf.json" if form == "terraform" else "x.template.json")
    chosen = ["--format", form, "--output", str(file)]
    assert main(["export", "--settings-only", *ACCOUNT, *chosen]) == 0
    assert main(["lint", str(file)]) == 0
    said = capsys.readouterr().out
    assert "has no subscription in this file" in said
    assert said.rstrip().endswith("1 note.")


def test_wrong_words_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "--settings-only", "--account", "12"]) == 2
    assert "twelve digits" in capsys.readouterr().err
    assert main(["export", "--settings-only", *ACCOUNT, "--site", "mian"]) == 2
    assert "main" in capsys.readouterr().err


def test_options_can_be_tried_without_a_store(capsys: pytest.CaptureFixture[str]) -> None:
    chosen = ["--set", "kms=own,retention_days=400"]
    assert main(["export", "--settings-only", *chosen, *ACCOUNT]) == 0
    resources = json.loads(capsys.readouterr().out)["Resources"]
    assert "AWS::KMS::Key" in {one["Type"] for one in resources.values()}
    assert resources["LogGroup"]["Properties"]["RetentionInDays"] == 400
    assert main(["export", "--settings-only", "--set", "kms", *ACCOUNT]) == 2
