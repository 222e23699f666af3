"""Knows how everything is made and wired: the only place that does. Decides nothing else."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

from slack_bolt import App, BoltRequest
from slack_sdk import WebClient

from bot.clients import SiteClients
from bot.doctor import examine_services
from bot.metrics import serve_metrics
from bot.roles import first_roles, granted_roles
from bot.routing import (
    integrations_of,
    jsm_integrations,
    jsm_routes,
    keep_jsm_key,
    queue_poller,
    routers,
)
from bot.schedule import schedule
from bot.scheduler import Schedules
from bot.sender import Sender
from bot.settings import Settings, require
from bot.sites import wanted_site
from bot.slack_app import build_slack_app
from bot.slack_calls import bare_client
from bot.slack_files import upload
from bot.slack_link import SlackLink
from bot.slack_people import SlackDirectory, answer_in_private, open_direct
from bot.slack_views import open_view, permalink, publish_home
from bot.vault import AcceptedSecrets, StoredSecrets
from bot.web import (
    SlackGuard,
    View,
    WebRequest,
    WebResponse,
    answer,
    end_server,
    make_server,
)
from bot.webhooks import opsgenie_view, sns_view
from bot.worker import Worker
from handlers.account_names import AccountNames
from handlers.alert_fields import alarm_arn
from handlers.deps import Archive, Deps
from handlers.direct import own_topics, take_sns
from handlers.intake import take
from handlers.jobs import table as job_table
from handlers.jobs.end import end_of_job
from handlers.people import People
from handlers.sites import Sites
from handlers.troubles import message_failed, work_failed
from handlers.webhooks import sns
from handlers.webhooks.opsgenie import notification_of
from setup.clients import Clients
from setup.pipeline import webhook_secret_name
from trailwatch.clock import utc_now
from trailwatch.detections import load_catalogue
from trailwatch.errors import ProviderError
from trailwatch.geo import GeoFile, nowhere
from trailwatch.log_filters import LogFilters
from trailwatch.search.archive import Wanted, pieces
from trailwatch.search.logs import LogsSource
from trailwatch.search.lookup import LookupSource
from trailwatch.site import SiteConfig
from trailwatch.sns import SnsWeb
from trailwatch.store import grants, inbox, jobs
from trailwatch.store.database import Database, open_database
from trailwatch.store.gauges import gauges
from trailwatch.store.inbox import InboxRow
from trailwatch.store.jobs import LostClaim
from trailwatch.store.lanes import Rules
from trailwatch.store.replica import claim_replica
from trailwatch.store.secrets import Vault
from trailwatch.storm import StormRules

log = logging.getLogger("trailwatch")

SLACK_SECONDS = 10
"""Time-out of a call to Slack's Web API."""

PEOPLE_SECONDS = 1
"""The same for who somebody is: two such calls may stand before an ack, which has 3 seconds."""

JOB_THREADS = 8
AWS_PLACES = 4
"""Of the threads for jobs so many may wait for AWS at a time."""

SWITCH_SECONDS = 0.0005
"""How long a thread may compute while others wait. A request for an ack takes turns with jobs a
dozen times; at Python's 5 ms, with several jobs at work, that adds up to a tenth of a second."""


