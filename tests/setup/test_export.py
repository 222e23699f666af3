"""The wanted pipeline as a file for git: it is clean, and what it deploys is what we want."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from setup.export import FORMATS, export
from trailwatch.detections import load_catalogue
from trailwatch.site import Site, SiteConfig

CONFIG = SiteConfig(Site("main", "123456789012", "us-east-1"), public_url="https://bot.example.com")
WHOLE = replace(
    CONFIG,
    kms="own",
    object_lock_days=30,
    expire_after_days=400,
    data_events=("s3:payroll/2026/", "lambda"),
    exclude_kms=True,
    organization="o-a1b2c3d4e5",
)
ADOPTED = replace(
    CONFIG,
    adopted={"trail": "corp", "bucket": "corp-logs", "log_group": "/corp", "role": "x/corp"},
)
CATALOGUE = load_catalogue()
CONFIGS = {"plain": CONFIG, "everything": WHOLE, "adopted": ADOPTED}


@pytest.mark.parametrize("name", CONFIGS)
def test_the_template_is_clean(name: str) -> None:
    api = pytest.importorskip("cfnlint.api")
    text = export(CONFIGS[name], CATALOGUE.pack("cis"), "cloudformation").text
    assert [str(match) for match in api.lint(text, regions=["us-east-1"])] == []
    assert len(text.encode()) < 51_200, "CreateStack takes no longer template in its body"


@pytest.mark.parametrize("options", ["plain", "everything"])
def test_a_deployed_template_is_what_we_want(on_stand_in: Any, options: str) -> None:
    """But for what no template can make: Opsgenie's side, and the subscription with its key."""
    world = on_stand_in
    chosen = replace(CONFIGS[options], organization="")
    config = replace(chosen, router_url=world.opsgenie.url)
    detections = world.detections()
    template = export(config, detections, "cloudformation")
    world.aws.call(
        "cloudformation",
        "CreateStack",
        StackName="pipeline",
        TemplateBody=template.text,
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    plan = world.plan(config, detections)
    assert [change.summary() for change in plan.changes if change.kind not in NOT_MADE] == []
    assert {change.kind for change in plan.changes} == NOT_MADE
    assert "subscription" in " ".join(template.left_out)
    assert set(world.ends(world.apply(config, detections, plan))) == {"done"}
    assert world.plan(config, detections).empty


NOT_MADE = {"incoming_integration", "webhook_integration", "subscription"}


@pytest.mark.parametrize("name", CONFIGS)
def test_terraform_refers_to_what_it_makes(name: str) -> None:
    made = json.loads(export(CONFIGS[name], CATALOGUE.pack("cis"), "terraform").text)
    resources = made["resource"]
    references = set(_references(resources))
    assert references, "names alone would not order anything"
    for reference in references:
        kind, own, *attribute = reference.split(".")
        assert own in resources[kind], reference
        assert attribute in ([], ["id"], ["arn"], ["name"]), reference
    every = {
        "aws_cloudwatch_log_metric_filter": 15 if name != "none" else 0,
        "aws_cloudwatch_metric_alarm": 15,
    }
    assert {kind: len(resources[kind]) for kind in every} == every
    assert ("aws_cloudtrail" in resources) == (name != "adopted")
    assert made["provider"] == {"aws": {"region": "us-east-1"}}


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from re.findall(r"(?<!\$)\$\{([^}]+)\}", value)
    elif isinstance(value, Mapping):
        for key, below in value.items():
            if key == "depends_on":
                yield from below
            else:
                yield from _references(below)
    elif isinstance(value, list):
        for one in value:
            yield from _references(one)


def test_terraform_says_the_same_as_we_want() -> None:
    detections = CATALOGUE.pack("cis")
    made = json.loads(export(WHOLE, detections, "terraform").text)["resource"]
    filters = made["aws_cloudwatch_log_metric_filter"].values()
    assert [one["pattern"] for one in filters] == [one.pattern for one in detections]
    assert {one["log_group_name"] for one in filters} == {
        "${aws_cloudwatch_log_group.log_group.name}"
    }
    alarms = made["aws_cloudwatch_metric_alarm"].values()
    assert {one["alarm_actions"][0] for one in alarms} == {"${aws_sns_topic.topic.arn}"}
    trail = made["aws_cloudtrail"]["trail"]
    assert trail["depends_on"] == ["aws_s3_bucket_policy.bucket"]
    assert trail["cloud_watch_logs_group_arn"].endswith(".arn}:*")
    assert trail["is_multi_region_trail"] and trail["enable_log_file_validation"]
    policy = json.loads(made["aws_s3_bucket_policy"]["bucket"]["policy"])
    assert [one["Sid"] for one in policy["Statement"]][-1] == "OnlyTls"
    assert made["aws_s3_bucket"]["bucket"]["lifecycle"] == {"prevent_destroy": True}


def test_terraforms_own_signs_are_escaped() -> None:
    (detection,) = CATALOGUE.pack("cis")[:1]
    hostile = replace(detection, pattern='{ $.userAgent = "%{if ${var.x}}*" }')
    made = json.loads(export(CONFIG, [hostile], "terraform").text)["resource"]
    (one,) = made["aws_cloudwatch_log_metric_filter"].values()
    assert one["pattern"] == '{ $.userAgent = "%%{if $${var.x}}*" }'


def test_ids_that_read_alike_stay_apart() -> None:
    first, second = (replace(CATALOGUE.pack("cis")[0], id=name) for name in ("new-1", "new1"))
    made = json.loads(export(CONFIG, [first, second], "cloudformation").text)["Resources"]
    alarms = [one for one in made.values() if one["Type"] == "AWS::CloudWatch::Alarm"]
    assert {one["Properties"]["AlarmName"] for one in alarms} == {
        "trailwatch-new-1",
        "trailwatch-new1",
    }


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_not_in_the_file_is_said(form: str) -> None:
    watched = replace(ADOPTED, watched={"root-login": "corp-root"})
    file = export(watched, CATALOGUE.pack("walkthrough"), form)
    said = " ".join(file.left_out)
    assert "The bucket corp-logs was adopted" in said
    assert "root-login" in said
    assert "apiKey" not in file.text
    assert all(sentence in file.text for sentence in file.left_out)
