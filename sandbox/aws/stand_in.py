"""Knows the AWS stand-in as a whole: moto, what it lacks, and how calls reach either."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from sandbox.aws import bucket_access, snapshot
from sandbox.aws.acts import act
from sandbox.aws.alarm_history import AlarmHistory
from sandbox.aws.alarms import Alarms
from sandbox.aws.backends import Account
from sandbox.aws.cloudtrail import CloudTrail
from sandbox.aws.cloudwatch import CloudWatch
from sandbox.aws.deliveries import Deliveries
from sandbox.aws.envelopes import Envelopes
from sandbox.aws.event_history import EventHistory, event_time
from sandbox.aws.log_groups import LogGroups
from sandbox.aws.metric_filters import MetricFilters
from sandbox.aws.metrics import Metrics
from sandbox.aws.mutes import Mutes
from sandbox.aws.operations import Handler, answer_call
from sandbox.aws.protocol import AwsCall, Refusal, arguments, read_call, write_error
from sandbox.aws.recorder import record_of
from sandbox.aws.signing import Signer
from sandbox.aws.sns import Sns
from sandbox.aws.trail_delivery import TrailDelivery
from sandbox.wire import Answer, CallLog, Fault, Faults, Sender, Server, guard, run_app

FAULT_CODES = {
    400: "ThrottlingException",
    401: "UnrecognizedClientException",
    403: "AccessDenied",
    429: "ThrottlingException",
    500: "InternalFailure",
    503: "ServiceUnavailable",
}


class AwsStandIn:
    """AWS on one loopback port, all services; one a process, because moto keeps its state there.

    `speed` N: a period of P seconds lasts P/N; `delivery_delay` (seconds at speed 1) is what a
    trail takes to deliver. `recording`: calls that change something leave CloudTrail records.
    `state` is a folder in which the account lives on between two runs (without KMS's keys);
    without it each start is fresh.
    """

    def __init__(
        self,
        *,
        calls: CallLog,
        faults: Faults,
        sender: Sender,
        speed: float = 1.0,
        region: str = "us-east-1",
        account: str = "123456789012",
        delivery_delay: float = 0.0,
        recording: bool = False,
        port: int = 0,
        state: Path | None = None,
    ) -> None:
        self.region = region
        self.account_id = account
        self._folder = state
        self._recording = recording
        self._moto: Any = DomainDispatcherApplication(create_backend_app)
        self._current = threading.local()
        app = guard(
            "aws",
            self._application,
            calls=calls,
            faults=faults,
            describe=self._describe,
            fault_body=self._fault_body,
        )
        self._server = Server(app, port, "aws")
        self.url = self._server.url
        """AWS_ENDPOINT_URL for boto3."""
        signer = Signer(f"sns.{region}.amazonaws.com")
        self.certificate_pem = signer.certificate_pem
        """The certificate whose key signs SNS messages."""
        self.signing_ca = signer.authority_pem
        """The authority that issued it, PEM."""
        self._certificate_path = signer.certificate_path
        self.signing_cert_url = self.url + signer.certificate_path
        self._account = Account(account, region)
        self._deliveries = Deliveries(sender, speed)
        self._sns = Sns(self._account, self._deliveries, Envelopes(signer, self.url))
        self._metrics = metrics = Metrics(self._account)
        self._alarm_history = alarm_history = AlarmHistory()
        self._mutes = Mutes(self._account)
        self._alarms = Alarms(
            self._account,
            metrics,
            alarm_history,
            self._sns.publish_as_alarm,
            speed,
            self._mutes.silences,
        )
        self._filters = MetricFilters(self._account, metrics, speed)
        groups = LogGroups(self._account, self._filters)
        self._history = EventHistory(region)
        self._trails = TrailDelivery(self._account, groups, delivery_delay / speed)
        self._handlers: dict[str, dict[str, Handler]] = {
            "logs": self._filters.handlers() | groups.handlers(),
            "cloudwatch": CloudWatch(self._account, metrics, self._alarms, alarm_history).handlers()
            | self._mutes.handlers(),
            "sns": self._sns.handlers(),
            "cloudtrail": CloudTrail(self._account, self._history, self._trails).handlers(),
        }

    def start(self) -> None:
        """Serve, with what `state` keeps, else with an account that is empty but for two roles."""
        bucket_access.install()
        self._account.reset()
        kept = snapshot.load(self._folder) if self._folder else None
        if kept is not None:
            for name, part in self._parts().items():
                if name in kept:
                    part.restore(kept[name])
        self._alarms.start()
        self._trails.start()
        self._server.start()

    def stop(self) -> None:
        """End every thread and, with a `state` folder, keep the state; SNS's queue is lost."""
        self._server.stop()
        self._trails.stop()
        self._alarms.stop()
        self._deliveries.stop()
        if self._folder:
            own = {name: part.state() for name, part in self._parts().items()}
            snapshot.save(self._folder, own)
        self._account.clear()

    def _parts(self) -> dict[str, Any]:
        """What has a state of its own beside moto's."""
        return {
            "history": self._history,
            "alarm_history": self._alarm_history,
            "metrics": self._metrics,
            "mutes": self._mutes,
            "sns": self._sns,
            "trails": self._trails,
        }

    def ingest(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Take CloudTrail records, already stamped: into the event history, then each trail.

        Raises ValueError for a record without a readable eventTime; then none is taken.
        """
        for record in records:
            event_time(record)
        for record in records:
            self._history.add(record)
        self._trails.send(records)

    def matching_filters(self, record: Mapping[str, Any]) -> list[str]:
        """Names of the metric filters of the stand-in's Region that a record meets."""
        message = json.dumps(record, separators=(",", ":"), ensure_ascii=False)
        return self._filters.matching(self.region, message)

    def act(self, name: str) -> str:
        """Let somebody do what sandbox.aws.acts names; what was done. Raises NothingThere."""
        return act(name, self.url, self.region)

    def stop_trails(self) -> None:
        """Stop the logging of every trail, as somebody who covers tracks would."""
        for trail in self._account.trails():
            trail.stop_logging()

    def start_trails(self) -> None:
        """Start the logging of every trail."""
        for trail in self._account.trails():
            trail.start_logging()

    def _describe(self, environ: WSGIEnvironment, body: bytes) -> tuple[str, Mapping[str, Any]]:
        call = read_call(environ, body, self.region)
        self._current.call = call
        return call.operation, arguments(call)

    def _fault_body(self, fault: Fault) -> tuple[list[tuple[str, str]], bytes]:
        code = FAULT_CODES.get(fault.status, "ServiceUnavailable")
        refusal = Refusal(code, f"Fault injected: {fault.status}", fault.status)
        answer = write_error(self._current.call, refusal)
        return answer.headers, answer.body

    def _application(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Sequence[bytes]:
        # guard() has described the call in this same thread just before.
        call: AwsCall = self._current.call
        if environ.get("PATH_INFO") == self._certificate_path:
            body = self.certificate_pem.encode()
            answer = Answer("200 OK", [("Content-Type", "application/x-pem-file")], body)
        else:
            handler = self._handlers.get(call.service, {}).get(call.operation)
            logged = self._trails.logging() if self._recording else frozenset()
            answer = answer_call(call, handler, lambda: self._by_moto(environ))
            if self._recording:
                record = record_of(call, environ, answer, self._account)
                if record is not None:
                    self._history.add(record)
                    self._trails.send([record], logged)
        headers = [h for h in answer.headers if h[0].lower() != "content-length"]
        headers.append(("Content-Length", str(len(answer.body))))
        start_response(answer.status, headers)
        return [answer.body]

    def _by_moto(self, environ: WSGIEnvironment) -> Answer:
        body = environ["wsgi.input"].read()
        environ["wsgi.input"] = io.BytesIO(body)
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = self.account_id
        return run_app(self._moto, environ)
