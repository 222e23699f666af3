"""A template and what it deploys are judged alike."""

from __future__ import annotations

import json
from typing import Any

import pytest

from setup.export import export
from setup.lint.file import chain_in
from setup.lint.live import chain_of_site
from setup.lint.rules import judge

FAULTS: dict[str, dict[str, Any]] = {
    "AWS::CloudWatch::Alarm": {
        "Statistic": "Average",
        "EvaluationPeriods": 5,
        "TreatMissingData": "breaching",
        "Namespace": "trailWatch",
        "OKActions": [],
    },
    "AWS::CloudTrail::Trail": {"IsMultiRegionTrail": False, "EnableLogFileValidation": False},
    "AWS::Logs::LogGroup": {"RetentionInDays": 14},
    "AWS::Logs::MetricFilter": {"FilterPattern": '{ $.eventName = "A" && $.eventName = "B" }'},
}


@pytest.mark.parametrize("faults", [{}, FAULTS], ids=["good", "bad"])
def test_file_and_account_agree(on_stand_in: Any, faults: dict[str, dict[str, Any]]) -> None:
    world = on_stand_in
    document = json.loads(export(world.config(), world.detections(), "cloudformation").text)
    for resource in document["Resources"].values():
        resource["Properties"].update(faults.get(resource["Type"], {}))
    text = json.dumps(document, indent=1)
    world.aws.call(
        "cloudformation",
        "CreateStack",
        StackName="pipeline",
        TemplateBody=text,
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    in_file = judge(chain_in(text.encode(), "template.json"))
    live = judge(chain_of_site(world.config().site, world.clients(), world.clock))
    said = {(one.rule.id, one.name) for one in in_file}
    assert said == {(one.rule.id, one.name) for one in live}
    wrong = sum(map(len, faults.values()))
    assert len({rule for rule, _ in said} - {"TW505"}) >= wrong
    # Only an account shows that nobody is subscribed.
    (nobody,) = [one for one in live if one.rule.id == "TW505"]
    assert nobody.severity == "error"
