"""Which site is meant, which an alarm belongs to, and the names of accounts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from handlers.account_names import KEEP, AccountNames
from handlers.blocks.alert import alert_message
from handlers.blocks.events import events_message
from handlers.blocks.sites import SiteRow, sites_message
from handlers.drifting import newest_change
from handlers.sites import Sites, WantedSite
from trailwatch.alert import Alert, AlertFields, AlertState
from trailwatch.detections import load_catalogue
from trailwatch.errors import AwsError, NotFound
from trailwatch.event import Event
from trailwatch.site import Site, SiteConfig, site_of_alarm
from trailwatch.store import audit
from trailwatch.store.audit import AuditEntry
from trailwatch.store.database import open_database

PROD, STAGE, MEMBER = "123456789012", "111122223333", "444455556666"
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
CATALOGUE = load_catalogue()


def config(name: str, account: str, region: str = "eu-west-1", **more: str) -> SiteConfig:
    return SiteConfig(Site(name, account, region), **more)  # type: ignore[arg-type]


def alarm(account: str, region: str = "eu-west-1", name: str = "trailwatch-root") -> str:
    return f"arn:aws:cloudwatch:{region}:{account}:alarm:{name}"


@pytest.mark.parametrize(
    ("arn", "found"),
    [
        (alarm(PROD), "prod"),
        (alarm(STAGE), "stage"),
        (alarm(STAGE, "eu-central-1", "frankfurt-root"), "frankfurt"),
        (alarm(STAGE, "eu-central-1"), "frankfurt"),
        (alarm(STAGE, name="blue-root"), "blue"),
        (alarm(STAGE, name="blue-root", region="us-east-1"), "blue"),
        (alarm(MEMBER), "prod"),
        ("", "prod"),
        ("arn:aws:sns:eu-west-1:111122223333:topic", "prod"),
    ],
)
def test_the_site_of_an_alarm(arn: str, found: str) -> None:
    sites = [
        config("prod", PROD),
        config("stage", STAGE),
        config("frankfurt", STAGE, "eu-central-1", prefix="frankfurt"),
        config("blue", STAGE, prefix="blue"),
    ]
    assert site_of_alarm(arn, sites).site.name == found


def test_an_account_that_is_not_known_yet_may_be_any_other() -> None:
    sites = [config("prod", ""), config("stage", STAGE)]
    assert site_of_alarm(alarm(PROD), sites).site.name == "prod"
    assert site_of_alarm(alarm(STAGE), sites).site.name == "stage"


Make = Callable[..., Sites]


@pytest.fixture
def make(new_database: str) -> Iterator[Make]:
    database = open_database(new_database)

    def sites(
        given: Mapping[str, str] | None = None,
        ask: Callable[[], Mapping[str, str]] = dict,
        clock: Callable[[], datetime] = lambda: NOW,
    ) -> Sites:
        wanted = [
            WantedSite(config("prod", ""), lambda: PROD, "C1"),
            WantedSite(config("stage", STAGE), lambda: STAGE, "C2"),
        ]
        return Sites(wanted, database, CATALOGUE, AccountNames(given or {}, ask, clock))

    yield sites
    database.close()


def test_a_command_means_the_site_it_names_else_its_channels_else_the_default(make: Make) -> None:
    sites = make()
    assert sites.chosen("stage", "C1") == "stage"
    assert sites.chosen(None, "C2") == "stage"
    assert sites.chosen("", "C9") == "prod"
    with pytest.raises(NotFound) as caught:
        sites.chosen("stagee")
    assert caught.value.fix == "Did you mean stage?"
    assert sites.filtered(None, "C2") == ("stage",)
    assert sites.filtered(None, "C9") == ("prod", "stage")
    assert sites.filtered("prod", "C2") == ("prod",)


def test_a_site_that_is_gone_falls_to_the_default(make: Make) -> None:
    sites = make()
    assert (sites.known("gone"), sites.channel("gone")) == ("prod", "C1")
    with pytest.raises(NotFound):
        sites.config("gone")


def test_versions_are_kept_for_each_site(make: Make) -> None:
    sites = make()
    with sites._db.transaction() as tx:
        sites.remember(tx, replace(sites.config("stage"), pack="cis"), "U1", NOW)
    assert (sites.config("stage").pack, sites.config().pack) == ("cis", "walkthrough")
    assert sites.config("stage").site.account == STAGE


def test_accounts_are_named_by_settings_then_sites_then_the_organization(make: Make) -> None:
    sites = make({STAGE: "staging"}, lambda: {PROD: "org-prod", MEMBER: "payments"})
    assert sites.account_name(PROD) == ""  # not known to be prod's until AWS was asked
    sites.config()
    assert sites.account_name(PROD) == "prod"
    assert sites.account_name(STAGE) == "staging"
    assert sites.account_name(MEMBER) == ""
    sites.account_names.learn()
    assert sites.account_name(MEMBER) == "payments"
    assert sites.account_name("") == ""


def test_the_organization_is_asked_seldom_and_a_refusal_is_no_error() -> None:
    asked: list[datetime] = []
    now = [NOW]

    def ask() -> Mapping[str, str]:
        asked.append(now[0])
        raise AwsError("AWS refused ListAccounts (AccessDenied).")

    names = AccountNames({}, ask, lambda: now[0])
    for _ in range(3):
        names.learn()
    assert len(asked) == 1
    now[0] += KEEP + timedelta(seconds=1)
    names.learn()
    assert len(asked) == 2


def test_an_apply_at_another_site_is_no_change_of_this_ones_resource(make: Make) -> None:
    with make()._db.transaction() as tx:
        for site, minutes in (("prod", 2), ("stage", 1)):
            audit.add(
                tx,
                AuditEntry(
                    NOW - timedelta(minutes=minutes),
                    *("U1", "alice", "C1", "setup.update", "alarm/trailwatch-root", "done"),
                    {"site": site},
                ),
            )
        found = newest_change(tx, "alarm/trailwatch-root", "prod")
        assert found is not None
        assert found.at == NOW - timedelta(minutes=2)
        assert newest_change(tx, "alarm/trailwatch-root", "third") is None


def event(account: str, name: str = "ConsoleLogin") -> Event:
    return Event(
        *("e1", NOW, name, "signin.amazonaws.com", "us-east-1", account, "root", "Root"),
        *("", "203.0.113.9", "Mozilla", "", "", False),
    )


def alert(*accounts: str) -> Alert:
    fields = AlertFields(account=PROD, account_name="prod", region="eu-west-1")
    return Alert(
        *("a1", "", "r1", "Root console login", "P1", AlertState.OPEN, fields, NOW, NOW),
        events=tuple(map(event, accounts)),
        events_total=len(accounts),
        accounts=tuple(dict.fromkeys(accounts)),
    )


def shown(found: Alert, **names: str) -> tuple[str, str, str]:
    """The headline, the blocks and the text of an alert's message."""
    message = alert_message(found, NOW, names={MEMBER: "payments", **names})
    blocks = [dict(block) for block in message.blocks]
    header = cast(dict[str, dict[str, str]], blocks[0])
    return header["text"]["text"], json.dumps(blocks, ensure_ascii=False), message.text