class Bot:
    """The whole process, made from settings. `start` returns at once; `stop` ends every thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.db = open_database(settings.database_url)
        self._replica = claim_replica(self.db, settings.replica or socket.gethostname(), utc_now())
        secrets = StoredSecrets(self.db, Vault(settings.secret_key), utc_now)
        slack = WebClient(
            settings.slack_bot_token, base_url=settings.slack_api_base_url, timeout=SLACK_SECONDS
        )
        self.deps = build_deps(settings, self.db, secrets, slack)
        self._sender = Sender(
            self.db,
            slack,
            utc_now,
            replica=self._replica,
            rules=Rules(post_interval=timedelta(seconds=settings.slack_post_interval)),
            on_trouble=lambda sent: message_failed(self.deps, sent),
        )
        self._worker = Worker(
            self.db,
            utc_now,
            replica=self._replica,
            on_inbox=lambda row: take_in(self.deps, row),
            job_handlers=job_table.handlers(self.deps),
            threads=JOB_THREADS,
            on_dead=lambda kind, key, error: give_up(self.deps, kind, key, error),
        )
        self._queues = queue_poller(settings, self.db, self.deps)
        self._schedules = Schedules(self.db, utc_now, schedule(settings))
        http = settings.slack_mode == "http"
        app = build_slack_app(self.deps, slack, settings.slack_signing_secret if http else "")
        self._link = None if http else SlackLink(app, settings.slack_app_token)
        self._web = make_server(self._routes(app, secrets), settings.host, settings.port)
        self._web_thread = threading.Thread(target=self._web.run, name="web", daemon=True)
        self._stop_metrics: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Start serving, sending and working."""
        settings = self._settings
        if settings.metrics_port:
            sources = (
                self._sender.metrics,
                self._worker.metrics,
                self._schedules.metrics,
                self._queues.metrics,
                self._store_numbers,
            )
            self._stop_metrics = serve_metrics(settings.metrics_port, settings.host, sources)
        self._sender.start()
        self._worker.start()
        self._queues.start()
        with self.db.transaction() as tx:  # what came while the bot was away
            for kind in ("alert.reconcile", "direct.catch_up"):
                jobs.add(tx, kind, {}, utc_now(), key=f"{kind} at start")
                jobs.hurry(tx, f"{kind} at start", utc_now())
        self._schedules.start()
        self._web_thread.start()
        if self._link:
            self._link.start()
        threading.Thread(target=self._look_around, name="first look", daemon=True).start()
        log.info("serving on %s:%d", settings.host, settings.port)

    def _store_numbers(self) -> Mapping[str, float]:
        with self.db.reading() as tx:
            return gauges(tx, utc_now())

    def _look_around(self) -> None:
        """Warm what the first command needs, and tell what is missing, in one line each."""
        for site in self.deps.sites.names:
            with contextlib.suppress(ProviderError):
                self.deps.sites.config(site)
        for user_id in (*self._settings.admins, *self._settings.responders):
            if user_id.startswith(("U", "W")):
                with contextlib.suppress(ProviderError):
                    self.deps.people.find(user_id)
        for check in examine_services(self._settings):
            if not check.ok:
                log.warning("%s: %s %s", check.name, check.detail, check.fix)

    def stop(self) -> None:
        """End in the reverse order: take nothing more, finish what is under way."""
        if self._link:
            self._link.stop()
        end_server(self._web, self._web_thread)
        self._schedules.stop()
        self._queues.stop()
        self._worker.stop()
        self._sender.stop()
        self._stop_metrics()
        self._replica.close()
        self.db.close()

    def _routes(self, app: App, secrets: StoredSecrets) -> Mapping[tuple[str, str], View]:
        settings = self._settings
        routes: dict[tuple[str, str], View] = {
            ("GET", "/healthz"): lambda _: answer(200, healthy=True),
            ("GET", "/readyz"): lambda _: self._ready(),
            ("POST", "/webhooks/opsgenie"): opsgenie_view(
                self.db,
                utc_now,
                AcceptedSecrets(secrets, [webhook_secret_name(s.name) for s in settings.sites]),
            ),
            **jsm_routes(settings, self.db, secrets),
            ("POST", "/webhooks/sns"): sns_view(
                self.db, utc_now, lambda: own_topics(self.deps), self.deps.sns.certificate
            ),
        }
        if settings.slack_mode == "http":
            guard = SlackGuard(settings.slack_signing_secret)
            routes["POST", "/slack/events"] = lambda request: _slack_view(app, guard, request)
        return routes

    def _ready(self) -> WebResponse:
        slack = self._link is None or self._link.connected
        store = self._store_answers()
        work = self._sender.alive and self._worker.alive
        ready = slack and store and work
        return answer(200 if ready else 503, slack=slack, store=store, work=work)

    def _store_answers(self) -> bool:
        try:
            with self.db.reading() as tx:
                grants.current(tx)
        except ProviderError:
            return False
        return True


def serve(settings: Settings) -> int:
    """Run the bot until SIGTERM or Ctrl-C; returns the exit code."""
    require(settings)
    set_up_logging(settings.log_level)
    sys.setswitchinterval(SWITCH_SECONDS)
    bot = Bot(settings)
    ended = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: ended.set())
    bot.start()
    ended.wait()
    log.info("stopping")
    bot.stop()
    return 0


