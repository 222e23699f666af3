"""A plan's life from the command to its history, with AWS and Opsgenie as stand-ins."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import boto3
import pytest
from sqlalchemy import text

from handlers.access import Person, Role
from handlers.account_names import AccountNames
from handlers.actions import plan as buttons
from handlers.actions.table import clicked
from handlers.commands.table import answer
from handlers.deps import Deps
from handlers.jobs.table import KINDS
from handlers.modals.modal import Submission
from handlers.modals.table import modal_of, submitted
from handlers.people import People
from handlers.request import Click, Reply, Request
from handlers.sites import Sites, WantedSite
from sandbox.aws import AwsStandIn
from sandbox.faults import Faults
from sandbox.wire import CallLog, Sender
from setup.clients import Clients, NoSecrets
from setup.plan import Plan
from trailwatch.aws import Aws
from trailwatch.detections import load_catalogue
from trailwatch.errors import NotAllowed, NotFound, SlackError, StalePlan, UsageError
from trailwatch.site import Site, SiteConfig
from trailwatch.store import audit, plans
from trailwatch.store.database import open_database
from trailwatch.store.plans import PlanRow, PlanState

ALICE = Person("U1", "alice", role=Role.ADMIN)
BOB = Person("U2", "bob", role=Role.ADMIN)
CAROL = Person("U3", "carol", role=Role.VIEWER)
MACHINE = Person("U9", "a bot", member=False, role=Role.NOBODY)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CATALOGUE = load_catalogue()


@dataclass
class Job:
    """One try of a job, run in the test's own thread."""

    id: int
    kind: str
    args: Mapping[str, Any]
    attempt: int = 3
    resumed: bool = False
    on_beat: Callable[[], None] = lambda: None

    def step(self, name: str, function: Callable[[], Any]) -> Any:
        return function()

    def beat(self) -> None:
        self.on_beat()


