"""Knows the AWS stand-in as a whole: moto, what it lacks, and how calls reach either."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from moto.cloudtrail.models import Trail
from moto.iam.models import get_account_id_from

from sandbox.aws import bucket_access, organization, snapshot
from sandbox.aws.acts import act
from sandbox.aws.backends import Account
from sandbox.aws.deliveries import Deliveries
from sandbox.aws.dispatch import Dispatcher
from sandbox.aws.envelopes import Envelopes
from sandbox.aws.event_history import event_time
from sandbox.aws.one_account import OneAccount
from sandbox.aws.operations import answer_call
from sandbox.aws.protocol import AwsCall, Refusal, arguments, read_call, write_error
from sandbox.aws.recorder import access_key, record_of
from sandbox.aws.signing import Signer
from sandbox.aws.sts import Sts
from sandbox.faults import Fault, Faults
from sandbox.wire import Answer, CallLog, Sender, Server, guard, run_app

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
    `state` is a folder in which the account lives on between two runs; without it each start is
    fresh. `others` are further accounts, each with the external id that its roles ask for;
    `organization` names the accounts of an organization that the first one manages.
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
        others: Mapping[str, str] | None = None,
        organization: Mapping[str, str] | None = None,
        delivery_delay: float = 0.0,
        recording: bool = False,
        port: int = 0,
        state: Path | None = None,
    ) -> None:
        self.region = region
        self.account_id = account
        self._folder = state
        self._recording = recording
        self._moto: Any = Dispatcher()
        self._current = threading.local()
        app = guard(
            "aws",
            self._application,
            calls=calls,
            faults=faults,
            describe=self._describe,
            fault_body=self._fault_body,
        )
        self._server = Server(app, port, "aws", whole=True)
        self.url = self._server.url
        """AWS_ENDPOINT_URL for boto3."""
        signer = Signer(f"sns.{region}.amazonaws.com")
        self.certificate_pem = signer.certificate_pem
        """The certificate whose key signs SNS messages."""
        self.signing_ca = signer.authority_pem
        """The authority that issued it, PEM."""
        self._certificate_path = signer.certificate_path
        self.signing_cert_url = self.url + signer.certificate_path
        self._deliveries = Deliveries(sender, speed)
        envelopes = Envelopes(signer, self.url)
        self._organization = organization
        self._external_ids = {account: "", **(others or {})}
        self._accounts = {
            one: OneAccount(
                Account(one, region), self._deliveries, envelopes, self.url, speed, delivery_delay
            )
            for one in self._external_ids
        }
        self._main = self._accounts[account]
        self._sts = Sts(lambda: {i: one.account for i, one in self._accounts.items()}, account)

    def start(self) -> None:
        """Serve, with what `state` keeps, else with an account that is empty but for two roles."""
        bucket_access.install()
        self._main.account.clear()
        for one, part in self._accounts.items():
            part.account.make_roles(self.account_id, self._external_ids[one])
        if self._organization:
            organization.found(self.account_id, self._organization)
        kept = snapshot.load(self._folder) if self._folder else None
        if kept is not None:
            for name, part in self._parts().items():
                if name in kept:
                    part.restore(kept[name])
        for each in self._accounts.values():
            each.start()
        self._server.start()

    def stop(self) -> None:
        """End every thread and, with a `state` folder, keep the state; SNS's queue is lost."""
        self._server.stop()
        for each in self._accounts.values():
            each.stop()
        self._deliveries.stop()
        if self._folder:
            own = {name: part.state() for name, part in self._parts().items()}
            snapshot.save(self._folder, own)
        self._main.account.clear()

    def _parts(self) -> dict[str, Any]:
        """What has a state of its own beside moto's; of the first account by its bare name."""
        found = dict(self._main.parts())
        for one, each in self._accounts.items():
            if each is not self._main:
                found |= {f"{one}/{name}": part for name, part in each.parts().items()}
        return found

    def ingest(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Take CloudTrail records, already stamped: into the event history, then each trail.

        A record goes to the account that received it, where the stand-in has it, else to the
        first. The first is the management account: its organization trails take all.
        Raises ValueError for a record without a readable eventTime; then none is taken.
        """
        for record in records:
            event_time(record)
        of: dict[str, list[Mapping[str, Any]]] = {}
        for record in records:
            told = str(record.get("recipientAccountId", ""))
            of.setdefault(told if told in self._accounts else self.account_id, []).append(record)
        for one, received in of.items():
            self._accounts[one].take(received)
            if one != self.account_id:
                self._main.trails.send(received, members=True)

    def matching_filters(self, record: Mapping[str, Any]) -> list[str]:
        """Names of the metric filters that a record meets, in any Region of the accounts whose
        trails take it."""
        message = json.dumps(record, separators=(",", ":"), ensure_ascii=False)
        of = self._accounts.get(str(record.get("recipientAccountId", "")), self._main)
        found = set(of.filters.matching(message))
        if any(trail.is_org_trail for trail in self._main.account.trails()):
            found.update(self._main.filters.matching(message))
        return sorted(found)

    def recording(self, record: Mapping[str, Any]) -> bool:
        """Whether no trail that would take a record is stopped; True where there is no trail."""
        of = self._accounts.get(str(record.get("recipientAccountId", "")), self._main)
        main = [trail for trail in self._main.account.trails() if trail.is_org_trail]
        there = [*of.account.trails(), *(main if of is not self._main else ())]
        return not there or any(trail.status.is_logging for trail in there)

    def act(self, name: str) -> str:
        """Let somebody do what sandbox.aws.acts names; what was done. Raises NothingThere."""
        return act(name, self.url, self.region)

    def trails(self) -> list[Trail]:
        """Every trail of every account."""
        return [trail for one in self._accounts.values() for trail in one.account.trails()]

    def stop_trails(self) -> None:
        """Stop the logging of every trail, as somebody who covers tracks would."""
        for trail in self.trails():
            trail.stop_logging()

    def start_trails(self) -> None:
        """Start the logging of every trail."""
        for trail in self.trails():
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
            called = self._accounts[self._account_of(call, environ)]
            handler = called.handlers.get(call.service, {}).get(call.operation)
            if call.service == "sts":
                handler = self._sts.handlers().get(call.operation)
            logged = called.trails.logging() if self._recording else frozenset()
            answer = answer_call(call, handler, lambda: self._by_moto(environ, called.account.id))
            if self._recording:
                record = record_of(call, environ, answer, called.account)
                if record is not None:
                    called.history.add(record)
                    called.trails.send([record], logged)
                    if called is not self._main:
                        self._main.trails.send([record], members=True)
        headers = [h for h in answer.headers if h[0].lower() != "content-length"]
        headers.append(("Content-Length", str(len(answer.body))))
        start_response(answer.status, headers)
        return [answer.body]

    def _account_of(self, call: AwsCall, environ: WSGIEnvironment) -> str:
        """The account whose role or user signed a call; of a link in a message, the topic's."""
        if not call.signed:
            arn = str(call.get("TopicArn") or call.get("SubscriptionArn") or "")
            found = arn.split(":")[4] if arn.count(":") > 4 else ""
        else:
            found = get_account_id_from(access_key(environ))
        return found if found in self._accounts else self.account_id

    def _by_moto(self, environ: WSGIEnvironment, account: str) -> Answer:
        body = environ["wsgi.input"].read()
        environ["wsgi.input"] = io.BytesIO(body)
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = account
        return run_app(self._moto, environ)
