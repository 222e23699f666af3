"""The lint on Terraform plans and JSON modules: links through modules, and what stays unknown."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from setup.lint.chain import Chain
from setup.lint.file import chain_in
from setup.lint.rule import Finding
from setup.lint.rules import judge
from trailwatch.errors import UsageError

FILES = Path(__file__).parent / "lint_files"
PLAN = json.loads((FILES / "cis-plan.json").read_text("utf-8"))
MODULE = (FILES / "cis-alarms.tf.json").read_text("utf-8")
TOPIC = "module.cis_alarms.aws_sns_topic.default[0]"

Change = Callable[[dict[str, Any]], None]


def chain(document: Any, name: str = "plan.json") -> Chain:
    text = document if isinstance(document, str) else json.dumps(document)
    return chain_in(text.encode(), name)


def lint(document: Any, name: str = "plan.json") -> list[Finding]:
    return list(judge(chain(document, name)))


def planned(plan: dict[str, Any], address: str) -> dict[str, Any]:
    """The values of a planned resource."""
    root = plan["planned_values"]["root_module"]
    found = [*root["resources"], *(r for m in root["child_modules"] for r in m["resources"])]
    values: dict[str, Any] = next(r["values"] for r in found if r["address"].startswith(address))
    return values


def setting(address: str, **values: Any) -> Change:
    return lambda plan: planned(plan, address).update(values)


def unknown(address: str, *names: str) -> Change:
    """As a plan leaves out what is known only after an apply."""

    def change(plan: dict[str, Any]) -> None:
        for name in names:
            planned(plan, address).pop(name, None)

    return change


def changed(change: Change) -> dict[str, Any]:
    plan = copy.deepcopy(PLAN)
    change(plan)
    return plan


ALARM = "module.cis_alarms.aws_cloudwatch_metric_alarm"
FILTER = "module.cis_alarms.aws_cloudwatch_log_metric_filter"


def test_a_good_plan_has_nothing_to_mend() -> None:
    assert lint(PLAN) == []
    found = chain(PLAN)
    assert [len(part) for part in (found.trails, found.filters, found.alarms)] == [1, 2, 2]
    assert found.trails[0].log_group == "audit"  # from aws_cloudwatch_log_group.audit.arn
    assert found.alarms[0].alarm_actions == (f"({TOPIC})",)
    assert found.subscriptions[0].topic == f"({TOPIC})"  # var.topic, module output, resource
    assert found.subscriptions[0].endpoint == "events.example.com"  # never the key in the path


BREAKING: tuple[tuple[str, Change], ...] = (
    ("TW102", setting("aws_cloudtrail.audit", enable_logging=False)),
    ("TW103", setting("aws_cloudtrail.audit", is_multi_region_trail=False)),
    ("TW106", setting("aws_cloudtrail.audit", event_selector=[
        {"read_write_type": "WriteOnly", "include_management_events": True,
         "exclude_management_event_sources": None, "data_resource": []}])),
    ("TW105", setting("aws_cloudtrail.audit", advanced_event_selector=[
        {"name": "", "field_selector": [{"field": "eventCategory", "equals": ["Data"]}]}])),
    ("TW201", setting("aws_cloudwatch_log_group.audit", retention_in_days=30)),
    ("TW202", setting("aws_cloudwatch_log_group.audit", log_group_class="INFREQUENT_ACCESS")),
    ("TW101", setting("aws_cloudwatch_log_group.audit", name="other")),
    ("TW301", setting(FILTER, pattern="{ $.eventName == CreateUser }")),
    ("TW307", setting(FILTER, metric_transformation=[
        {"name": "RootUsage", "namespace": "CISBenchmark", "value": "1", "default_value": "1"}])),
    ("TW306", lambda plan: (
        setting(ALARM, treat_missing_data="missing")(plan),
        setting(FILTER, metric_transformation=[{
            "name": "RootUsage", "namespace": "CISBenchmark", "value": "1", "default_value": ""}],
        )(plan),
    )[0]),
    ("TW401", setting(ALARM, namespace="CisBenchmark")),
    ("TW402", setting(ALARM, dimensions={"Account": "123456789012"})),
    ("TW404", setting(ALARM, alarm_actions=None)),
    ("TW407", setting(ALARM, alarm_actions=["arn:aws:sns:us-east-1:123456789012:x"])),
    ("TW421", setting(ALARM, statistic=None, extended_statistic="p99")),
    ("TW426", setting(ALARM, period=300, evaluation_periods=1, datapoints_to_alarm=None)),
    ("TW503", setting(TOPIC, kms_master_key_id="alias/aws/sns")),
    ("TW505", lambda plan: plan["planned_values"]["root_module"]["child_modules"].pop()),
    ("TW507", setting("module.on_call", protocol="http")),
    ("TW508", setting("module.on_call", filter_policy='{"severity": ["high"]}')),
)  # fmt: skip


@pytest.mark.parametrize(("rule", "change"), BREAKING, ids=[one[0] for one in BREAKING])
def test_a_fault_in_a_plan_is_told(rule: str, change: Change) -> None:
    found = [one for one in lint(changed(change)) if one.rule.id == rule]
    assert len(found) == 1
    assert found[0].address


UNKNOWN: tuple[Change, ...] = (
    lambda plan: planned(plan, FILTER)["metric_transformation"][0].pop("name"),
    unknown(FILTER, "pattern", "name"),
    unknown(ALARM, "metric_name"),
    unknown(ALARM, "period", "evaluation_periods", "threshold"),
    lambda plan: plan["configuration"]["root_module"]["module_calls"]["on_call"]["expressions"][
        "topic"
    ].update(references=["local.topic"]),
    lambda plan: plan["configuration"]["root_module"]["module_calls"]["cis_alarms"]["module"][
        "resources"
    ][1]["expressions"].update(
        alarm_actions={"references": ["local.actions"]}, ok_actions={"references": ["each.value"]}
    ),
    lambda plan: plan.pop("configuration") and None,
)


@pytest.mark.parametrize("change", UNKNOWN)
def test_what_an_apply_decides_is_not_judged(change: Change) -> None:
    assert lint(changed(change)) == []


def test_instances_of_for_each_find_their_own() -> None:
    """Each alarm notifies the topic of its own key, not any of them."""
    plan = copy.deepcopy(PLAN)
    module = plan["planned_values"]["root_module"]["child_modules"][0]["resources"]
    for key in ("RootUsage", "UnauthorizedAPICalls"):
        values = {"name": key, "signature_version": 2, "kms_master_key_id": None}
        address = f'module.cis_alarms.aws_sns_topic.each["{key}"]'
        module.append(
            {"address": address, "mode": "managed", "type": "aws_sns_topic", "name": "each",
             "index": key, "values": values}
        )  # fmt: skip
    calls = plan["configuration"]["root_module"]["module_calls"]["cis_alarms"]["module"]
    references = ["aws_sns_topic.each", "each.key"]
    calls["resources"][1]["expressions"]["alarm_actions"] = {"references": references[:1]}
    found = chain(plan)
    assert found.alarms[0].alarm_actions == ('(module.cis_alarms.aws_sns_topic.each["RootUsage"])',)
    assert found.alarms[1].alarm_actions != found.alarms[0].alarm_actions


def test_an_alarm_on_an_expression_is_not_judged() -> None:
    metric = {"dimensions": None, "metric_name": "RootUsage", "namespace": "CISBenchmark",
              "period": 300, "stat": "Average", "unit": None}  # fmt: skip
    queries = [
        {"id": "m1", "expression": "", "metric": [metric], "return_data": None},
        {"id": "e1", "expression": "FILL(m1, 0)", "metric": [], "return_data": True},
    ]
    cleared = dict.fromkeys(("metric_name", "namespace", "statistic", "period"))
    plan = changed(setting(ALARM, metric_query=queries, **cleared))
    assert lint(plan) == []
    assert ("CISBenchmark", "RootUsage") in chain(plan).in_expressions


def test_a_state_is_read_like_a_plan() -> None:
    """`terraform show -json` without a plan prints what stands."""
    state = {"format_version": "1.0", "values": PLAN["planned_values"]}
    assert [len(part) for part in (chain(state).trails, chain(state).alarms)] == [1, 2]


def test_a_good_module_has_nothing_to_mend() -> None:
    assert lint(MODULE, "main.tf.json") == []
    found = chain(MODULE, "main.tf.json")
    assert found.trails[0].log_group == found.filters[0].log_group == "audit"
    assert found.alarms[0].metric == "RootUsage"
    assert found.alarms[0].name == "audit-root"
    assert found.subscriptions[0].topic == found.topics[0].arn == "(aws_sns_topic.alarms)"


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        ("TW421", '"statistic": "Sum"', '"statistic": "Average"'),
        ("TW401", '"namespace": "${local.namespace}",\n        "metric_name"',
         '"namespace": "Other",\n        "metric_name"'),
        ("TW426", '"evaluation_periods": 15', '"evaluation_periods": "5"'),
        ("TW404", '"alarm_actions": ["${aws_sns_topic.alarms.arn}"],', ""),
        ("TW107", '"enable_log_file_validation": true,', ""),
        ("TW103", '"is_multi_region_trail": true,', ""),
        ("TW504", ', "signature_version": 2', ""),
    ],
)  # fmt: skip
def test_a_fault_in_a_module_is_told_at_its_line(rule: str, old: str, new: str) -> None:
    assert MODULE.count(old) == 1
    text = MODULE.replace(old, new)
    found = lint(text, "main.tf.json")
    assert found[0].rule.id == rule
    assert {one.rule.id for one in found} <= {rule, "TW305"}  # whose alarm went elsewhere
    if new:
        first = next(part for part in new.splitlines() if "aws_" not in part).strip(' ,"')
        line = next(n for n, one in enumerate(text.splitlines(), 1) if first in one)
        assert found[0].place.line == line


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"${aws_cloudwatch_log_group.records.name}"', '"${var.email}"'),
        ('"statistic": "Sum"', '"statistic": "${var.email}"'),
        ('["${aws_sns_topic.alarms.arn}"],', '"${var.email}",'),
        ('"topic_arn": "${aws_sns_topic.alarms.arn}"', '"topic_arn": "${module.a.arn}"'),
        ('"default": "audit"', '"description": "what it is called"'),
        ('"namespace": "CISBenchmark"', '"namespace": "${lower(var.email)}"'),
        ('"period": 60', '"period": "${var.period}"'),
    ],
)
def test_what_a_module_leaves_open_is_not_judged(old: str, new: str) -> None:
    assert old in MODULE
    assert lint(MODULE.replace(old, new), "main.tf.json") == []


def test_references_that_go_round_end() -> None:
    text = MODULE.replace('"namespace": "CISBenchmark"', '"namespace": "${local.namespace}"')
    assert chain(text, "main.tf.json").alarms


def test_a_file_of_something_else_is_said() -> None:
    with pytest.raises(UsageError, match="nothing that can be checked"):
        chain({"format_version": "1.2"})