@dataclass
class Office:
    """The handlers with a store of their own, and people who click."""

    deps: Deps
    aws: Aws
    now: list[datetime]
    views: list[Mapping[str, Any]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    keys: int = 0

    def _request(self, person: Person) -> dict[str, Any]:
        self.keys += 1
        return {"person": person, "channel": "C1", "response_url": "https://hooks.example.com/a",
                "trigger_id": f"t{self.keys}", "key": f"k{self.keys}"}  # fmt: skip

    def type(self, words: str, person: Person = ALICE) -> Reply:
        reply = answer(self.deps, Request(**self._request(person)), words)
        self.work()
        return reply

    def click(
        self, action_id: str, plan_id: str, person: Person = ALICE, work: bool = True
    ) -> Reply:
        click = Click(**self._request(person), action_id=action_id, value=plan_id)
        reply = clicked(self.deps, click)
        if work:
            self.work()
        return reply

    def submit(self, plan_id: str, name: str, *include: str, person: Person = ALICE) -> None:
        submission = Submission(
            **self._request(person), about=plan_id,
            texts={"site_name": name}, chosen={"include": include},
        )  # fmt: skip
        submitted(self.deps, modal_of("plan.destroy"), submission)
        self.work()

    def work(self, resumed: bool = False, on_beat: Callable[[], None] = lambda: None) -> None:
        """Do the jobs that wait, each once."""
        while True:
            with self.deps.db.transaction() as tx:
                rows = tx.execute(
                    text("SELECT id, kind, args FROM job WHERE state = 'queued' ORDER BY id")
                ).all()
                tx.execute(text("UPDATE job SET state = 'done' WHERE state = 'queued'"))
            if not rows:
                return
            for row in rows:
                args = json.loads(row.args)
                if row.kind == "slack.answer":
                    self.told.append(args["text"])
                elif row.kind in KINDS:
                    job = Job(row.id, row.kind, args, resumed=resumed, on_beat=on_beat)
                    KINDS[row.kind](self.deps, job)

    def proposed(self, words: str = "setup plan", person: Person = ALICE) -> str:
        """The id of a plan that was just proposed."""
        known = {row.id for row in self.rows()}
        self.type(words, person)
        (new,) = [row.id for row in self.rows() if row.id not in known]
        return new

    def rows(self) -> list[PlanRow]:
        with self.deps.db.reading() as tx:
            return plans.newest(tx, "main", 50)

    def row(self, plan_id: str) -> PlanRow:
        with self.deps.db.reading() as tx:
            found = plans.get(tx, plan_id)
        assert found is not None
        return found

    def shown(self, plan_id: str) -> str:
        """What the plan's message says."""
        with self.deps.db.reading() as tx:
            body = tx.execute(
                text("SELECT body FROM message WHERE key = :key"), {"key": f"plan:{plan_id}"}
            ).scalar_one()
        return str(body)

    def audited(self, action: str) -> list[tuple[str, str]]:
        with self.deps.db.reading() as tx:
            return [(entry.actor_name, entry.outcome) for entry in audit.recent(tx, action=action)]


@pytest.fixture(scope="module")
def session() -> boto3.session.Session:
    return boto3.session.Session("AKIAEXAMPLEEXAMPLE00", "example", region_name="us-east-1")


@pytest.fixture
def office(new_database: str, session: boto3.session.Session) -> Iterator[Office]:
    log, faults = CallLog(), Faults(lambda: 0.0)
    stand_in = AwsStandIn(calls=log, faults=faults, sender=Sender(log, faults))
    stand_in.start()
    aws = Aws("us-east-1", stand_in.url, session=session, max_attempts=2)
    db = open_database(new_database)
    now = [NOW]
    template = SiteConfig(
        Site("main", "123456789012", "us-east-1"), router_url="", drop=_all_but(2), insights=False
    )

    def clock() -> datetime:
        return now[0]

    sites = Sites(
        [WantedSite(template, lambda: "123456789012", "C1")],
        db,
        CATALOGUE,
        AccountNames({}, dict, clock),
    )
    made: dict[str, Any] = dict.fromkeys(Deps.__dataclass_fields__)
    made |= {
        "db": db,
        "clock": clock,
        "sites": sites,
        "second_person": False,
        "setup_clients": lambda *_: Clients(aws, None, NoSecrets(), pace=0.0, patience=5.0),
    }
    found = Office(cast(Deps, None), aws, now)
    made["open_view"] = lambda trigger, view: found.views.append(view)
    found.deps = Deps(**made)
    yield found
    db.close()
    aws.close()
    stand_in.stop()


def _all_but(number: int) -> tuple[str, ...]:
    return tuple(one.id for one in CATALOGUE.pack("walkthrough")[number:])


def test_who_when_and_why_are_kept(office: Office) -> None:
    plan_id = office.proposed("setup plan --why the yearly audit, as agreed")
    assert "the yearly audit, as agreed" in office.shown(plan_id)
    office.now[0] += timedelta(minutes=5)
    office.click("plan.apply", plan_id, BOB)
    row = office.row(plan_id)
    assert row.state is PlanState.APPLIED
    assert (row.created_name, row.approved_name, row.why) == (
        "alice", "bob", "the yearly audit, as agreed",
    )  # fmt: skip
    assert row.approved_at == row.ended_at == NOW + timedelta(minutes=5)
    assert row.before["pack"] == row.after["pack"] == "walkthrough"
    assert {state for state, _ in row.outcome.values()} == {"done"}
    listed = office.type("setup history", CAROL)
    assert "1 applied plan of main" in listed.text
    assert all(word in str(listed.blocks) for word in ("alice", "bob", "the yearly audit", plan_id))
    one = office.type(f"setup history {plan_id}", CAROL)
    assert "applied" in one.text and "trailwatch-alarms" in str(one.blocks)
    assert ("bob", "applied") in office.audited("setup.apply")
    with pytest.raises(NotFound):
        office.type("setup history nosuchid")


def test_two_clicks_at_once_apply_once(office: Office) -> None:
    plan_id = office.proposed()
    start = threading.Barrier(4)
    refused: list[Exception] = []

    def click(person: Person) -> None:
        start.wait(60)
        try:
            office.click("plan.apply", plan_id, person, work=False)
        except StalePlan as error:
            refused.append(error)

    threads = [threading.Thread(target=click, args=(p,)) for p in (ALICE, BOB, ALICE, BOB)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(refused) == 3
    with office.deps.db.reading() as tx:
        waiting = tx.execute(text("SELECT count(*) FROM job WHERE kind = 'setup.apply'")).scalar()
    assert waiting == 1
    office.work()
    assert office.row(plan_id).state is PlanState.APPLIED
    with pytest.raises(StalePlan, match="was applied already"):
        office.click("plan.apply", plan_id)


def test_an_expired_plan_is_void_and_can_be_made_again(office: Office) -> None:
    plan_id = office.proposed()
    office.now[0] += timedelta(hours=2)
    with pytest.raises(StalePlan, match="has expired"):
        office.click("plan.apply", plan_id)
    assert office.row(plan_id).state is PlanState.STALE
    assert "plan.again" in office.shown(plan_id)
    office.click("plan.again", plan_id)
    again = office.rows()[0]
    assert again.state is PlanState.PROPOSED
    assert again.after == office.row(plan_id).after


def test_a_world_that_moved_makes_it_stale_and_writes_nothing(office: Office) -> None:
    plan_id = office.proposed()
    office.aws.call("logs", "CreateLogGroup", logGroupName="/trailwatch/cloudtrail",
                    tags={"trailwatch:site": "main"})  # fmt: skip
    office.click("plan.apply", plan_id)
    assert office.row(plan_id).state is PlanState.STALE
    assert "log_group:/trailwatch/cloudtrail" in office.shown(plan_id)
    assert office.aws.call("s3", "ListBuckets")["Buckets"] == []


def test_settings_that_moved_make_it_stale(office: Office) -> None:
    first = office.proposed()
    office.click("plan.apply", first)
    wider = office.proposed("setup plan --set retention_days=400")
    longer = office.proposed("setup plan --set retention_days=731")
    office.click("plan.apply", wider)
    office.click("plan.apply", longer)
    assert office.row(longer).state is PlanState.STALE
    assert "settings of main have changed" in office.shown(longer)
    assert "retention_days" in office.shown(longer)


def test_another_sites_plan_is_applied_to_its_site_alone(office: Office) -> None:
    plan_id = office.proposed()
    row = office.row(plan_id)
    with office.deps.db.transaction() as tx:
        plans.save(tx, replace(row, site="gone"))
    office.click("plan.apply", plan_id)
    assert office.row(plan_id).state is PlanState.FAILED
    assert "no site" in office.shown(plan_id)
    assert office.aws.call("s3", "ListBuckets")["Buckets"] == []


def test_cancelling_stops_after_the_change_in_hand(office: Office) -> None:
    plan_id = office.proposed()
    with pytest.raises(StalePlan, match="was not applied"):
        office.click("plan.cancel", plan_id)
    office.click("plan.apply", plan_id, work=False)
    beats: list[int] = []

    def cancel_at_third() -> None:
        beats.append(1)
        if len(beats) == 3:
            office.click("plan.cancel", plan_id, BOB, work=False)

    office.work(on_beat=cancel_at_third)
    row = office.row(plan_id)
    assert (row.state, row.cancelled_by) == (PlanState.CANCELLED, "bob")
    states = [state for state, _ in row.outcome.values()]
    assert states == ["done", "done", *["not tried"] * (len(states) - 2)]
    assert "Cancelled by bob" in office.shown(plan_id)
    assert "cancelled" in str(office.type("setup history").blocks)
    office.click("plan.again", plan_id)
    rest = office.rows()[0]
    assert Plan.from_json(rest.body).unchanged == 2
    office.click("plan.apply", rest.id)
    assert office.row(rest.id).state is PlanState.APPLIED


def stray_filter(office: Office, name: str) -> None:
    office.aws.call(
        "logs", "PutMetricFilter", logGroupName="/trailwatch/cloudtrail", filterName=name,
        filterPattern="x", metricTransformations=[
            {"metricName": name, "metricNamespace": "Trailwatch", "metricValue": "1"}
        ],
    )  # fmt: skip


def test_a_cut_off_apply_that_no_longer_fits_is_kept_as_failed(office: Office) -> None:
    plan_id = office.proposed()
    office.click("plan.apply", plan_id, work=False)
    office.aws.call("logs", "CreateLogGroup", logGroupName="/trailwatch/cloudtrail",
                    tags={"trailwatch:site": "main"})  # fmt: skip
    stray_filter(office, "trailwatch-stray")
    office.work(resumed=True)
    row = office.row(plan_id)
    assert (row.state, row.outcome) == (PlanState.FAILED, None)
    assert "was cut off" in office.shown(plan_id)
    assert "1 applied plan" in office.type("setup history").text


def test_a_quota_that_filled_up_meanwhile_writes_nothing(office: Office) -> None:
    office.click("plan.apply", office.proposed())
    more = CATALOGUE.pack("walkthrough")[2].id
    plan_id = office.proposed(f"setup plan --add {more} --set retention_days=400")
    for number in range(98):
        stray_filter(office, f"theirs-{number}")
    office.click("plan.apply", plan_id)
    assert office.row(plan_id).state is PlanState.STALE
    said = office.shown(plan_id)
    assert "101 metric filters" in said and "Drop 1 or more" in said and "plan.again" in said
    groups = office.aws.call("logs", "DescribeLogGroups")["logGroups"]
    assert [group["retentionInDays"] for group in groups] == [365]


def test_an_apply_that_was_killed_and_cancelled_stays_stopped(office: Office) -> None:
    plan_id = office.proposed()
    office.click("plan.apply", plan_id, work=False)
    office.click("plan.cancel", plan_id, BOB, work=False)
    with pytest.raises(StalePlan, match="bob asked for it already"):
        office.click("plan.cancel", plan_id, ALICE, work=False)
    office.work(resumed=True)
    assert office.row(plan_id).state is PlanState.CANCELLED
    assert office.aws.call("s3", "ListBuckets")["Buckets"] == []


class Directory:
    """Slack's own view of people, asked when an approval is to count."""

    def __init__(self, *people: Person) -> None:
        self.people = {person.id: person for person in people}

    def find_anew(self, user_id: str) -> Person:
        return self.people[user_id]


def second_person(office: Office, *people: Person) -> None:
    directory = cast(People, Directory(*(people or (ALICE, BOB))))
    office.deps = replace(office.deps, second_person=True, people=directory)


def test_an_approval_counts_only_while_its_giver_is_an_admin(office: Office) -> None:
    second_person(office, replace(BOB, member=False, role=Role.NOBODY))
    plan_id = office.proposed()
    office.click("plan.apply", plan_id, BOB)
    assert office.row(plan_id).state is PlanState.STALE
    assert "bob is no admin" in office.shown(plan_id)
    assert office.aws.call("s3", "ListBuckets")["Buckets"] == []


def test_whoever_proposes_cannot_approve(office: Office) -> None:
    second_person(office)
    plan_id = office.proposed()
    assert "another admin than alice" in office.shown(plan_id)
    with pytest.raises(NotAllowed, match="another admin has to approve"):
        office.click("plan.apply", plan_id)
    with pytest.raises(NotAllowed, match="another admin"):
        office.type(f"setup apply {plan_id}")
    with pytest.raises(NotAllowed, match="another admin"):
        office.click("plan.apply", plan_id, replace(ALICE, name="alice too"))
    with pytest.raises(NotAllowed):
        office.click("plan.apply", plan_id, CAROL)
    with pytest.raises(NotAllowed, match="full members"):
        office.click("plan.apply", plan_id, MACHINE)
    assert office.row(plan_id).state is PlanState.PROPOSED
    assert ("alice", "refused") in office.audited("setup.apply")
    office.click("plan.apply", plan_id, BOB)
    assert office.row(plan_id).approved_name == "bob"
    assert "approved by bob" in str(office.type("setup history").blocks)


def test_a_second_person_is_asked_for_before_a_destroy_too(office: Office) -> None:
    office.click("plan.apply", office.proposed())
    second_person(office)
    plan_id = office.proposed("setup destroy")
    with pytest.raises(NotAllowed):
        office.click("plan.destroy", plan_id)
    assert office.views == []
    with pytest.raises(NotAllowed):
        office.submit(plan_id, "main")
    with pytest.raises(NotAllowed):
        office.type(f"setup apply {plan_id} --confirm main")
    office.click("plan.destroy", plan_id, BOB)
    assert len(office.views) == 1
    office.submit(plan_id, "main", person=BOB)
    assert office.row(plan_id).state is PlanState.APPLIED


def test_destroying_wants_the_name_typed(office: Office) -> None:
    office.click("plan.apply", office.proposed())
    plan_id = office.proposed("setup destroy")
    assert "plan.apply" not in office.shown(plan_id)
    for attempt in ("", "MAIN", "prod"):
        with pytest.raises(UsageError):
            office.submit(plan_id, attempt)
    with pytest.raises(UsageError, match="has to be typed"):
        office.click("plan.apply", plan_id)  # a click that the message never offered
    with pytest.raises(UsageError, match="has to be typed"):
        office.type(f"setup apply {plan_id}")
    office.click("plan.destroy", plan_id)
    (view,) = office.views
    assert "bucket" in str(view["blocks"]) and "kms_key" not in str(view["blocks"])
    assert json.loads(view["private_metadata"])["about"] == plan_id
    office.submit(plan_id, " main ")
    assert office.row(plan_id).state is PlanState.APPLIED
    assert len(office.aws.call("s3", "ListBuckets")["Buckets"]) == 1


def test_what_is_ticked_comes_in_a_new_plan_that_asks_again(office: Office) -> None:
    office.click("plan.apply", office.proposed())
    office.aws.call("s3", "PutObject", Bucket="trailwatch-123456789012-us-east-1", Key="a",
                    Body=b"x")  # fmt: skip
    plan_id = office.proposed("setup destroy --why moving out")
    with pytest.raises(UsageError):
        office.submit(plan_id, "nope", "bucket")
    office.submit(plan_id, "main", "bucket", "unknown")
    assert office.row(plan_id).state is PlanState.DISCARDED
    new = office.rows()[0]
    plan = Plan.from_json(new.body)
    assert {"bucket"} == {c.kind for c in plan.changes} & {"bucket", "log_group"}
    assert new.why == "moving out"
    assert "one version of an object is in it" in office.shown(new.id)
    office.submit(new.id, "main")
    assert office.row(new.id).state is PlanState.APPLIED
    assert office.aws.call("s3", "ListBuckets")["Buckets"] == []
    with pytest.raises(NotFound, match="stays"):
        office.type("setup destroy --include everything")


def test_a_dialog_that_came_too_late_is_told(office: Office) -> None:
    office.click("plan.apply", office.proposed())
    plan_id = office.proposed("setup destroy")

    def late(trigger: str, view: Mapping[str, Any]) -> None:
        raise SlackError("Slack refused views.open.", code="expired_trigger_id")

    office.deps = replace(office.deps, open_view=late)
    office.click("plan.destroy", plan_id)
    assert "once more" in office.told[-1]


def test_the_way_back_is_a_plan_like_any_other(office: Office) -> None:
    first = office.proposed()
    office.click("plan.apply", first)
    with pytest.raises(UsageError, match="nothing stood"):
        office.type("setup rollback 1")
    with pytest.raises(NotFound, match=r"no plan number 2 of main\. 1 was applied\."):
        office.type("setup rollback 2")
    wide = office.proposed(
        f"setup plan --set retention_days=400 --drop {CATALOGUE.pack('walkthrough')[0].id}"
    )
    office.now[0] += timedelta(minutes=1)
    office.click("plan.apply", wide)
    office.now[0] += timedelta(minutes=1)
    office.type('detections add vpn-gone P2 "VPN deleted" '
                '{ $.eventName = "DeleteVpnConnection" }')  # fmt: skip
    back = office.proposed("setup rollback 1 --why it was too much")
    row = office.row(back)
    assert row.state is PlanState.PROPOSED
    assert row.after == office.row(wide).before
    assert row.why == "it was too much"
    assert f"before plan {wide}" in office.shown(back)
    assert "added since: vpn-gone" in office.shown(back)
    office.click("plan.apply", back, BOB)
    assert office.deps.sites.config().retention_days == 365
    assert Plan.from_json(office.row(office.proposed()).body).empty
    # And forth again: the way back has its own way back.
    forth = office.proposed("setup rollback 1")
    assert office.row(forth).after == office.row(wide).after
    office.click("plan.rollback", wide)
    assert office.rows()[0].after == office.row(wide).before
    with pytest.raises(StalePlan, match="never applied"):
        office.type(f"setup rollback {forth}")


def test_the_way_back_after_a_destroy_builds_it_again(office: Office) -> None:
    office.click("plan.apply", office.proposed())
    office.now[0] += timedelta(minutes=1)
    office.submit(office.proposed("setup destroy"), "main")
    back = office.proposed("setup rollback 1")
    office.click("plan.apply", back)
    assert office.row(back).state is PlanState.APPLIED
    assert Plan.from_json(office.row(office.proposed()).body).empty


def test_detections_that_are_gone_are_left_out_and_told(office: Office) -> None:
    office.click("plan.apply", office.proposed())
    office.now[0] += timedelta(minutes=1)
    office.type('detections add vpn-gone P2 "VPN deleted" '
                '{ $.eventName = "DeleteVpnConnection" }')  # fmt: skip
    office.click("plan.apply", office.proposed("setup plan --add vpn-gone"))
    office.now[0] += timedelta(minutes=1)
    away = office.proposed("setup plan --drop vpn-gone")
    office.click("plan.apply", away)
    office.type("detections remove vpn-gone")
    back = office.proposed("setup rollback 1")
    assert "vpn-gone was removed since" in office.shown(back)
    assert office.row(back).after["add"] == []


def test_every_button_of_a_plan_is_in_the_table(office: Office) -> None:
    for action in (buttons.APPLY, buttons.CANCEL, buttons.AGAIN, buttons.ROLLBACK):
        with pytest.raises((NotFound, NotAllowed)):
            office.click(action.id, "nosuch")
