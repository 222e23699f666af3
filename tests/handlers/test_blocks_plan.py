"""What a plan's message says while it is offered, applied and over."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from handlers import samples_plans
from handlers.blocks.applying import plan_progress, plan_result
from handlers.blocks.change_list import all_changes
from handlers.blocks.changes import leaves_out
from handlers.blocks.kit import Message
from handlers.blocks.plan import plan_message
from setup.apply import Progress, ProgressState
from setup.change import Action, Change
from setup.plan import Purpose


def buttons(message: Message) -> list[tuple[str, str, str]]:
    last: Any = message.blocks[-1]
    if last["type"] != "actions":
        return []
    return [(b["action_id"], b["value"], b.get("style", "")) for b in last["elements"]]


def words(message: Message) -> str:
    return str(message.blocks)


def test_the_buttons_carry_the_plans_id_alone() -> None:
    create = plan_message(samples_plans.PLAN, "alice")
    assert buttons(create) == [("plan.apply", "p7c1d9", "primary"), ("plan.discard", "p7c1d9", "")]
    destroy = plan_message(samples_plans.DESTROY, "alice")
    assert buttons(destroy)[0] == ("plan.destroy", "p7c1d9", "danger")
    assert buttons(plan_message(replace(samples_plans.PLAN, changes=()), "alice")) == []


def test_the_text_has_the_counts_the_cost_and_the_end() -> None:
    assert plan_message(samples_plans.UPDATE, "alice").text == (
        "Setup plan for prod: 1 to create, 2 to change, 1 to delete, 18 unchanged. "
        "About $3.30 a month, now $3.20. Asked by alice, expires at 2026-11-23 10:15 UTC."
    )


def test_costs_too_small_to_see_are_not_nothing() -> None:
    cost = replace(samples_plans.COST, before=Decimal("0"), after=Decimal("0.002"))
    text = plan_message(replace(samples_plans.PLAN, cost=cost), "alice").text
    assert "About under $0.01 a month" not in text
    assert "Under $0.01 a month, now $0.00." in text


def test_a_long_plan_is_cut_and_says_so() -> None:
    changes = tuple(
        Change(Action.UPDATE, f"kind{n // 30}", f"name{n}", {"a": n, "b": 0}, {"a": n + 1, "b": 1})
        for n in range(300)
    )
    message = plan_message(replace(samples_plans.PLAN, changes=changes), "alice")
    assert len(message.blocks) <= 50
    assert len(words(message)) < 40_000
    assert "… 22 more" in words(message)
    assert "more changes: the thread has all" in words(message)
    assert "300 to change" in message.text


def test_progress_counts_what_is_done() -> None:
    steps = [
        *samples_plans.DONE[:9],
        Progress(samples_plans.CHANGES[9], ProgressState.DOING),
    ]
    assert plan_progress(samples_plans.PLAN, steps, "alice").text == (
        "Applying the plan for prod: 9 of 22 done, creating the metric filter "
        "trailwatch-huge-instance."
    )
    assert plan_progress(samples_plans.PLAN, [], "alice").text.endswith("0 of 22 done.")


def result(steps: Sequence[Progress], **changed: Any) -> str:
    return plan_result(replace(samples_plans.UPDATE, **changed), steps, "alice").text


def test_a_result_says_applied_with_its_counts() -> None:
    done = [Progress(change, ProgressState.DONE) for change in samples_plans.UPDATE.changes]
    assert result(done) == "Applied: 1 created, 2 changed, 1 deleted, 18 unchanged."
    assert result([], changes=()) == (
        "Applied: 0 created, 0 changed, 0 deleted, 18 unchanged. Nothing to change."
    )


def test_a_restore_says_nothing_of_what_it_did_not_look_at() -> None:
    plan = replace(samples_plans.UPDATE, purpose=Purpose.RESTORE, unchanged=0)
    done = [Progress(change, ProgressState.DONE) for change in plan.changes]
    assert plan_result(plan, done, "alice").text == "Applied: 1 created, 2 changed, 1 deleted."
    assert "unchanged" not in plan_message(plan, "alice").text


def test_the_newest_state_of_a_change_counts() -> None:
    first, *others = samples_plans.UPDATE.changes
    begun = [Progress(first, ProgressState.DOING), Progress(first, ProgressState.DONE)]
    done = [Progress(change, ProgressState.DONE) for change in others]
    assert result([*begun, *done]).startswith("Applied: 1 created, 2 changed")


def test_a_failure_says_what_is_done_failed_and_not_tried() -> None:
    message = plan_result(samples_plans.PLAN, samples_plans.FAILED, "alice")
    assert message.text.startswith(
        "Stopped: 6 created, 0 changed, 0 deleted, 1 failed, 15 not tried, 0 unchanged. Failed: "
        "metric filter trailwatch-root-login. The metric filter trailwatch-root-login could not"
    )
    assert "Applied" not in message.text
    assert "Not tried" in words(message)
    assert "Delete filters that are no longer needed" in words(message)


def test_what_was_read_back_wrong_is_a_failure() -> None:
    done = [Progress(change, ProgressState.DONE) for change in samples_plans.UPDATE.changes]
    wrong = Progress(samples_plans.UPDATE.changes[0], ProgressState.FAILED, None)
    assert "1 failed, 0 not tried" in result([*done, wrong])


def test_a_resumed_apply_counts_what_was_done_before() -> None:
    last = [Progress(samples_plans.UPDATE.changes[-1], ProgressState.DONE)]
    assert result(last).startswith("Stopped: 0 created, 0 changed, 1 deleted, 0 failed, 3 not")
    message = plan_result(samples_plans.UPDATE, last, "alice", resumed=True)
    assert message.text == "Applied: 1 created, 2 changed, 1 deleted, 18 unchanged."


def test_a_created_alarm_is_shown_with_all_its_fields() -> None:
    after = {
        "statistic": "Sum",
        "missing_data": "notBreaching",
        "threshold": 1.0,
        "actions": ["arn:aws:sns:us-east-1:123456789012:trailwatch"],
        "description": "Why",
    }
    alarms = [
        Change(Action.CREATE, "alarm", f"a{number}", None, {**after, "metric": f"m{number}"})
        for number in range(4)
    ]
    for changes in (alarms[:1], alarms):
        said = str([page.blocks for page in all_changes(changes)])
        for name in (*after, "metric"):
            assert f"{name}: " in said
        assert "1.0" not in said
        assert said.count("notBreaching") == 1, "what all share is said once"
        assert all(f"m{number}" in said for number in range(len(changes)))


def test_a_long_policy_is_shown_whole() -> None:
    statements = [
        {"Sid": f"Statement{number}", "Effect": "Deny", "Resource": "arn:aws:s3:::" + "b" * 90}
        for number in range(60)
    ]
    policy = {"Version": "2012-10-17", "Statement": statements}
    pattern = "{ $.eventName = " + "x" * 900 + " }"
    for change in (
        Change(Action.CREATE, "bucket", "logs", None, {"policy": policy, "pattern": pattern}),
        Change(Action.UPDATE, "bucket", "logs", {"policy": "", "pattern": "a"},
               {"policy": json.dumps(policy), "pattern": pattern}),
    ):  # fmt: skip
        pages = all_changes([change])
        said = "".join(texts(page.blocks) for page in pages)
        assert "…" not in said
        assert pattern in said
        assert all(one["Sid"] in said for one in statements)
        assert len(pages) > 1
        assert leaves_out([change])


def texts(block: Any) -> str:
    if isinstance(block, dict):
        return "".join(
            v if k == "text" and isinstance(v, str) else texts(v) for k, v in block.items()
        )
    return "".join(map(texts, block)) if isinstance(block, list | tuple) else ""


def test_what_is_deleted_is_named_first() -> None:
    changes = [
        *(Change(Action.CREATE, "alarm", f"new{number}", None, {"a": 1}) for number in range(9)),
        *(Change(Action.DELETE, "alarm", f"old{number}", {"a": 1}, None) for number in range(12)),
    ]
    said = texts(plan_message(replace(samples_plans.PLAN, changes=tuple(changes)), "a").blocks)
    assert all(f"old{number}" in said for number in range(12))
    assert said.index("12 alarms") < said.index("9 alarms")


def test_what_a_plan_sets_is_named_with_what_it_is() -> None:
    chosen = (("organization", "none", "o-a1b2c3d4e5"), ("pack", "walkthrough", "cis"))
    for plan in (samples_plans.PLAN, replace(samples_plans.PLAN, changes=())):
        said = texts(plan_message(plan, "alice", chosen=chosen).blocks)
        assert "organization: none → o-a1b2c3d4e5" in said
        assert "It sets" not in texts(plan_message(plan, "alice").blocks)
        first = texts(plan_message(plan, "alice", chosen=(("pack", "", "cis"),)).blocks)
        assert "pack: cis" in first, "where nothing stands yet nothing is changed"
