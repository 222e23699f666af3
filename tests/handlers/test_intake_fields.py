from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from handlers.alert_fields import fields_of, new_alert
from handlers.blocks.alert import alert_message
from handlers.intake import after
from trailwatch.alert import AlertState
from trailwatch.detections import load_catalogue
from trailwatch.routers.router import RoutedAlert
from trailwatch.site import Site, SiteConfig

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
CONFIG = SiteConfig(Site("main", "123456789012", "eu-west-1"))
ARN = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:trailwatch-iam-user-created"


def routed(**fields: object) -> RoutedAlert:
    plain = {
        "id": "r-1", "alias": ARN, "tiny_id": "7", "message": "trailwatch-iam-user-created",
        "state": AlertState.OPEN, "priority": "", "created_at": NOW, "updated_at": NOW,
    }  # fmt: skip
    return RoutedAlert(**{**plain, **fields})  # type: ignore[arg-type]


def test_the_region_is_taken_from_the_arn_and_its_name_from_the_message() -> None:
    found = fields_of(routed(details={"aws_region_name": "EU (Ireland)"}), CONFIG)
    assert (found.region, found.region_name) == ("eu-west-1", "EU (Ireland)")
    assert (found.account, found.detection_id) == ("123456789012", "iam-user-created")


@pytest.mark.parametrize("missing", ["", "null", "{{Message.extract(/x/)}}"])
def test_what_opsgenie_leaves_for_nothing_is_nothing(missing: str) -> None:
    details = {"alarm_arn": missing, "description": missing, "state_change_time": missing}
    found = fields_of(routed(details=details), CONFIG)
    assert found.alarm_arn == ARN
    assert (found.description, found.state_change) == ("", None)


def test_escapes_of_the_json_are_undone() -> None:
    found = fields_of(routed(details={"description": r"say \"hi\" to \u00e9"}), CONFIG)
    assert found.description == 'say "hi" to é'


def test_without_properties_the_description_text_serves() -> None:
    found = fields_of(routed(description="[P3] IAM user\n\nAWS account ID: 1"), CONFIG)
    assert found.description == "[P3] IAM user"


def test_a_strangers_alarm_is_shown_under_its_own_name() -> None:
    alert = new_alert(
        config=CONFIG,
        catalogue=load_catalogue(),
        account_name=lambda account: {"123456789012": "prod"}.get(account, ""),
        routed=routed(alias="not an arn", message="disk is full", priority="P2"),
    )
    assert (alert.title, alert.severity) == ("disk is full", "P2")
    assert alert.fields.region == ""


def test_our_alarm_has_the_catalogues_title_and_severity() -> None:
    alert = new_alert(
        config=CONFIG,
        catalogue=load_catalogue(),
        account_name=lambda account: "prod",
        routed=routed(details={"state_change_time": "2026-11-23T08:59:58.123+0000"}),
    )
    assert (alert.title, alert.severity) == ("IAM user created", "P3")
    assert alert.first_seen == datetime(2026, 11, 23, 8, 59, 58, 123000, tzinfo=UTC)
    assert alert.fields.account_name == "prod"


def test_who_closed_the_alert_before_is_called_as_in_slack() -> None:
    alert = new_alert(
        config=CONFIG, catalogue=load_catalogue(), account_name=str, routed=routed(alias=ARN)
    )
    mail = "bob@example.com"
    before = replace(
        alert, state=AlertState.CLOSED, closed_by=mail, closed_at=NOW, people={mail: "bob"}
    )
    shown = alert_message(after(alert, before), NOW)

    assert "by bob" in json.dumps(shown.blocks)
    assert mail not in json.dumps(shown.blocks)
