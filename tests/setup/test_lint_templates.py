"""The lint on CloudFormation templates: what is resolved, what stays unknown, and where it is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from setup.export import FORMATS, export
from setup.lint.chain import Chain, Place
from setup.lint.document import read_document
from setup.lint.file import chain_in
from setup.lint.rule import Finding
from setup.lint.rules import judge
from trailwatch.detections import load_catalogue
from trailwatch.errors import UsageError
from trailwatch.site import Site, SiteConfig

TEMPLATE = (Path(__file__).parent / "lint_files" / "cis-alarms.yaml").read_text("utf-8")


def lint(text: str, name: str = "template.yaml") -> list[Finding]:
    return list(judge(chain(text, name)))


def chain(text: str, name: str = "template.yaml") -> Chain:
    return chain_in(text.encode(), name)


def changed(old: str, new: str) -> str:
    assert TEMPLATE.count(old) >= 1, old
    return TEMPLATE.replace(old, new)


def line_of(text: str, part: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), 1) if part in line)


def test_a_good_template_has_nothing_to_mend() -> None:
    assert lint(TEMPLATE) == []
    found = chain(TEMPLATE)
    assert len(found.trails) == len(found.filters) == len(found.alarms) == len(found.topics) == 1
    assert found.filters[0].log_group == found.trails[0].log_group == "(Records)"
    assert found.alarms[0].namespace == "CloudTrailMetrics"  # the parameter's default
    assert found.topics[0].arn == found.subscriptions[0].topic
    assert found.trails[0].name == "audit"
    assert found.buckets[0].blocked is True


BREAKING = (
    ("TW421", "Statistic: Sum", "Statistic: Average"),
    ("TW426", "EvaluationPeriods: 15", "EvaluationPeriods: 5"),
    ("TW401", "      MetricName: RootUsage", "      MetricName: RootUser"),
    ("TW424", "GreaterThanOrEqualToThreshold", "LessThanThreshold"),
    ("TW431", "notBreaching", "breaching"),
    ("TW403", "      Statistic: Sum", "      ActionsEnabled: false\n      Statistic: Sum"),
    ("TW406", "      OKActions: [!Ref Alarms]\n", ""),
    ("TW404", "      AlarmActions: [!Ref Alarms]\n", ""),
    ("TW103", "IsMultiRegionTrail: true", "IsMultiRegionTrail: false"),
    ("TW102", "IsLogging: true", "IsLogging: false"),
    ("TW107", "EnableLogFileValidation: true", "EnableLogFileValidation: false"),
    ("TW110", "      CloudWatchLogsRoleArn: !GetAtt Role.Arn\n", ""),
    ("TW201", "RetentionInDays: 365", "RetentionInDays: 14"),
    ("TW307", "DefaultValue: 0", "DefaultValue: 1"),
    ("TW301", "$.userIdentity.type=", "$.userIdentity.type=="),
    ("TW504", '      SignatureVersion: "2"\n', "      DisplayName: Alarms\n"),
    ("TW503", '      SignatureVersion: "2"', "      KmsMasterKeyId: alias/aws/sns"),
    ("TW501", "{Service: cloudwatch.amazonaws.com}", "{Service: events.amazonaws.com}"),
    ("TW101", "LogGroupName: !Ref Records", "LogGroupName: /aws/cloudtrail"),
    ("TW602", "Effect: Deny", "Effect: Allow"),
    ("TW603", "RestrictPublicBuckets: true", "RestrictPublicBuckets: false"),
)  # fmt: skip


@pytest.mark.parametrize(("rule", "old", "new"), BREAKING, ids=[one[0] for one in BREAKING])
def test_a_fault_in_a_template_is_told(rule: str, old: str, new: str) -> None:
    text = changed(old, new)
    found = [one for one in lint(text) if one.rule.id == rule]
    assert len(found) == 1
    assert found[0].place.line > 0
    assert found[0].address


def test_an_alarm_on_an_expression_is_not_judged() -> None:
    a, b = (
        TEMPLATE.index("      Namespace: !Ref Namespace\n      MetricName"),
        TEMPLATE.index("      Comp"),
    )
    metrics = (
        "      Metrics:\n        - Id: m1\n          MetricStat:\n            Stat: Average\n"
        "            Period: 300\n            Metric:\n              Namespace: !Ref Namespace\n"
        "              MetricName: RootUsage\n        - {Id: e1, Expression: 'FILL(m1, 0)'}\n"
    )
    text = TEMPLATE[:a] + metrics + TEMPLATE[b:]
    assert lint(text) == []
    assert chain(text).alarms == ()
    assert chain(text).in_expressions == {("CloudTrailMetrics", "RootUsage")}


def test_a_finding_points_to_its_property() -> None:
    text = changed("Statistic: Sum", "Statistic: Average")
    found = lint(text)[0]
    assert found.place == Place(line_of(text, "Statistic: Average"), 7)
    assert found.address == "RootAlarm"
    missing = lint(changed("      OKActions: [!Ref Alarms]\n", ""))[0]
    assert missing.place.line == line_of(TEMPLATE, "RootAlarm:")


def test_a_template_in_json_is_the_same() -> None:
    """As `aws cloudformation get-template` and the CDK write it."""
    document = json.dumps(read_document(TEMPLATE, "x.yaml"), indent=2)
    assert lint(document, "template.json") == []
    text = document.replace('"Statistic": "Sum"', '"Statistic": "Average"')
    found = lint(text, "template.json")
    assert [one.rule.id for one in found] == ["TW421"]
    assert found[0].place.line == line_of(text, '"Average"')


OWN = SiteConfig(Site("main", "123456789012", "us-east-1"))
ADOPTED = replace(OWN, adopted={"trail": "corp", "bucket": "corp-logs", "log_group": "/corp"})
WITH_KEY = replace(OWN, kms="own", data_events=("lambda",))


@pytest.mark.parametrize("config", [OWN, WITH_KEY, ADOPTED], ids=["plain", "key", "adopted"])
@pytest.mark.parametrize("form", FORMATS)
def test_what_setup_exports_is_clean(config: SiteConfig, form: str) -> None:
    """But for the subscription, whose address has a key in it and stands in no file."""
    detections = load_catalogue().pack("all" if config is OWN else "cis")
    exported = export(config, detections, form)
    found = chain(exported.text, exported.name)
    assert len(found.filters) == len(found.alarms) == len(detections)
    said = {(one.rule.id, one.severity.value) for one in judge(found)}
    assert said == {("TW505", "note")}


def test_numbers_may_be_texts() -> None:
    text = changed("Period: 60", 'Period: "60"').replace("Periods: 15", 'Periods: "5"')
    assert [one.rule.id for one in lint(text)] == ["TW426"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    Default: CloudTrailMetrics", "    NoEcho: false"),  # a parameter without a default
        ("LogGroupName: !Ref Records", "LogGroupName: !Ref Email"),
        ("LogGroupName: !Ref Records", "LogGroupName: !ImportValue audit-records"),
        ("Statistic: Sum", 'Statistic: !If [HasEmail, Sum, Average]'),
        ("MetricName: RootUsage\n      S", "MetricName: !Sub '${Email}Usage'\n      S"),
        ("[!Ref Alarms]\n      OKActions", "!Split [',', !Ref Email]\n      OKActions"),
        ("AlarmActions: [!Ref Alarms]", "AlarmActions: !FindInMap [Topics, here, arns]"),
        ("Period: 60", "Period: !Ref Email"),
        ("Namespace: !Ref Namespace\n      Me", "Namespace: !Transform X\n      Me"),
    ],
)  # fmt: skip
def test_what_deployment_decides_is_not_judged(old: str, new: str) -> None:
    assert lint(changed(old, new)) == []


FUNCTIONS = (
    ('!Join ["", [Cloud, Trail, Metrics]]', "CloudTrailMetrics"),
    ("!Sub ${TrailName}Metrics", "auditMetrics"),
    ("!Sub ['${Own}-${!Raw}', {Own: !Ref TrailName}]", "audit-${Raw}"),
    ("!Select [1, [a, b]]", "b"),
    ("!Select [1, !Split ['-', 'a-b']]", "b"),
    ("{Ref: TrailName}", "audit"),
    ("!If [HasEmail, same, same]", "same"),
    ("!Sub '${AWS::StackName}-x'", "${AWS..StackName}-x"),
    ("!GetAtt Archive.Arn", "arn:${AWS..Partition}:s3:::(Archive)"),
)  # fmt: skip


@pytest.mark.parametrize(("written", "meant"), FUNCTIONS)
def test_functions_are_carried_out(written: str, meant: str) -> None:
    text = changed(
        "Namespace: !Ref Namespace\n      MetricName", f"Namespace: {written}\n      MetricName"
    )
    assert chain(text).alarms[0].namespace == meant


def test_a_map_is_looked_up() -> None:
    text = changed("Conditions:", "Mappings: {Of: {eu: {space: Audit}}}\nConditions:")
    text = text.replace("Namespace: !Ref Namespace", "Namespace: !FindInMap [Of, eu, space]")
    assert chain(text).alarms[0].namespace == "Audit"


def test_a_reference_that_goes_round_ends() -> None:
    text = changed("TrailName: !Ref TrailName", "TrailName: !Sub '${Trail}-x'")
    assert chain(text).trails[0].name
    anchored = "Resources: &all\n  A:\n    Type: AWS::SNS::Topic\n    Properties: *all\n"
    assert len(chain(anchored).topics) == 1


def test_a_topic_made_elsewhere_is_not_missed() -> None:
    """A file shows a part only: what it doesn't hold may exist."""
    text = "Resources:\n" + TEMPLATE[TEMPLATE.index("  RootFilter:") :]
    text = text.replace("!Ref Records", "/aws/cloudtrail").replace("!Ref Namespace", "Audit")
    text = text.replace("!Ref Alarms", "arn:aws:sns:eu-west-1:123456789012:security")
    assert lint(text) == []