def set_up_logging(level: str) -> None:
    """One line a decision on standard error; libraries only from WARNING."""
    logging.basicConfig(level="WARNING", format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for name in ("trailwatch", "setup", "bot", "handlers"):
        logging.getLogger(name).setLevel(level)


def build_deps(settings: Settings, db: Database, secrets: StoredSecrets, slack: WebClient) -> Deps:
    """What handlers are given."""
    clients = SiteClients(settings)
    keep_jsm_key(settings, secrets)

    def setup_clients(site: str = "", session: str = "") -> Clients:
        opsgenie, jsm = integrations_of(settings), jsm_integrations(settings)
        return Clients(clients.building(site, session), opsgenie, secrets, jsm=jsm)

    return Deps(
        db=db,
        clock=utc_now,
        sites=_sites(settings, db, clients),
        people=_people(settings, db, slack),
        router=routers(settings, db),
        router_url=settings.opsgenie_api_url,
        jsm_site_url=settings.jsm_site_url,
        sns=SnsWeb(settings.aws_endpoint_url),
        reading=lambda site: clients.reading(site, attempts=1),
        logs=_logs(clients),
        lookup=lambda config: LookupSource(clients.reading(config.site.name)),
        places=threading.BoundedSemaphore(AWS_PLACES),
        archive=_archive(clients),
        setup_clients=setup_clients,
        answer=answer_in_private,
        publish_home=partial(publish_home, slack),
        upload=partial(upload, slack),
        open_view=partial(open_view, slack),
        permalink=partial(permalink, slack),
        open_direct=partial(open_direct, slack),
        aws_people=settings.people,
        answer_time=timedelta(minutes=settings.answer_minutes),
        thread_notes=settings.thread_notes,
        escalation=settings.opsgenie_escalation,
        second_person=settings.second_person,
        offices=settings.offices,
        channel=settings.slack_channel,
        digest_timezone=settings.digest_timezone,
        digest_hour=settings.digest_hour,
        stand_ins=bool(settings.aws_endpoint_url),
        geo=GeoFile(settings.maxmind_file).place if settings.maxmind_file else nowhere,
        routes=settings.routes,
        follow_gaps=settings.follow_gaps,
        look_back=timedelta(days=settings.profile_days),
        storms=StormRules(limit=settings.rollup),
    )


def _sites(settings: Settings, db: Database, clients: SiteClients) -> Sites:
    own = Path(settings.detections_folder) if settings.detections_folder else None
    return Sites(
        [wanted_site(settings, site, clients) for site in settings.sites],
        db,
        load_catalogue(own),
        AccountNames(settings.account_names, clients.organization_names, utc_now),
    )


def _people(settings: Settings, db: Database, slack: WebClient) -> People:
    return People(
        SlackDirectory(bare_client(slack, PEOPLE_SECONDS)),
        utc_now,
        first_roles(settings),
        lambda channel="": granted_roles(db, channel),
    )


def _logs(clients: SiteClients) -> Callable[[SiteConfig], LogsSource]:
    """The log groups. A search that fails is tried again by its job, which says so meanwhile."""
    filters = LogFilters()
    return lambda config: LogsSource(
        clients.reading(config.site.name, attempts=1),
        config.log_group,
        filters=filters,
        key=f"{config.site.account}:{config.site.region}",
    )


def _archive(clients: SiteClients) -> Archive:
    return lambda config, since, until=None: pieces(
        [f"s3://{config.bucket}/"],
        Wanted(since, until=until),
        clients.reading(config.site.name),
    )


def take_in(deps: Deps, row: InboxRow) -> bool:
    """Take one delivery of the inbox: what needs AWS is asked before the transaction.

    Whether it was noted as done in the same transaction.
    """
    if row.source == sns.SOURCE:
        take_sns(deps, row)
        return False
    notification = notification_of(row)
    config = deps.sites.watching(alarm_arn(notification.details, notification.alias))
    with deps.db.transaction() as tx:
        take(deps, tx, notification, config)
        if not inbox.done(tx, row, deps.clock()):
            raise LostClaim(f"delivery {row.key}")  # undoes what another process does, too
    return True


def give_up(deps: Deps, kind: str, key: str, error: str) -> None:
    """What follows when a delivery or a job has failed for good."""
    log.error("dead letter: %s %s: %s", kind, key, error)
    if kind.startswith("job:"):
        with deps.db.reading() as tx:
            job = jobs.get(tx, int(key))
        if job is not None:
            end_of_job(deps, job.kind, job.args, error)
    if kind != "job:slack.answer":
        # An answer in private that came too late is missed by nobody else.
        work_failed(deps)


def _slack_view(app: App, guard: SlackGuard, request: WebRequest) -> WebResponse:
    refusal = guard.refusal(request)
    if refusal is not None:
        return refusal
    headers: dict[str, str | Sequence[str]] = dict(request.headers)
    made = app.dispatch(BoltRequest(body=request.body.decode("utf-8", "replace"), headers=headers))
    kind = made.first_headers().get("content-type", "application/json; charset=utf-8")
    return WebResponse(made.status, made.body.encode(), kind)
