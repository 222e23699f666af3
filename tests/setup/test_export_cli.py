"""`trailwatch export`: a file from the settings, and from what was chosen in Slack."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from trailwatch.store import site_config
from trailwatch.store.database import open_database

ACCOUNT = ("--account", "123456789012")


def test_it_prints_the_pipeline_of_the_settings(trailwatch: Callable[..., Any]) -> None:
    done = trailwatch("export", "--settings-only", *ACCOUNT)
    assert done.returncode == 0, done.stderr
    resources = json.loads(done.stdout)["Resources"]
    assert resources["Bucket"]["Properties"]["BucketName"] == "trailwatch-123456789012-us-east-1"
    assert "Not in this file" in done.stderr


def test_what_was_chosen_in_slack_is_in_it(
    trailwatch: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/bot.db"
    db = open_database(url)
    body = {"pack": "cis", "adopted": {"bucket": "corp-logs"}, "retention_days": 731}
    with db.transaction() as tx:
        site_config.save(tx, "main", json.dumps(body), "U1", datetime.now(UTC))
    db.close()
    monkeypatch.setenv("DATABASE_URL", url)
    out = tmp_path / "pipeline.tf.json"
    done = trailwatch("export", "--format", "terraform", *ACCOUNT, "--output", str(out))
    assert done.returncode == 0, done.stderr
    made = json.loads(out.read_text())["resource"]
    assert len(made["aws_cloudwatch_metric_alarm"]) == 15
    assert made["aws_cloudwatch_log_group"]["log_group"]["retention_in_days"] == 731
    assert made["aws_cloudtrail"]["trail"]["s3_bucket_name"] == "corp-logs"
    assert "aws_s3_bucket" not in made
    assert "The bucket corp-logs was adopted" in done.stderr


def test_wrong_words_are_told(trailwatch: Callable[..., Any]) -> None:
    wrong = trailwatch("export", "--settings-only", "--account", "12")
    assert wrong.returncode == 2
    assert "twelve digits" in wrong.stderr
    missing = trailwatch("export", "--settings-only", *ACCOUNT, "--site", "mian")
    assert missing.returncode == 1
    assert "main" in missing.stderr
