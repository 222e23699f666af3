from __future__ import annotations

from datetime import UTC, datetime

import pytest

from handlers.access import Person, Role, check, role_of
from handlers.people import People, person_of
from trailwatch.errors import NotAllowed

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


class Slack:
    """A directory that counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.guest = False

    def user(self, user_id: str) -> dict[str, object]:
        self.asked += 1
        return {"id": user_id, "team_id": "T1", "is_restricted": self.guest}

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
