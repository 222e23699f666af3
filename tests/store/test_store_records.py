"""What is stored comes back exactly, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.store.kept_alerts import ARN, NOW, an_alert
from trailwatch.alert import AlertState
from trailwatch.errors import ConfigError
from trailwatch.store import alerts, audit, grants, plans, secrets, site_config
from trailwatch.store.audit import AuditEntry
from trailwatch.store.database import Database
from trailwatch.store.plans import PlanRow, PlanState
from trailwatch.store.secrets import Vault


def test_an_alert_comes_back_exactly(db: Database) -> None:
    with db.transaction() as tx:
        alerts.save(tx, an_alert())
        alerts.save(tx, replace(an_alert(), count=3))
    with db.reading() as tx:
        assert alerts.get(tx, "a1") == replace(an_alert(), count=3)
        assert alerts.by_router_id(tx, "r1") == replace(an_alert(), count=3)
        assert alerts.by_router_id(tx, "") is None
        assert alerts.get(tx, "none") is None


def test_alerts_are_found(db: Database) -> None:
    closed = an_alert(2, state=AlertState.CLOSED)
    other = an_alert(3, alias="other", events=())
    with db.transaction() as tx:
        alerts.lock_alias(tx, ARN)
        for alert in (an_alert(1), closed, other):
            alerts.save(tx, alert)
        assert alerts.open_by_alias(tx, ARN, lock=True) == an_alert(1)
    with db.reading() as tx:
        assert alerts.newest_by_alias(tx, ARN) == closed
        assert alerts.list_open(tx) == [other, an_alert(1)]
        since = an_alert(1).first_seen
        assert alerts.between(tx, since, other.first_seen) == [an_alert(1), closed]
        assert alerts.search(tx, "ROOT createuser") == [closed, an_alert(1)]
        assert alerts.search(tx, "100%_") == [other, closed, an_alert(1)]
        assert alerts.search(tx, "1%0") == []
        assert alerts.search(tx, "root", state=AlertState.CLOSED) == [closed]
        assert alerts.search(tx, since=other.first_seen) == [other]


def test_audit_is_newest_first_and_filtered(db: Database) -> None:
    entries = [
        AuditEntry(NOW, "U1", "alice", "C1", "plan.apply", "p1", "done", {"changes": 3}),
        AuditEntry(NOW, "U2", "bob", "C1", "alert.acknowledge", "a1", "refused"),
    ]
    with db.transaction() as tx:
        for entry in entries:
            audit.add(tx, entry)
    with db.reading() as tx:
        assert audit.recent(tx) == entries[::-1]
        assert audit.recent(tx, 1) == entries[1:]
        assert audit.recent(tx, action="plan.") == entries[:1]
        assert audit.recent(tx, actor_id="U2", subject="a1") == entries[1:]
        assert audit.recent(tx, since=NOW + timedelta(seconds=1)) == []


def test_a_plan_is_applied_once(db: Database) -> None:
    row = PlanRow(
        "p1", "main", PlanState.PROPOSED, "U1", NOW, NOW + timedelta(hours=1), "{}", "d", "C1", "k"
    )
    with db.transaction() as tx:
        plans.save(tx, row)
    with db.transaction() as tx:
        assert plans.set_state(tx, "p1", PlanState.PROPOSED, PlanState.APPLYING)
    with db.transaction() as tx:
        assert not plans.set_state(tx, "p1", PlanState.PROPOSED, PlanState.APPLYING)
        assert plans.set_state(tx, "p1", PlanState.APPLYING, PlanState.APPLIED, {"done": 2})
    with db.reading() as tx:
        done = replace(row, state=PlanState.APPLIED, result={"done": 2})
        assert plans.get(tx, "p1") == done
        assert plans.newest(tx, "main") == [done]
        assert plans.in_state(tx, PlanState.APPLYING) == []


def test_secrets_are_encrypted_versioned_and_rotated(db: Database) -> None:
    old, new = Vault("0123456789abcdef"), Vault("another passphrase, 0123456789abcdef")
    with db.transaction() as tx:
        assert secrets.put(tx, old, "opsgenie", "key-1", NOW) == 1
        assert secrets.put(tx, old, "opsgenie", "key-2", NOW) == 2
        assert secrets.get(tx, old, "opsgenie") == "key-2"
        assert secrets.get(tx, old, "opsgenie", 1) == "key-1"
        assert secrets.get(tx, old, "none") is None
        stored = tx.exec_driver_sql("SELECT value FROM secret").scalars().all()
        # Three letters alone would come up by chance once in a thousand runs.
        assert not any(key in bytes(value) for value in stored for key in (b"key-1", b"key-2"))
        with pytest.raises(ConfigError, match="another key"):
            secrets.get(tx, Vault("a wrong passphrase"), "opsgenie")
    both = Vault("another passphrase, 0123456789abcdef".replace(", ", "+") + ",0123456789abcdef")
    with db.transaction() as tx:
        assert secrets.relock_all(tx, both) == 2
        only = Vault("another passphrase+0123456789abcdef")
        assert secrets.get(tx, only, "opsgenie") == "key-2"
        assert [one.version for one in secrets.versions(tx, "opsgenie")] == [2, 1]
        assert secrets.forget(tx, "opsgenie", keep=1) == 1
        assert secrets.get(tx, only, "opsgenie", 1) is None
    assert new != old and "passphrase" not in repr(new)


@pytest.mark.parametrize("key", ["", "short", "0123456789abcdef,short"])
def test_a_weak_key_is_refused(key: str) -> None:
    with pytest.raises(ConfigError, match="16 characters"):
        Vault(key)


def test_site_configs_have_versions(db: Database) -> None:
    with db.transaction() as tx:
        assert site_config.latest(tx, "main") is None
        first = site_config.save(tx, "main", "{}", "U1", NOW, after=0)
        second = site_config.save(tx, "main", '{"pack": "cis"}', "U2", NOW, after=1)
        assert site_config.save(tx, "main", "{}", "U3", NOW, after=1) is None
        assert site_config.latest(tx, "main") == second
        assert site_config.history(tx, "main") == [second, first]
        assert site_config.names(tx) == ["main"]
        later = site_config.save(tx, "main", '{"pack": "all"}', "U2", NOW + timedelta(hours=2))
        assert site_config.newest_before(tx, "main", NOW + timedelta(hours=1)) == second
        assert site_config.newest_before(tx, "main", NOW + timedelta(hours=2)) == later
        assert site_config.newest_before(tx, "main", NOW - timedelta(hours=1)) is None


def test_grants(db: Database) -> None:
    with db.transaction() as tx:
        grants.grant(tx, "U1", "viewer", "U0", NOW)
        grants.grant(tx, "U1", "admin", "U0", NOW)
        assert [(one.subject, one.role) for one in grants.current(tx)] == [("U1", "admin")]
        assert grants.revoke(tx, "U1")
        assert not grants.revoke(tx, "U1")
