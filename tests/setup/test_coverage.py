"""Coverage of CIS and Security Hub: judged by labelled events and by scanners' text."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from bot.cli import main
from handlers.blocks.coverage import coverage_message
from sandbox.slack.blocks import message_problems
from setup.coverage import live_filters
from setup.permissions import setup_policy
from trailwatch.coverage import ControlCoverage, LiveFilter, Verdict, judge, load_controls
from trailwatch.detections import load_catalogue

CATALOGUE = load_catalogue()
CONTROLS = load_controls(CATALOGUE)


def filters(*changed: LiveFilter, without: tuple[str, ...] = ()) -> list[LiveFilter]:
    """The pack cis as live filters, some otherwise."""
    names = {one.name for one in changed} | set(without)
    pack = [LiveFilter(one.id, "group", one.pattern) for one in CATALOGUE.pack("cis")]
    return [one for one in pack if one.name not in names] + list(changed)


def judged(*changed: LiveFilter, without: tuple[str, ...] = ()) -> dict[str, ControlCoverage]:
    return {one.control.id: one for one in judge(CONTROLS, filters(*changed, without=without))}


def passes(one: ControlCoverage) -> dict[str, bool]:
    return {text.scanner: text.passes for text in one.texts}


def test_the_controls_are_the_packs_and_have_their_numbers() -> None:
    assert [control.id for control in CONTROLS] == list(CATALOGUE.packs["cis"])
    assert [control.number for control in CONTROLS] == [f"4.{n}" for n in range(1, 16)]
    assert sorted(control.hub for control in CONTROLS if control.hub) == sorted(
        f"CloudWatch.{n}" for n in range(1, 15)
    )
    old = [dict(control.cis).get("1.2", "") for control in CONTROLS]
    assert [number.split()[0] for number in old if number] == [f"3.{n}" for n in range(1, 15)]


def test_the_prescribed_filters_cover_everything_by_meaning_and_by_text() -> None:
    for one in judged().values():
        assert one.verdict is Verdict.COVERED, one
        assert all(passes(one).values())
        assert one.tested > 20
        assert one.control.id in one.filters


def test_a_missing_filter_is_not_covered_though_others_see_some_of_it() -> None:
    """Refused calls to IAM still reach the alarm for refused calls: that is no coverage."""
    found = judged(without=("iam-policy-changes", "root-usage"))
    gaps = {id_ for id_, one in found.items() if one.verdict is not Verdict.COVERED}
    assert gaps == {"iam-policy-changes", "root-usage"}
    for id_ in gaps:
        assert found[id_].verdict is Verdict.NOT_COVERED
        assert not any(passes(found[id_]).values())


def test_an_exclusion_is_an_exception_and_is_named() -> None:
    tuned = '{ (($.errorCode = "*UnauthorizedOperation") || ($.errorCode = "AccessDenied*")) && ($.userIdentity.arn != "*assumed-role/deploy*") }'  # noqa: E501
    one = judged(LiveFilter("unauthorized-api-calls", "group", tuned))["unauthorized-api-calls"]
    assert one.verdict is Verdict.EXCEPTIONS
    # Prowler looks for two clauses, Security Hub for the whole text.
    assert passes(one) == {"Prowler": True, "Security Hub": False}
    (hidden,) = one.hidden
    assert hidden.clause == 'userIdentity.arn is there and does not contain "assumed-role/deploy"'
    labels = "; ".join(hidden.events)
    assert "by a role's session" in labels
    assert "by an AWS service" in labels, "an event without the field is hidden, too"
    assert "by an IAM user" not in labels


def test_what_narrows_a_filter_is_found() -> None:
    narrow = '{ ($.userIdentity.type = "Root") && ($.awsRegion = "eu-west-1" || $.awsRegion = "us-east-1") && $.userIdentity.invokedBy NOT EXISTS && $.eventType != "AwsServiceEvent" }'  # noqa: E501
    one = judged(LiveFilter("root-usage", "group", narrow))["root-usage"]
    assert one.verdict is Verdict.EXCEPTIONS
    assert [hidden.clause for hidden in one.hidden] == ['awsRegion is "eu-west-1" or one of 1 more']
    assert "ConsoleLogin in another Region" in one.hidden[0].events
    short = CATALOGUE["nacl-changes"].pattern.replace("|| ($.eventName=DeleteNetworkAcl) ", "")
    one = judged(LiveFilter("nacl-changes", "group", short))["nacl-changes"]
    assert [hidden.events for hidden in one.hidden] == [("DeleteNetworkAcl",)]
    assert passes(one) == {"Prowler": False, "Security Hub": False}


def test_a_wider_filter_of_another_text_covers_by_meaning_alone() -> None:
    wide = '{ ($.eventSource = "kms.amazonaws.com") && ($.readOnly IS FALSE) }'
    found = judged(LiveFilter("kms-key-disable-or-delete", "group", wide))
    one = found["kms-key-disable-or-delete"]
    assert one.verdict is Verdict.EXCEPTIONS
    assert {hidden.clause for hidden in one.hidden} == {"readOnly is false"}
    assert passes(one) == {"Prowler": False, "Security Hub": False}
    wider = LiveFilter("any", "group", '{ $.eventSource = "kms.amazonaws.com" }')
    found = judged(wider, without=("kms-key-disable-or-delete",))
    assert found["kms-key-disable-or-delete"].verdict is Verdict.COVERED


def test_an_alarm_that_waits_for_more_is_an_exception() -> None:
    pattern = CATALOGUE["console-auth-failures"].pattern
    waits = "the alarm waits for 5 matches within 300 s"
    patient = LiveFilter("console-auth-failures", "group", pattern, patience=waits)
    one = judged(patient)["console-auth-failures"]
    assert one.verdict is Verdict.EXCEPTIONS
    assert [hidden.clause for hidden in one.hidden] == [waits]
    assert all(passes(one).values())
    quick = LiveFilter("another", "group", pattern)
    assert judged(patient, quick)["console-auth-failures"].verdict is Verdict.COVERED


def test_a_filter_that_tells_nobody_covers_nothing() -> None:
    mute = LiveFilter(
        "vpc-changes",
        "group",
        CATALOGUE["vpc-changes"].pattern,
        problems=("The actions of the alarm vpc are off.",),
    )
    one = judged(mute)["vpc-changes"]
    assert one.verdict is Verdict.NOT_COVERED
    assert "The actions of the alarm vpc are off." in one.reason
    assert passes(one) == {"Prowler": True, "Security Hub": False}


def test_a_pattern_that_nobody_can_read_is_passed_over() -> None:
    broken = LiveFilter("vpc-changes", "group", "{ $.eventName = }")
    assert judged(broken)["vpc-changes"].verdict is Verdict.NOT_COVERED


@pytest.mark.parametrize("pack", ["cis", "recommended", "walkthrough"])
def test_every_message_is_one_that_slack_takes(pack: str) -> None:
    live = [LiveFilter(one.id, "group", one.pattern) for one in CATALOGUE.pack(pack)]
    message = coverage_message("main", judge(CONTROLS, live), ("Not allowed: sns:X.",))
    shown = {"text": message.text, "blocks": [dict(block) for block in message.blocks]}
    assert list(message_problems(shown)) == []
    (table,) = (dict(block) for block in message.blocks if block["type"] == "table")
    rows: Any = table["rows"]
    assert len(rows) == 16


def test_names_from_the_account_stay_text() -> None:
    """Whoever may put a metric filter chooses its name and its pattern."""
    hostile = "<!channel> *bold* `code` <https://example.com|here>"
    tuned = CATALOGUE["root-usage"].pattern.replace("}", f"&& $.x != '{hostile}' }}")
    odd = f'{{ $.userIdentity.type = "Root" && $.awsRegion != "{hostile}" && $.readOnly IS FALSE }}'
    mute = LiveFilter(hostile, "group", CATALOGUE["vpc-changes"].pattern, problems=(hostile,))
    for one in (LiveFilter(hostile, "group", tuned), LiveFilter(hostile, "group", odd), mute):
        live = filters(one, without=("root-usage", "vpc-changes"))
        message = coverage_message(hostile, judge(CONTROLS, live), (hostile,))
        text = " ".join([message.text, *mrkdwn(message.blocks)])
        assert "<!channel>" not in text
        assert "<https" not in text
        assert "*bold*" not in re.sub(r"`[^`]*`", "", text)


def mrkdwn(node: Any) -> Iterator[str]:
    """Every text of a message that Slack reads as markup."""
    if isinstance(node, Mapping):
        if node.get("type") == "mrkdwn":
            yield str(node["text"])
        for value in node.values():
            yield from mrkdwn(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from mrkdwn(value)


# The pipeline as it stands


def live(world: Any) -> dict[str, ControlCoverage]:
    found = live_filters(world.clients(), "us-east-1")
    assert found.notes == ()
    return {one.control.id: one for one in judge(CONTROLS, found.filters)}


def test_a_built_pipeline_is_covered_and_each_broken_link_is_named(on_stand_in: Any) -> None:
    world = on_stand_in
    config = world.built("cis")
    found = live_filters(world.clients(), "us-east-1")
    assert world.writes() == []
    allowed = {action for one in setup_policy(config)["Statement"] for action in one["Action"]}
    assert world.permissions() <= allowed
    assert len(found.filters) == 15
    assert {one.problems for one in found.filters} == {()}
    assert {one.verdict for one in live(world).values()} == {Verdict.COVERED}

    alarm = config.alarm_name
    world.aws.call("cloudwatch", "DisableAlarmActions", AlarmNames=[alarm("root-usage")])
    world.aws.call("cloudwatch", "DeleteAlarms", AlarmNames=[alarm("vpc-changes")])
    world.aws.call(
        "logs",
        "DeleteMetricFilter",
        logGroupName=config.log_group,
        filterName=alarm("nacl-changes"),
    )
    gaps = {
        id_: one.reason for id_, one in live(world).items() if one.verdict is not Verdict.COVERED
    }
    assert gaps.keys() == {"root-usage", "vpc-changes", "nacl-changes"}
    assert "actions of the alarm" in gaps["root-usage"]
    assert "No alarm watches its metric." in gaps["vpc-changes"]
    assert gaps["nacl-changes"] == "No live filter matches its events."

    topic = config.site.topic_arn(config.topic)
    (one,) = world.clients().subscriptions(topic)
    world.aws.call("sns", "Unsubscribe", SubscriptionArn=one["SubscriptionArn"])
    assert {one.verdict for one in live(world).values()} == {Verdict.NOT_COVERED}
    assert "has a confirmed subscriber" in live(world)["config-changes"].reason


def test_a_trail_that_does_not_log_covers_nothing(on_moto: Any) -> None:
    world = on_moto
    config = world.built()
    world.aws.call("cloudtrail", "StopLogging", Name=config.trail)
    found = live_filters(world.clients(), "us-east-1")
    assert {one.problems for one in found.filters} == {("The trail trailwatch does not log.",)}
    world.aws.call("cloudtrail", "UpdateTrail", Name=config.trail, IsMultiRegionTrail=False)
    found = live_filters(world.clients(), "us-east-1")
    assert "one Region only" in found.filters[0].problems[0]
    elsewhere = live_filters(world.clients(), "eu-west-1")
    assert elsewhere.filters == ()
    assert "us-east-1; not looked at there" in elsewhere.notes[0]


def test_the_command_line_tells_the_same(
    on_stand_in: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Any,
) -> None:
    world = on_stand_in
    config = world.built("cis")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "AWS_ENDPOINT_URL": world.aws.endpoint_url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLEEXAMPLE00",
        "AWS_SECRET_ACCESS_KEY": "example",
    }.items():
        monkeypatch.setenv(name, value)
    assert main(["coverage"]) == 0
    assert capsys.readouterr().out.count(" covered ") == 15
    tuned = CATALOGUE["root-usage"].pattern.replace("}", '&& $.awsRegion = "us-east-1"}')
    world.aws.call(
        "logs",
        "PutMetricFilter",
        logGroupName=config.log_group,
        filterName=config.alarm_name("root-usage"),
        filterPattern=tuned,
        metricTransformations=[
            {
                "metricName": config.alarm_name("root-usage"),
                "metricNamespace": config.namespace,
                "metricValue": "1",
            }
        ],
    )
    assert main(["coverage", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    gaps = [one for one in told["controls"] if one["by_meaning"] != "covered"]
    assert [one["cis"]["1.4 to 5.0"] for one in gaps] == ["4.3"]
    assert gaps[0]["hidden"][0]["clause"] == 'awsRegion is "us-east-1"'
    assert main(["coverage"]) == 1
    assert 'asks that awsRegion is "us-east-1"' in capsys.readouterr().out
