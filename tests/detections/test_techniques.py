"""Recorded attacks set off the detections that the table names, and ordinary work sets off none."""

from __future__ import annotations

import gzip
import json
import runpy
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from trailwatch.detections import load_catalogue
from trailwatch.detections.techniques import Technique, load_techniques
from trailwatch.pattern import Document, parse

CATALOGUE = load_catalogue()
PATTERNS = {detection.id: parse(detection.pattern) for detection in CATALOGUE}
TECHNIQUES = load_techniques()
ROOT = Path(__file__).resolve().parents[2]

Record = Mapping[str, Any]

# What in the ordinary work of the recorded hour sets off the pack `recommended`, and why it should:
# the hour's Terraform builds what the attacks need, by a user's key.
ORDINARY_BUT_TOLD = {
    "iam-user-created": {"CreateUser"},
    "login-profile-set": {"CreateLoginProfile"},
    "trail-stopped": {"DeleteTrail"},  # a real trail is torn down
    "trail-pipeline-tamper": {"DeleteLogGroup"},  # that of the flow logs
    "secrets-read-by-people": {"GetSecretValue"},  # twenty within a minute, by a user's key
    "admin-policy-attached": {"AttachRolePolicy"},  # for the role of a function
}


def _records(file: Path) -> list[Record]:
    if not file.exists():
        pytest.skip("no recorded attacks beside the project")
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="session")
def attack_hour(shared: Path) -> list[Record]:
    return _records(shared / "data" / "invictus-ir_aws_dataset.jsonl.gz")


@pytest.fixture(scope="session")
def detonations(shared: Path) -> dict[str, list[Record]]:
    """The records of each technique, by its id."""
    file = shared / "data" / "stratus-techniques.json"
    records = {
        one["eventID"]: one
        for one in _records(shared / "data" / "datadog_stratus-red-team.jsonl.gz")
    }
    return {
        technique: [records[id_] for id_ in ids]
        for technique, ids in json.loads(file.read_text("utf-8")).items()
    }


