"""Fetches alarms from the sites' queues into the inbox: deleted there once they are committed here.

Only where a site's alarms come straight to a bot that has no public address. Understands nothing.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Container, Mapping
from datetime import UTC, datetime
from typing import Any

from bot.counters import Counters
from handlers.webhooks import sns
from trailwatch.alarm_message import alarm_message
from trailwatch.aws import Aws
from trailwatch.clock import Clock, iso
from trailwatch.errors import AwsError, ProviderError
from trailwatch.site import SiteConfig
from trailwatch.sns_message import BadSnsMessage, sns_message
from trailwatch.store import inbox
from trailwatch.store.database import Database

log = logging.getLogger("trailwatch.queue")

WAIT_SECONDS = 5
"""How long SQS holds an empty answer back; ending the process waits for it."""
IDLE = 15.0
"""Seconds until a site is looked at again that has no queue, or whose queue does not answer."""
AT_ONCE = 10
KEPT = 4000
GONE = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "NonExistentQueue")


class QueuePoller:
    """One thread for each site."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        sites: Mapping[str, Callable[[], SiteConfig | None]],
        aws: Callable[[str], Aws],
        topics: Callable[[], Container[str]],
        idle: float = IDLE,
    ) -> None:
        """sites: by name what gives the site's config, None while it has no queue to be read;
        raises ProviderError. aws: what reads in a site. topics: the ARNs of our own.
        """
        self._db = db
        self._clock = clock
        self._aws = aws
        self._topics = topics
        self._idle = idle
        self._counters = Counters()
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._loop, args=(name, get), name=f"queue {name}", daemon=True)
            for name, get in sites.items()
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float = WAIT_SECONDS + 5.0) -> None:
        """Fetch nothing more; waits for the calls under way."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout)

    def metrics(self) -> dict[str, float]:
        return self._counters.read()

    def _loop(self, name: str, get: Callable[[], SiteConfig | None]) -> None:
        url = ""
        while not self._stopping.is_set():
            try:
                config = get()
                if config is None:
                    url = ""
                    self._stopping.wait(self._idle)
                    continue
                aws = self._aws(name)
                url = url or _url(aws, config)
                self._fetch(aws, url, config.site.topic_arn(config.topic))
            except ProviderError as error:
                url = ""
                gone = isinstance(error, AwsError) and error.code in GONE
                log.log(
                    logging.INFO if gone else logging.WARNING, "queue of %s: %s", name, error.what
                )
                self._stopping.wait(self._idle)
            except Exception:
                # A thread that ended would fetch nothing more, and nobody would be told.
                log.exception("queue of %s", name)
                self._stopping.wait(self._idle)

    def _fetch(self, aws: Aws, url: str, topic: str) -> None:
        answer = aws.call(
            "sqs",
            "ReceiveMessage",
            QueueUrl=url,
            MaxNumberOfMessages=AT_ONCE,
            WaitTimeSeconds=WAIT_SECONDS,
            MessageSystemAttributeNames=["SentTimestamp"],
        )
        found: list[dict[str, Any]] = answer.get("Messages", [])
        topics = self._topics() if found else ()
        for one in found:
            self._keep(str(one["MessageId"]), wrapped(one, topic), topics)
            self._counters.add("queue_messages_total")
        # One by one: a batch that is half done would have to be told apart.
        for one in found:
            aws.call("sqs", "DeleteMessage", QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])

    def _keep(self, queue_id: str, body: str, topics: Container[str]) -> None:
        now = self._clock()
        text = body.replace("\x00", "\ufffd")
        try:
            # The queue takes messages of our topic only, by its policy: no signature is needed.
            message = sns_message(body, signed=False)
            sns.pinned(message, topics)
        except BadSnsMessage as error:
            log.warning("message of a queue not understood: %s", error)
            with self._db.transaction() as tx:
                key, why = f"sqs:{queue_id}", str(error)
                inbox.put_dead(tx, key=key, source=sns.SOURCE, body=text[:KEPT], at=now, error=why)
            return
        with self._db.transaction() as tx:
            fresh = inbox.put(
                tx,
                key=sns.key_of(message),
                source=sns.SOURCE,
                body=text,
                at=now,
                lane=sns.lane_of(message),
            )
        log.info("message %s %s", message.id, "taken" if fresh else "seen before")


def wrapped(given: Mapping[str, Any], topic: str) -> str:
    """The body of a queue's message as SNS wraps it. With raw delivery it is the alarm alone; then
    its id is the queue's. By its policy the queue takes messages of its topic only.
    """
    body = str(given["Body"])
    if alarm_message(body) is None:
        return body
    sent = int(str(given.get("Attributes", {}).get("SentTimestamp") or 0)) / 1000
    envelope = {
        "Type": "Notification",
        "MessageId": str(given["MessageId"]),
        "TopicArn": topic,
        "Message": body,
        "Timestamp": iso(datetime.fromtimestamp(sent, UTC)),
    }
    return json.dumps(envelope)


def _url(aws: Aws, config: SiteConfig) -> str:
    return str(aws.call("sqs", "GetQueueUrl", QueueName=config.queue)["QueueUrl"])
