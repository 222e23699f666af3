"""The options of a site as resources: built, kept, changed and refused, with AWS's own rules."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from setup.change import Action
from setup.option_notes import idle_notes
from setup.pipeline import pipeline
from setup.plan import make_destroy_plan
from setup.resources.kms_key import DESCRIPTION
from setup.survey import Standing, step_for
from trailwatch.errors import AwsError
from trailwatch.event_selectors import same_selectors, selectors_in
from trailwatch.site_options import changed, written

OWN_KEY = "kms=own"
MANY = (
    "kms=own,object_lock_days=30,exclude_kms=yes,exclude_rds_data=yes,insights=no,"
    "data_events=s3:payroll/2026/,s3:contracts,lambda,dynamodb:ledger,data_events_type=WriteOnly"
)


def options(world: Any, text: str) -> Any:
    return changed(world.config(), written(text))


@pytest.mark.parametrize("text", [MANY, "exclude_kms=yes,data_events=s3"])
def test_what_is_chosen_is_built_and_then_nothing_is_left_to_do(world: Any, text: str) -> None:
    config, detections = options(world, text), world.detections()[:1]
    plan = world.plan(config, detections)
    assert set(world.ends(world.apply(config, detections, plan))) == {"done"}
    world.forget()
    again = world.plan(config, detections)
    assert again.changes == ()
    assert not [op for _, op in world.seen if not op.startswith(("Get", "Describe", "List"))]


def test_a_key_of_our_own_keeps_the_contract(world: Any) -> None:
    config = options(world, OWN_KEY)
    key = pipeline(config, ())[0]

    def step() -> Any:
        fresh = world.clients()
        return step_for(config, Standing(key, key.read(fresh)), fresh)

    assert key.kind == "kms_key"
    assert key.read(world.clients()) is None
    assert step().change.action is Action.CREATE
    key.write(world.clients(), None)
    assert key.tags(world.clients()) == {"trailwatch:site": "main"}
    assert step() is None, "nothing is left to do"

    arn = world.clients().key_arn("alias/trailwatch")
    world.aws.call("kms", "DisableKeyRotation", KeyId=arn)
    world.aws.call("kms", "PutKeyPolicy", KeyId=arn, PolicyName="default", Policy=_open(key))
    found = step()
    moved = {n for n in found.change.after if found.change.before[n] != found.change.after[n]}
    assert moved == {"policy", "rotation"}
    key.write(world.clients(), found.change.before)
    assert step() is None

    key.delete(world.clients())
    assert key.read(world.clients()) is None
    state = world.aws.call("kms", "DescribeKey", KeyId=arn)["KeyMetadata"]
    assert state["KeyState"] == "PendingDeletion"
    assert 29 <= (state["DeletionDate"] - datetime.now(UTC)).days <= 30
    key.delete(world.clients())  # what is gone already is fine

    key.write(world.clients(), None)
    assert world.clients().key_arn("alias/trailwatch") == arn, "what it encrypted can be read again"
    assert step() is None


def _open(key: Any) -> str:
    return json.dumps(key.wanted()["policy"]).replace("trailwatch-*", "*")


def test_a_key_that_was_made_and_got_no_alias_is_found_again(world: Any) -> None:
    config = options(world, OWN_KEY)
    key = pipeline(config, ())[0]
    key.write(world.clients(), None)
    arn = world.clients().key_arn("alias/trailwatch")
    world.aws.call("kms", "DeleteAlias", AliasName="alias/trailwatch")  # as a kill leaves it
    world.aws.call("kms", "CreateKey", Description="somebody else's")
    key.write(world.clients(), None)
    assert world.clients().key_arn("alias/trailwatch") == arn
    assert len(world.aws.call("kms", "ListKeys")["Keys"]) == 2


def test_a_destroy_leaves_the_key_unless_it_is_named(on_stand_in: Any) -> None:
    world = on_stand_in
    config, detections = options(world, OWN_KEY), world.detections()[:1]
    assert set(world.ends(world.apply(config, detections))) == {"done"}
    plan = make_destroy_plan(config, detections, world.clients(), world.clock)
    assert "kms_key" not in {change.kind for change in plan.changes}
    assert any("alias/trailwatch stays" in note for note in plan.notes)
    assert plan.cost.after == Decimal("1.00")
    named = make_destroy_plan(
        config, detections, world.clients(), world.clock, include=("kms_key",)
    )
    assert [change.kind for change in named.changes][-1] == "kms_key"
    assert named.cost.after == 0


def test_a_key_that_nothing_uses_any_more_is_counted_and_can_be_destroyed(
    on_stand_in: Any,
) -> None:
    world = on_stand_in
    own, plain, detections = options(world, OWN_KEY), world.config(), world.detections()[:1]
    assert set(world.ends(world.apply(own, detections))) == {"done"}
    off = world.plan(plain, detections)
    # The key goes on costing a dollar; its calls don't.
    assert off.cost.before - off.cost.after == Decimal("0.09")
    assert "KMS key" in {line.what for line in off.cost.lines}
    assert set(world.ends(world.apply(plain, detections, off))) == {"done"}
    stays = make_destroy_plan(plain, detections, world.clients(), world.clock)
    assert any("alias/trailwatch stays" in note for note in stays.notes)
    assert stays.cost.after == Decimal("1.00")
    goes = make_destroy_plan(plain, detections, world.clients(), world.clock, include=("kms_key",))
    assert [change.kind for change in goes.changes][-1] == "kms_key"
    # A key of that alias that is not marked as the site's is not spoken of.
    other = replace(plain, site=replace(plain.site, name="other"))
    notes = make_destroy_plan(other, detections, world.clients(), world.clock).notes
    assert not [note for note in notes if "alias/trailwatch" in note]


def test_encryption_can_be_put_on_and_taken_off(on_stand_in: Any) -> None:
    world = on_stand_in
    plain, detections = world.config(), world.detections()[:1]
    assert set(world.ends(world.apply(plain, detections))) == {"done"}
    own = options(world, OWN_KEY)
    plan = world.plan(own, detections)
    assert {c.kind: c.action for c in plan.changes} == {
        "kms_key": Action.CREATE,
        "bucket": Action.UPDATE,
        "log_group": Action.UPDATE,
        "trail": Action.UPDATE,
        "topic": Action.UPDATE,
    }
    assert set(world.ends(world.apply(own, detections, plan))) == {"done"}
    assert world.plan(own, detections).empty
    trail = world.aws.call("cloudtrail", "DescribeTrails")["trailList"][0]
    assert trail["KmsKeyId"] == world.clients().key_arn("alias/trailwatch")
    back = world.plan(plain, detections)
    assert {c.kind for c in back.changes} == {"bucket", "log_group", "trail", "topic"}
    assert set(world.ends(world.apply(plain, detections, back))) == {"done"}
    assert world.plan(plain, detections).empty


def test_selectors_in_either_language_are_the_same(on_stand_in: Any) -> None:
    world = on_stand_in
    config, detections = options(world, "exclude_kms=yes"), world.detections()[:1]
    assert set(world.ends(world.apply(config, detections))) == {"done"}
    world.aws.call(
        "cloudtrail",
        "PutEventSelectors",
        TrailName=config.trail,
        AdvancedEventSelectors=[
            {
                "Name": "as the console writes it",
                "FieldSelectors": [
                    {"Field": "eventCategory", "Equals": ["Management"]},
                    {"Field": "eventSource", "NotEquals": ["kms.amazonaws.com"]},
                ],
            }
        ],
    )
    assert world.plan(config, detections).empty
    plan = world.plan(replace(config, exclude_kms=False), detections)
    (change,) = plan.changes
    assert change.kind == "trail"


def test_data_resources_of_the_older_language_mean_the_same() -> None:
    older = selectors_in(
        {
            "EventSelectors": [
                {
                    "ReadWriteType": "WriteOnly",
                    "IncludeManagementEvents": False,
                    "DataResources": [
                        {"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::payroll/"]},
                        {"Type": "AWS::Lambda::Function", "Values": ["arn:aws:lambda"]},
                    ],
                }
            ]
        }
    )
    data = {"Field": "eventCategory", "Equals": ["Data"]}
    write = {"Field": "readOnly", "Equals": ["false"]}
    newer = [
        {
            "FieldSelectors": [
                data,
                {"Field": "resources.type", "Equals": ["AWS::Lambda::Function"]},
                write,
            ]
        },
        {
            "FieldSelectors": [
                data,
                {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
                {"Field": "resources.ARN", "StartsWith": ["arn:aws:s3:::payroll/"]},
                write,
            ]
        },
    ]
    assert same_selectors(older, newer)
    assert not same_selectors(older, newer[:1])


def test_what_a_trail_records_is_told_in_words(on_stand_in: Any) -> None:
    world = on_stand_in
    config, detections = world.built(), world.detections()
    (change,) = world.plan(replace(config, exclude_kms=True), detections).changes
    assert change.summary() == (
        "Change event_selectors[0] of the trail trailwatch from all management events to "
        "all management events except kms.amazonaws.com."
    )
    more = replace(config, data_events=("s3:payroll/2026/",), data_events_type="WriteOnly")
    (change,) = world.plan(more, detections).changes
    assert [(diff.path, diff.before, diff.after) for diff in change.diff()] == [
        ("event_selectors[0]", "all management events", None),
        (
            "event_selectors[AWS::S3::Object data events]",
            None,
            "eventCategory is Data and resources.type is AWS::S3::Object and readOnly is false "
            "and resources.ARN starts with arn:aws:s3:::payroll/2026/",
        ),
        ("event_selectors[Management events]", None, "eventCategory is Management"),
    ]


def test_a_plan_says_what_cannot_be_taken_back(on_stand_in: Any) -> None:
    world = on_stand_in
    own, detections = options(world, OWN_KEY), world.detections()[:1]
    assert set(world.ends(world.apply(own, detections))) == {"done"}
    arn = world.clients().key_arn("alias/trailwatch")
    plan = world.plan(replace(own, kms="", object_lock_days=7), detections)
    key, lock = [note for note in plan.notes if "trailwatch" in note]
    assert key.startswith(f"No longer encrypted with {arn}: bucket, log group, trail.")
    assert "cannot be switched off again" in lock
    assert set(world.ends(world.apply(own, detections, world.plan(own, detections)))) <= {"done"}


def test_what_it_costs_follows_the_choices(on_stand_in: Any) -> None:
    world = on_stand_in
    detections = world.detections()[:1]
    plain = world.plan(options(world, "insights=no"), detections).cost
    chosen = world.plan(options(world, "insights=no,kms=own,data_events=lambda"), detections).cost
    assert chosen.after - plain.after == Decimal("1.09")
    assert any("Lambda" in line.what for line in chosen.lines)
    assert any("per 100,000" in note for note in chosen.notes)
    # Another trail has the free copy of management events.
    other = world.config(prefix="other", site=replace(world.config().site, name="other"))
    assert set(world.ends(world.apply(other, detections))) == {"done"}
    copied = world.plan(options(world, "insights=no"), detections).cost
    (line,) = [line for line in copied.lines if "copy" in line.what]
    assert line.monthly == Decimal("13.33")
    assert "other" in line.note


def test_a_detection_whose_events_are_left_out_is_named(on_stand_in: Any) -> None:
    world = on_stand_in
    cis = world.detections("cis")
    notes = world.plan(options(world, "exclude_kms=yes"), cis).notes
    (blind,) = [note for note in notes if "see nothing" in note]
    assert "kms.amazonaws.com" in blind
    assert [one.id for one in cis if one.id in blind] == ["kms-key-disable-or-delete"]
    assert not [n for n in world.plan(world.config(), cis).notes if "see nothing" in n]


def test_without_offices_a_plan_says_that_every_login_counts(on_stand_in: Any) -> None:
    world, told = on_stand_in, "No office is set"
    detections = world.detections()
    assert [n for n in world.plan(options(world, "offices=none"), detections).notes if told in n]
    there = options(world, "offices=203.0.113.7")
    assert not [n for n in world.plan(there, detections).notes if told in n]


def test_a_bucket_with_locked_files_says_why_it_stays(on_stand_in: Any) -> None:
    world = on_stand_in
    config = options(world, "object_lock_days=7")
    bucket = pipeline(config, ())[0]
    bucket.write(world.clients(), None)
    world.aws.call("s3", "DeleteBucketPolicy", Bucket=bucket.name)
    world.aws.call("s3", "PutObject", Bucket=bucket.name, Key="a", Body=b"one")
    with pytest.raises(AwsError, match="time has come"):
        bucket.delete(world.clients())


class CutError(Exception):
    """As if the process had ended."""


@pytest.mark.parametrize("cut", ["CreateAlias", "EnableKeyRotation", "CreateBucket"])
def test_a_create_that_was_cut_short_is_finished_with_the_same_key(
    on_stand_in: Any, cut: str
) -> None:
    world = on_stand_in
    config, detections = options(world, OWN_KEY), world.detections()[:1]

    def end(service: str, operation: str) -> None:
        if operation == cut:
            raise CutError(operation)

    with pytest.raises(CutError):
        for one in pipeline(config, detections):
            one.write(world.clients(on_call=end), None)
    assert len(world.aws.call("kms", "ListKeys")["Keys"]) == 1
    assert set(world.ends(world.apply(config, detections))) == {"done"}
    assert len(world.aws.call("kms", "ListKeys")["Keys"]) == 1
    assert world.plan(config, detections).empty


def test_a_key_that_was_made_twice_is_given_up_and_the_key_of_another_prefix_is_not(
    world: Any,
) -> None:
    other = world.config(prefix="other", kms="own")
    pipeline(other, ())[0].write(world.clients(), None)
    key = pipeline(options(world, OWN_KEY), ())[0]
    made: list[str] = []

    def twice(service: str, operation: str) -> None:
        # The answer to the first was lost: it is asked again.
        if operation == "CreateKey" and not made:
            made.append("first")
            tags = [{"TagKey": "trailwatch:site", "TagValue": "main"}]
            world.aws.call("kms", "CreateKey", Description=DESCRIPTION, Tags=tags)

    key.write(world.clients(on_call=twice), None)
    found = [one["KeyId"] for one in world.aws.call("kms", "ListKeys")["Keys"]]
    states = {
        one: world.aws.call("kms", "DescribeKey", KeyId=one)["KeyMetadata"]["KeyState"]
        for one in found
    }
    assert sorted(states.values()) == ["Enabled", "Enabled", "PendingDeletion"]
    for alias in ("alias/trailwatch", "alias/other"):
        assert states[world.clients().key_arn(alias).rpartition("/")[2]] == "Enabled"


def test_a_key_that_would_encrypt_nothing_is_told(on_moto: Any) -> None:
    config = options(on_moto, OWN_KEY)
    assert idle_notes(config) == ()
    adopted = dict.fromkeys(("bucket", "log_group", "trail", "topic"), "theirs")
    (note,) = idle_notes(replace(config, adopted=adopted))
    assert "encrypts nothing" in note and "--set kms=none" in note
    assert idle_notes(replace(config, kms="", adopted=adopted)) == ()