def test_a_topic_without_subscribers_in_its_own_file_is_noted() -> None:
    a, b = TEMPLATE.index("      Subscription:"), TEMPLATE.index("  AlarmsPolicy:")
    found = lint(TEMPLATE[:a] + TEMPLATE[b:])
    assert [(one.rule.id, one.severity) for one in found] == [("TW505", "note")]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.yaml", "Resources: [", "no JSON or YAML"),
        ("a.json", '{"Resources": {', "no JSON"),
        ("a.json", '{"Resources": {}} x', "line 1, column 19"),
        ("a.json", '{"a" 1}', "no colon at line 1, column 6"),
        ("a.yaml", "- 1\n- 2\n", "nothing that can be checked"),
        ("a.yaml", "", "nothing that can be checked"),
        ("a.json", "[" * 100_000, "nested too deep"),
        ("a.tf", 'resource "aws_sns_topic" "a" {}', "terraform show -json"),
        ("a.yaml", "Resources:\n  A: !!python/object/apply:os.system [id]\n", "nothing that can"),
    ],
)
def test_what_cannot_be_read_is_said(name: str, text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        chain(text, name)
    assert said in str(caught.value)


def test_no_text_is_said() -> None:
    with pytest.raises(UsageError, match="it is no text"):
        chain_in(b"\x00\xff\xfe plan", "tfplan")


def test_dates_and_booleans_are_read_as_templates_mean_them() -> None:
    found = read_document("Version: 2012-10-17\nOn: true\nN: 1.5\nNot: ~\nOct: 010\n", "x.yaml")
    assert found == {"Version": "2012-10-17", "On": True, "N": 1.5, "Not": None, "Oct": "010"}
