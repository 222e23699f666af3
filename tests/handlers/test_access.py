from __future__ import annotations

from datetime import UTC, datetime

import pytest

from handlers.access import Person, Role, check, role_of
from handlers.people import People, person_of
from trailwatch.errors import NotAllowed, SlackError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_roles() -> None:
    grants = {"U1": Role.ADMIN, "S1": Role.RESPONDER}
    assert role_of("U1", member=True, grants=grants) is Role.ADMIN
    assert role_of("U2", member=True, grants=grants) is Role.VIEWER
    assert role_of("U2", member=True, grants=grants, groups=["S1"]) is Role.RESPONDER
    assert role_of("U1", member=False, grants=grants) is Role.NOBODY


def test_a_refusal_names_the_role() -> None:
    with pytest.raises(NotAllowed) as caught:
        check(Person("U3", "carol", role=Role.VIEWER), Role.ADMIN, "change the pipeline")
    assert caught.value.role == "admin"
    assert "admin" in caught.value.what
    assert "viewer" in caught.value.what


@pytest.mark.parametrize(
    ("user", "member"),
    [
        ({}, True),
        ({"is_restricted": True}, False),
        ({"is_ultra_restricted": True}, False),
        ({"is_stranger": True}, False),
        ({"team_id": "T-other"}, False),
        ({"is_bot": True}, False),
        ({"is_workflow_bot": True}, False),
        ({"id": "USLACKBOT", "is_bot": False}, False),
        ({"deleted": True}, False),
    ],
)
def test_guests_strangers_and_bots_are_no_members(user: dict[str, object], member: bool) -> None:
    assert person_of({"id": "U1", "team_id": "T1", **user}, "T1").member is member


def test_a_role_in_one_channel_adds_to_the_others() -> None:
    given = {"": {"U1": Role.RESPONDER}, "C1": {"U2": Role.RESPONDER, "U1": Role.VIEWER}}
    people = People(Slack(), lambda: NOW, {}, lambda channel="": given.get(channel, {}))
    assert people.find("U2").role is Role.VIEWER
    assert people.find("U2", "C1").role is Role.RESPONDER
    assert people.find("U2", "C2").role is Role.VIEWER
    assert people.find("U1", "C1").role is Role.RESPONDER
    assert people.roles() == given[""]


def test_names_of_users_of_the_on_call_service() -> None:
    slack = Slack()
    people = People(slack, lambda: NOW, {}, dict)
    assert people.names(["bob@example.com", "olga@example.com", "olga"]) == {
        "bob@example.com": "bob"
    }
    assert people.names(["bob@example.com"]) == {"bob@example.com": "bob"}
    assert slack.asked == 2
    assert people.by_email("bob") is None


class Slack:
    """A directory that counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.guest = False

    def user(self, user_id: str) -> dict[str, object]:
        self.asked += 1
        return {"id": user_id, "team_id": "T1", "is_restricted": self.guest}

    def user_by_email(self, email: str) -> dict[str, object]:
        self.asked += 1
        if email != "bob@example.com":
            raise SlackError("Nobody.", code="users_not_found")
        return {"id": "U1", "team_id": "T1", "name": "bob"}

    def group_members(self, group_id: str) -> list[str]:
        return []

    def team_id(self) -> str:
        return "T1"


def test_who_somebody_is_now_is_asked_anew() -> None:
    slack = Slack()
    people = People(slack, lambda: NOW, {"U1": Role.ADMIN}, dict)
    assert [people.find("U1").role, people.find("U1").role] == [Role.ADMIN] * 2
    assert slack.asked == 1
    slack.guest = True
    assert people.find("U1").role is Role.ADMIN
    assert people.find_anew("U1").role is Role.NOBODY
    assert people.find("U1").role is Role.NOBODY
