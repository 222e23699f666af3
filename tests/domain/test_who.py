"""Who is behind a record: chains of sessions, second factors, and what nobody can know."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailwatch.pattern import parse
from trailwatch.who import (
    Mfa,
    issuing_pattern,
    mfa_of,
    past_pattern,
    principal_of,
    session_pattern,
    twin_pattern,
    who_is,
)

KEY = "ASIAEXAMPLE{:09d}"
STS = "arn:aws:sts::123456789012:assumed-role"


def session(role: str, name: str, key: int, *, at: str = "09:00:00", **more: Any) -> dict[str, Any]:
    """A call by a role session whose credentials are number `key`."""
    path = "aws-reserved/sso.amazonaws.com/" if role.startswith("AWSReservedSSO_") else ""
    return {
        "eventID": f"call-{key}",
        "eventName": "DeleteTrail",
        "eventTime": f"2026-11-23T{at}Z",
        "userIdentity": {
            "type": "AssumedRole",
            "arn": f"{STS}/{role}/{name}",
            "accessKeyId": KEY.format(key),
            "sessionContext": {
                "sessionIssuer": {
                    "userName": role,
                    "arn": f"arn:aws:iam::123456789012:role/{path}{role}",
                }
            },
            **more,
        },
    }


def assume(
    caller: dict[str, Any], role: str, name: str, key: int, *, at: str = "08:59:00", **more: Any
) -> dict[str, Any]:
    """The event in which a caller gets credentials number `key`."""
    return {
        "eventID": f"assume-{key}",
        "eventName": "AssumeRole",
        "eventTime": f"2026-11-23T{at}Z",
        "userIdentity": caller,
        "responseElements": {
            "credentials": {"accessKeyId": KEY.format(key)},
            "assumedRoleUser": {"arn": f"{STS}/{role}/{name}"},
        },
        **more,
    }


JANE = {
    "type": "IAMUser",
    "userName": "jane",
    "arn": "arn:aws:iam::123456789012:user/jane",
    "accessKeyId": "AKIAEXAMPLE000000001",
}


def test_a_chain_is_followed_back_to_the_person() -> None:
    middle = session("first", "x", 1)["userIdentity"]
    candidates = [
        assume(middle, "second", "y", 2),
        assume(JANE, "first", "x", 1),
        assume({**JANE, "userName": "other"}, "first", "x", 7),
    ]
    who = who_is(session("second", "y", 2), candidates)
    assert (who.name, who.sure, who.kind) == ("jane", True, "IAMUser")
    assert who.steps == ("first", "second")
    assert who.how == "IAM user, followed back over 2 role sessions"
    assert who.event_ids == ("assume-2", "assume-1")
    assert who.mfa is Mfa.NO
    assert who.principal == "arn:aws:iam::123456789012:role/second"


def test_without_its_beginning_a_sessions_name_is_not_sure() -> None:
    who = who_is(session("deploy", "jane@example.com", 3))
    assert (who.name, who.sure) == ("jane@example.com", False)
    assert "caller chose" in who.how


def test_another_sessions_beginning_is_not_taken() -> None:
    """Of the same role and name, but with other credentials."""
    who = who_is(session("deploy", "ci", 3), [assume(JANE, "deploy", "ci", 4)])
    assert (who.name, who.sure) == ("ci", False)


def test_a_session_without_a_key_is_found_by_its_arn_and_beginning() -> None:
    record = session("deploy", "ci", 3, at="09:30:00")
    record["userIdentity"]["accessKeyId"] = ""
    born = {"creationDate": "2026-11-23T09:10:00Z"}
    record["userIdentity"]["sessionContext"]["attributes"] = born
    older = assume({**JANE, "userName": "older"}, "deploy", "ci", 5, at="09:00:00")
    right = assume(JANE, "deploy", "ci", 6, at="09:10:01")
    later = assume({**JANE, "userName": "later"}, "deploy", "ci", 7, at="09:20:00")
    assert who_is(record, [older, right, later]).name == "jane"
    assert who_is(record, [older, later]).name == "ci"


def test_of_two_accounts_events_the_one_that_names_the_caller_counts() -> None:
    shared = "3f1d1a7e-0000-4000-8000-000000000000"
    abroad = {"type": "AWSAccount", "accountId": "111122223333", "principalId": "AIDAEXAMPLE"}
    theirs = assume(abroad, "audit", "x", 1, sharedEventID=shared)
    ours = {**assume(JANE, "audit", "x", 1, sharedEventID=shared), "eventID": "twin"}
    assert who_is(session("audit", "x", 1), [theirs]).name == "account 111122223333"
    assert who_is(session("audit", "x", 1), [theirs, ours]).name == "jane"
    assert parse(twin_pattern(theirs)).matches(json.dumps(ours))
    assert twin_pattern(ours) == ""


def test_what_a_service_named_a_session_after_counts() -> None:
    ec2 = {"type": "AWSService", "invokedBy": "ec2.amazonaws.com"}
    who = who_is(session("web", "i-0abc", 1), [assume(ec2, "web", "i-0abc", 1)])
    assert (who.name, who.sure) == ("i-0abc", True)
    assert who.how == "a session that ec2.amazonaws.com began"


def test_single_sign_on_source_identity_and_web_identity() -> None:
    sso = session("AWSReservedSSO_Admin_0123456789abcdef", "jane@example.com", 1)
    assert (who_is(sso).name, who_is(sso).how) == ("jane@example.com", "single sign-on")
    assert principal_of(sso).endswith(" jane@example.com")
    named = session("deploy", "x", 2)
    named["userIdentity"]["sessionContext"]["sourceIdentity"] = "jane"
    other = assume({**JANE, "userName": "mallory"}, "deploy", "x", 2)
    assert (who_is(named, [other]).name, who_is(named, [other]).sure) == ("jane", True)
    web = session("ci", "run-1", 3)
    web["userIdentity"]["sessionContext"]["webIdFederationData"] = {
        "federatedProvider": "arn:aws:iam::123456789012:oidc-provider/token.example.com",
        "attributes": {"token.example.com:sub": "repo:example/app:ref:refs/heads/main"},
    }
    found = who_is(web)
    assert (found.name, found.how) == ("repo:example/app:ref:refs/heads/main", "web identity")


@pytest.mark.parametrize(
    ("record", "mfa"),
    [
        ({"additionalEventData": {"MFAUsed": "Yes"}}, Mfa.YES),
        ({"additionalEventData": {"MFAUsed": "No"}}, Mfa.NO),
        ({"userIdentity": JANE}, Mfa.NO),
        ({"userIdentity": {"type": "Root"}}, Mfa.UNKNOWN),
        (session("AWSReservedSSO_A_0123456789abcdef", "jane", 1), Mfa.UNKNOWN),
        (
            {
                **session("AWSReservedSSO_A_0123456789abcdef", "jane", 1),
                "additionalEventData": {"MFAUsed": "No"},
            },
            Mfa.UNKNOWN,
        ),
        (
            session("a", "b", 1, sessionContext={"attributes": {"mfaAuthenticated": "true"}}),
            Mfa.YES,
        ),
    ],
)
def test_a_second_factor(record: dict[str, Any], mfa: Mfa) -> None:
    assert mfa_of(record) is mfa


def test_the_user_behind_a_federated_one_is_named() -> None:
    """Whoever asks for a federation token chooses its name."""
    call = session("x", "jane", 5)
    call["userIdentity"] = {
        "type": "FederatedUser",
        "arn": "arn:aws:sts::123456789012:federated-user/jane",
        "accessKeyId": KEY.format(5),
        "sessionContext": {
            "sessionIssuer": {
                "type": "IAMUser",
                "userName": "mallory",
                "arn": "arn:aws:iam::123456789012:user/mallory",
            }
        },
    }
    who = who_is(call)
    assert (who.name, who.principal) == ("mallory", "arn:aws:iam::123456789012:user/mallory")
    assert parse(past_pattern(call, {})).matches(json.dumps(call))
    asked = assume({**JANE, "userName": "mallory"}, "x", "jane", 5)
    assert who_is(call, [asked]).how == "IAM user, followed back over 1 role session"


def test_patterns_find_what_they_are_for() -> None:
    record = session("deploy", "ci", 3)
    assert parse(issuing_pattern(record)).matches(json.dumps(assume(JANE, "deploy", "ci", 3)))
    assert not parse(issuing_pattern(record)).matches(json.dumps(assume(JANE, "deploy", "ci", 4)))
    assert parse(session_pattern(record)).matches(json.dumps(record))
    assert issuing_pattern({"userIdentity": JANE}) == ""


NASTY = '" || $.eventName = "*'


def test_a_forged_name_gets_into_no_pattern() -> None:
    record = session("deploy", NASTY, 3, accessKeyId=NASTY)
    assert issuing_pattern(record) == session_pattern(record) == ""
    assert twin_pattern({"sharedEventID": NASTY, "userIdentity": {"type": "AWSAccount"}}) == ""


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "arn", "userName", "sessionContext", "sessionIssuer", "attributes", "sub"]
            ),
            below,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(anything, anything)
def test_whatever_a_record_holds_is_answered(identity: Any, response: Any) -> None:
    record = {"userIdentity": identity, "responseElements": response, "eventTime": "x"}
    who = who_is(record, [record, {"userIdentity": response}])
    assert who.name
    assert session_pattern(record) == "" or parse(session_pattern(record))


def test_on_recorded_events(shared: Path) -> None:
    """32 attack techniques: the roles that were assumed lead back to the one who ran them."""
    path = shared / "data" / "invictus-ir_aws_dataset.jsonl.gz"
    with gzip.open(path, "rt") as file:
        records = [json.loads(line) for line in file]
    began = [record for record in records if record["eventName"] == "AssumeRole"]
    names = Counter(
        who_is(record, began).name
        for record in records
        if record["userIdentity"].get("type") == "AssumedRole"
    )
    assert names["bert-jan"] == 47
    assert not [record for record in names if record.endswith(".amazonaws.com")]