def _alarms(records: Iterable[Record], ids: Iterable[str]) -> dict[str, set[str]]:
    """The detections whose alarm would go off, with the names of the events that did it."""
    wanted = list(ids)
    hits: dict[str, dict[float, list[str]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        document = Document.of(json.dumps(record))
        seconds = datetime.fromisoformat(record["eventTime"].replace("Z", "+00:00")).timestamp()
        for id_ in wanted:
            if PATTERNS[id_].matches(document):
                period = seconds // CATALOGUE[id_].period.total_seconds()
                hits[id_][period].append(record["eventName"])
    return {
        id_: names
        for id_, periods in hits.items()
        if (
            names := {
                name
                for found in periods.values()
                if len(found) >= CATALOGUE[id_].threshold
                for name in found
            }
        )
    }


def _by_attacker(record: Record) -> bool:
    """Whether the attack tool did it, or somebody with the credentials that it took."""
    tool = str(record.get("userAgent", "")).strip("[").startswith("stratus-red-team_")
    return tool or (
        record["eventName"] == "GetCallerIdentity"
        and record["userIdentity"].get("type") == "AssumedRole"
    )


@pytest.mark.parametrize("technique", TECHNIQUES, ids=lambda one: one.id)
def test_a_technique_is_caught_or_says_why_not(technique: Technique) -> None:
    assert bool(technique.caught_by) is not bool(technique.why_not)
    for id_ in (*technique.caught_by, *technique.also):
        assert id_ in CATALOGUE
    assert set(technique.caught_by) <= set(CATALOGUE.packs["recommended"])


def test_the_table_has_every_recorded_technique(detonations: dict[str, list[Record]]) -> None:
    assert len(detonations) == 35
    assert set(detonations) <= {technique.id for technique in TECHNIQUES}


@pytest.mark.parametrize("technique", TECHNIQUES, ids=lambda one: one.id)
def test_a_detonation_sets_off_what_the_table_names_and_nothing_else(
    technique: Technique, detonations: dict[str, list[Record]]
) -> None:
    if technique.id not in detonations:
        pytest.skip("recorded in the hour of attacks only")
    found = set(_alarms(detonations[technique.id], PATTERNS))
    assert found == {*technique.caught_by, *technique.also}


def test_the_attacks_of_the_hour_are_caught(attack_hour: list[Record]) -> None:
    attacks = [record for record in attack_hour if _by_attacker(record)]
    recommended = CATALOGUE.packs["recommended"]
    for technique in TECHNIQUES:
        left = [record for record in attacks if record["eventName"] in technique.attack_hour]
        assert bool(left) is bool(technique.attack_hour), technique.id
        if left:
            assert set(_alarms(left, recommended)) & set(technique.caught_by), technique.id


def test_ordinary_work_is_silent(attack_hour: list[Record]) -> None:
    ordinary = [record for record in attack_hour if not _by_attacker(record)]
    assert len(ordinary) > 2600
    assert _alarms(ordinary, CATALOGUE.packs["recommended"]) == ORDINARY_BUT_TOLD


def test_the_page_is_up_to_date() -> None:
    pages = runpy.run_path(str(ROOT / "docs" / "generate.py"))["PAGES"]
    assert (ROOT / "docs" / "techniques.md").read_text("utf-8") == pages["techniques.md"]()


# What the test events of two peers set off, by file: (event, detection): how many of them.
PEERS = {
    "airbnb_streamalert.jsonl.gz": {
        ("UpdateTrail", "trail-stopped"): 1,
        ("StopLogging", "trail-stopped"): 1,
        ("DeleteDBCluster", "database-deleted"): 1,
        ("StopConfigurationRecorder", "config-recorder-stopped"): 1,
        ("DeleteFlowLogs", "network-logs-deleted"): 1,
        ("DeleteDetector", "guardduty-disabled"): 1,
        ("UpdateDetector", "guardduty-disabled"): 1,  # the other one enables it
        ("DeleteAccountPublicAccessBlock", "s3-public-access-block"): 1,
        ("PutBucketPublicAccessBlock", "s3-public-access-block"): 1,  # the other one blocks all
        ("PutAccountPublicAccessBlock", "s3-public-access-block"): 1,
        ("ModifyImageAttribute", "ami-shared"): 2,  # the third one takes it back
        ("DeactivateMFADevice", "mfa-deactivated"): 2,
        ("PutBucketPolicy", "s3-bucket-opened"): 1,
        ("SetRepositoryPolicy", "resource-shared"): 1,
        ("PutKeyPolicy", "resource-shared"): 1,
        ("PutResourcePolicy", "resource-shared"): 1,
        ("PutBucketAcl", "s3-acl-public"): 1,  # the other one has no event source
        ("ConsoleLogin", "root-usage"): 1,
        ("AuthorizeSecurityGroupIngress", "security-group-opened"): 1,
        ("ModifySnapshotAttribute", "ebs-snapshot-shared"): 1,
        ("ModifyDBClusterSnapshotAttribute", "rds-snapshot-shared"): 2,
    },
    "fivexl_cloudtrail-to-slack.jsonl.gz": {
        ("ConsoleLogin", "console-signin-no-mfa"): 1,
        ("StopLogging", "trail-stopped"): 1,
        ("UpdateTrail", "trail-stopped"): 1,
        ("DeleteTrail", "trail-stopped"): 1,
        ("ConsoleLogin", "root-usage"): 1,
        ("DescribeInstances", "access-denied-burst"): 1,  # one alone raises no alarm
    },
}


@pytest.mark.parametrize("file", PEERS)
def test_the_test_events_of_peers_match_where_they_should(file: str, shared: Path) -> None:
    found: dict[tuple[str, str], int] = defaultdict(int)
    for record in _records(shared / "data" / file):
        document = Document.of(json.dumps(record))
        for id_ in CATALOGUE.packs["recommended"]:
            if PATTERNS[id_].matches(document):
                found[record["eventName"], id_] += 1
    assert found == PEERS[file]
