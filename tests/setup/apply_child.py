"""A process that applies plans in children of its own, each of which may be killed at any moment.

Started by test_setup_killed.py with the addresses of AWS and Opsgenie, Opsgenie's key and a folder
with plan.json. For each line that it reads it forks a child, which applies the plan, and writes
the child's id, then how it ended. Everything is imported and made before the forks: a child
begins within milliseconds.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from setup.apply import ProgressState, apply
from setup.clients import Clients
from setup.opsgenie_api import IntegrationsApi
from setup.plan import Plan
from trailwatch.aws import Aws, Keys
from trailwatch.detections import load_catalogue
from trailwatch.site import Site, SiteConfig

SERVICES = ("cloudtrail", "cloudwatch", "iam", "logs", "s3", "sns", "sts")
FAILED = 3


class FileSecrets:
    """Secrets in a file: what one process keeps, the next one has."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def get(self, name: str) -> str | None:
        found: dict[str, str] = json.loads(self._file.read_text()) if self._file.exists() else {}
        return found.get(name)

    def put(self, name: str, value: str) -> None:
        kept = json.loads(self._file.read_text()) if self._file.exists() else {}
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps({**kept, name: value}))
        new.replace(self._file)


def main(aws_url: str, opsgenie_url: str, key: str, folder: str) -> None:
    aws = Aws("us-east-1", aws_url, Keys("AKIAEXAMPLEEXAMPLE00", "example"), max_attempts=1)
    for service in SERVICES:
        aws.client(service)
    plan = Plan.from_json((Path(folder) / "plan.json").read_text())
    config = SiteConfig(
        Site("main", "123456789012", "us-east-1"),
        router_url=opsgenie_url,
        public_url="https://bot.example.com",
    )
    detections = load_catalogue().pack("walkthrough")[:1]
    secrets = FileSecrets(Path(folder) / "secrets.json")
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            api = IntegrationsApi(opsgenie_url, key)
            clients = Clients(aws, api, secrets, pace=0.0, patience=5.0)
            progress = apply(
                plan, config, detections, clients, lambda: datetime.now(UTC), resume=True
            )
            failed = [one for one in progress if one.state is ProgressState.FAILED]
            for one in failed:
                print(one.change.key, one.error, file=sys.stderr, flush=True)
            os._exit(FAILED if failed else 0)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