def test_an_alert_of_its_own_account_says_nothing_of_others() -> None:
    headline, blocks, text = shown(alert(PROD))
    assert headline.endswith("Root console login")
    assert "Events of" not in blocks + text


def test_the_headline_names_the_one_account_that_all_events_are_of() -> None:
    headline, blocks, text = shown(alert(MEMBER, MEMBER))
    assert headline.endswith("Root console login in payments")
    assert f"payments · `{MEMBER}`" in blocks
    assert '"Account"' in blocks  # the table's column
    assert f"Events of account payments ({MEMBER})." in text


def test_events_of_several_accounts_are_told_apart_in_the_table_alone() -> None:
    headline, blocks, text = shown(alert(MEMBER, PROD, STAGE))
    assert headline.endswith("Root console login")
    assert f"Events of account payments ({MEMBER}), {STAGE}." in text
    assert blocks.count('"payments"') == 1
    long = events_message(alert(MEMBER, PROD), alert(MEMBER, PROD).events, 2, (NOW, NOW))
    assert MEMBER in json.dumps([dict(block) for block in long.blocks])


def test_the_names_of_accounts_are_text_from_outside() -> None:
    headline, blocks, text = shown(alert(MEMBER), **{MEMBER: "<!channel> *pay* :fire:"})
    assert "<!channel>" not in text
    assert "<!channel> *pay*" not in json.dumps(json.loads(blocks)[2])
    assert ":fire:" not in headline


def test_the_list_of_sites_tells_what_cannot_be_reached() -> None:
    role = f"arn:aws:iam::{STAGE}:role/trailwatch-run"
    error = AwsError("The role cannot be assumed.", "AccessDenied", "Look at its trust policy.")
    rows = [
        SiteRow("prod", PROD, "prod", "eu-west-1", "cis", "C1", plan="applied", plan_at=NOW),
        SiteRow("stage", STAGE, "", "eu-west-1", "cis", "C2", role, role, problems=(error,)),
    ]
    message = sites_message(rows)
    blocks = json.dumps([dict(block) for block in message.blocks], ensure_ascii=False)
    assert "applied, Nov 23 09:00" in blocks
    assert "✗ role trailwatch-run" in blocks
    assert "Look at its trust policy." in blocks
    assert "stage: The role cannot be assumed." in message.text
