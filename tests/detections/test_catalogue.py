"""Every detection of the catalogue finds what it should and passes over what it should not."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from trailwatch.detections import (
    Catalogue,
    Detection,
    DetectionKind,
    Severity,
    load_catalogue,
    read_catalogue,
)
from trailwatch.errors import ConfigError, NotFound
from trailwatch.pattern import MAX_LENGTH, parse

CATALOGUE = load_catalogue()
TECHNIQUE = re.compile(r"MITRE ATT&CK T1[0-9]{3}(\.[0-9]{3})? [A-Z]")
ACCOUNT = re.compile(r"(?<![0-9a-f-])[0-9]{12}(?![0-9a-f])")
ADDRESS = re.compile(r"(?<![0-9.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9.])")
WALKTHROUGH = [
    "login-outside-office",
    "root-console-login",
    "console-login-failed-any",
    "unauthorized-api-calls",
    "large-instance",
    "iam-user-created",
    "console-login",
]


@pytest.mark.parametrize("detection", CATALOGUE, ids=lambda detection: detection.id)
def test_a_detection_matches_its_examples_and_not_its_near_misses(detection: Detection) -> None:
    pattern = parse(detection.pattern)
    assert detection.examples.matches
    assert detection.examples.near_misses
    for record in detection.examples.matches:
        assert pattern.matches(json.dumps(record)), record["eventName"]
    for record in detection.examples.near_misses:
        assert not pattern.matches(json.dumps(record)), record["eventName"]


@pytest.mark.parametrize("detection", CATALOGUE, ids=lambda detection: detection.id)
def test_the_examples_are_records_of_the_documented_account(detection: Detection) -> None:
    for record in (*detection.examples.matches, *detection.examples.near_misses):
        assert record["recipientAccountId"] == "123456789012"
        assert {"eventTime", "eventName", "eventSource", "eventID", "userIdentity"} <= set(record)


def test_compliance_patterns_are_the_texts_that_scanners_demand(shared: Path) -> None:
    file = shared / "data" / "detections.json"
    if not file.exists():
        pytest.skip("no texts beside the project to compare with")
    entries = json.loads(file.read_text())
    wanted = {entry["id"]: entry["pattern"] for entry in entries if entry["kind"] == "compliance"}
    ours = {one.id: one.pattern for one in CATALOGUE if one.kind is DetectionKind.COMPLIANCE}
    assert ours == wanted
    assert {entry["id"] for entry in entries} <= {detection.id for detection in CATALOGUE}


def test_packs() -> None:
    assert [detection.id for detection in CATALOGUE.pack("walkthrough")] == WALKTHROUGH
    compliance = {one.id for one in CATALOGUE if one.kind is DetectionKind.COMPLIANCE}
    assert {one.id for one in CATALOGUE.pack("cis")} == compliance
    assert len(compliance) == 15
    assert list(CATALOGUE.pack("all")) == list(CATALOGUE)
    assert set(CATALOGUE.packs) == {"walkthrough", "cis", "recommended", "all"}


@pytest.mark.parametrize("pack", CATALOGUE.packs)
def test_a_pack_keeps_within_the_regexes_that_a_log_group_may_have(pack: str) -> None:
    patterns = [parse(detection.pattern) for detection in CATALOGUE.pack(pack)]
    assert sum(pattern.uses_regex > 0 for pattern in patterns) <= 5


@pytest.mark.parametrize("pack", CATALOGUE.packs)
def test_a_pack_fits_into_a_log_group(pack: str) -> None:
    assert len(CATALOGUE.pack(pack)) <= 100


def test_there_are_detections_enough_and_the_recommended_ones_are_tuned() -> None:
    own = [one for one in CATALOGUE if one.kind is DetectionKind.DETECTION]
    assert len(own) >= 45
    noisy = {"console-login", "ec2-instance-changes", "security-group-rules-cis7"}
    assert not noisy & set(CATALOGUE.packs["recommended"])


@pytest.mark.parametrize("detection", CATALOGUE, ids=lambda detection: detection.id)
def test_an_entry_is_complete_and_short_enough_to_show(detection: Detection) -> None:
    assert len(detection.pattern) <= MAX_LENGTH
    assert len(detection.title) <= 80
    assert not detection.title.endswith(".")
    for text in (detection.why, detection.runbook, detection.noise):
        assert text.endswith(".")
        assert len(text) <= 400
    if detection.kind is DetectionKind.DETECTION:
        assert any(TECHNIQUE.match(reference) for reference in detection.references)


def test_titles_and_patterns_tell_entries_apart() -> None:
    assert len({one.title for one in CATALOGUE}) == len(CATALOGUE)
    # The same pattern is fine where the threshold differs: one failure, or many.
    assert len({(one.pattern, one.threshold) for one in CATALOGUE}) == len(CATALOGUE)


@pytest.mark.parametrize("detection", CATALOGUE, ids=lambda detection: detection.id)
def test_examples_hold_documentation_accounts_and_addresses_only(detection: Detection) -> None:
    text = json.dumps([*detection.examples.matches, *detection.examples.near_misses])
    assert set(ACCOUNT.findall(text)) <= {"123456789012", "111122223333"}
    for address in ADDRESS.findall(text):
        assert address.startswith(("198.51.100.", "203.0.113.", "10.", "0.0.0.0")), address


@pytest.mark.parametrize("pack", ["recommended"])
def test_the_pipeline_itself_is_watched(pack: str) -> None:
    patterns = [parse(detection.pattern) for detection in CATALOGUE.pack(pack)]
    group, topic = "/trailwatch/cloudtrail", "arn:aws:sns:us-east-1:123456789012:trailwatch-alarms"
    bucket = {"bucketName": "trailwatch-123456789012-us-east-1"}
    for source, name, parameters in (
        ("cloudtrail", "StopLogging", {}),
        ("cloudtrail", "DeleteTrail", {}),
        ("cloudtrail", "UpdateTrail", {}),
        ("cloudtrail", "PutEventSelectors", {}),
        ("monitoring", "DeleteAlarms", {}),
        ("monitoring", "DisableAlarmActions", {}),
        ("monitoring", "PutAlarmMuteRule", {}),
        ("logs", "DeleteMetricFilter", {}),
        ("logs", "DeleteLogGroup", {}),
        ("logs", "PutRetentionPolicy", {"logGroupName": group}),
        ("sns", "Unsubscribe", {}),
        ("sns", "DeleteTopic", {}),
        ("sns", "SetTopicAttributes", {"topicArn": topic}),
        ("s3", "PutBucketPolicy", bucket),
        ("s3", "DeleteBucketPolicy", bucket),
    ):
        record = {
            "eventSource": f"{source}.amazonaws.com",
            "eventName": name,
            "requestParameters": parameters,
        }
        found = sum(pattern.matches(json.dumps(record)) for pattern in patterns)
        assert found == 1, name


def test_an_entry_has_typed_values() -> None:
    detection = CATALOGUE["console-login-failed-any"]
    assert detection.severity is Severity.P3
    assert (detection.period, detection.threshold) == (timedelta(minutes=1), 1)
    assert CATALOGUE["root-usage"].period == timedelta(minutes=1)
    assert CATALOGUE["root-usage"].threshold == 1
    assert "\n" not in detection.runbook
    assert CATALOGUE.get("nothing") is None


def test_an_unknown_name_gets_near_names() -> None:
    with pytest.raises(NotFound, match="root-console-login"):
        CATALOGUE["root-console-logins"]
    with pytest.raises(NotFound, match="walkthrough"):
        CATALOGUE.pack("walktrough")


GOOD = """
id = "mine"
title = "Mine"
severity = "P4"
kind = "detection"
pattern = '{ $.eventName = "X" }'
why = "w"
runbook = "r"
noise = "n"
references = ["R"]
period_seconds = 60
threshold = 1
[examples]
matches = ['{"eventName": "X"}']
near_misses = ['{"eventName": "Y"}']
"""


def _load(folder: Path, text: str, packs: str = "") -> Catalogue:
    (folder / "mine.toml").write_text(text)
    (folder / "packs.toml").write_text(packs)
    return read_catalogue(folder)


def test_a_folder_of_ones_own_loads(tmp_path: Path) -> None:
    catalogue = _load(tmp_path, GOOD, 'few = ["mine"]')
    assert [detection.id for detection in catalogue.pack("few")] == ["mine"]
    assert catalogue["mine"].examples.matches == ({"eventName": "X"},)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('id = "mine"', 'id = "other"', "mine.toml: id: must be the file's name, not 'other'"),
        ('id = "mine"', "", "mine.toml: id: a text is missing"),
        ('severity = "P4"', 'severity = "P6"', "mine.toml: severity: must be one of P1, P2"),
        ("$.eventName =", "eventName =", "Invalid character(s) in term 'eventName' (column 2)"),
        ('why = "w"', 'wyh = "w"', "mine.toml: wyh: unknown key"),
        ("period_seconds = 60", "period_seconds = 90", "must be a multiple of 60"),
        ("threshold = 1", "threshold = 0", "mine.toml: threshold: must be a whole number from 1"),
        ('references = ["R"]', "references = []", "mine.toml: references: must be a list"),
        ('{"eventName": "Y"}', "{", "mine.toml: examples.near_misses[0]: not JSON"),
        ('{"eventName": "Y"}', "[]", "mine.toml: examples.near_misses[0]: must be a JSON object"),
        ("[examples]", "[example]", "mine.toml: examples: a table with matches"),
        ('title = "Mine"', 'title = "Mine', "mine.toml: not TOML"),
    ],
)
def test_a_wrong_file_is_named_with_its_key(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError) as caught:
        _load(tmp_path, GOOD.replace(old, new))
    assert any(problem in found for found in caught.value.problems), caught.value.problems


@pytest.mark.parametrize(
    ("packs", "problem"),
    [
        ('few = ["mien"]', "packs.toml: few: no detection 'mien'"),
        ('few = ["mine", "mine"]', "packs.toml: few: names a detection twice"),
        ("few = 3", "packs.toml: few: must be a list"),
        ('all = ["mine"]', "packs.toml: all: this pack is made by itself"),
    ],
)
def test_a_wrong_pack_is_named(tmp_path: Path, packs: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _load(tmp_path, GOOD, packs)
    assert any(problem in found for found in caught.value.problems), caught.value.problems
