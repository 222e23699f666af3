"""The Opsgenie stand-in against the service's own API description, by schemathesis."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sandbox.faults import Faults
from sandbox.opsgenie import OpsgenieStandIn
from sandbox.wire import CallLog, Sender

MANY = int(os.environ.get("TRAILWATCH_EXAMPLES", "1"))
PHASES = "examples,coverage,fuzzing" if MANY > 1 else "examples,coverage"


@pytest.mark.timeout(300)
def test_answers_conform_to_the_published_description(shared: Path, tmp_path: Path) -> None:
    calls, faults = CallLog(), Faults(random.Random(1).random)
    standin = OpsgenieStandIn(calls=calls, faults=faults, sender=Sender(calls, faults))
    standin.start()
    try:
        ran = subprocess.run(
            [
                str(Path(sys.executable).with_name("schemathesis")),
                "run",
                str(shared / "data/opsgenie/opsgenie-oas-swagger.json"),
                f"--url={standin.url}",
                f"--header=Authorization: GenieKey {standin.api_key}",
                "--include-path-regex=^/v2/(alerts|integrations)",
                "--checks=not_a_server_error,status_code_conformance,response_schema_conformance",
                f"--phases={PHASES}",
                f"--max-examples={3 * MANY}",
                "--seed=1",
                "--generation-database=none",
                "--no-color",
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=250,
            check=False,
        )
    finally:
        standin.stop()
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]
    # It did reach the stand-in, and some of what it sent was good enough to be taken.
    assert {c["status"] for c in calls.list("opsgenie")} >= {200, 202, 404, 422}


def test_the_answers_that_matter_conform_with_something_in_them(shared: Path) -> None:
    description = json.loads((shared / "data/opsgenie/opsgenie-oas-swagger.json").read_text())
    judge = jsonschema.Draft202012Validator
    judge.check_schema({"definitions": description["definitions"]})  # once: they are many
    calls, faults = CallLog(), Faults(random.Random(1).random)
    standin = OpsgenieStandIn(calls=calls, faults=faults, sender=Sender(calls, faults))
    standin.start()

    def call(method: str, path: str, template: str, body: object = None) -> Any:
        request = urllib.request.Request(
            standin.url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"GenieKey {standin.api_key}"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            found, status = json.loads(answer.read()), str(answer.status)
        schema = description["paths"][template][method.lower()]["responses"][status].get("schema")
        if schema:
            judge.check_schema(schema)
            judge({**schema, "definitions": description["definitions"]}).validate(found)
        return found

    try:
        made = call("POST", "/v2/alerts", "/v2/alerts", {"message": "m", "note": "n", "alias": "x"})
        while not standin.alerts():
            time.sleep(0.01)
        standin.act("x", "snooze", {"endTime": _tomorrow()})
        standin.act("x", "acknowledge", {"user": "a"})
        call("GET", f"/v2/alerts/requests/{made['requestId']}", "/v2/alerts/requests/{requestId}")
        one, path = "/v2/alerts/{identifier}", f"/v2/alerts/{standin.alerts()[0]['id']}"
        assert call("GET", "/v2/alerts", "/v2/alerts")["data"]
        assert call("GET", path, one)["data"]["report"]["acknowledgedBy"] == "a"
        for part in ("notes", "logs"):
            assert call("GET", f"{path}/{part}", f"{one}/{part}")["data"]
        _integrations(call, shared)
    finally:
        standin.stop()


def _tomorrow() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86_400))


def _integrations(call: Any, shared: Path) -> None:
    every, one = "/v2/integrations", "/v2/integrations/{id}"
    folder = shared / "data/opsgenie"
    actions = json.loads((folder / "CONSTRUCTED-integration-actions-put.json").read_text())
    for name in ("amazonsns", "webhook"):
        wanted = json.loads((folder / f"integration-create-{name}-request.json").read_text())
        ident = call("POST", every, every, wanted)["data"]["id"]
        assert call("GET", f"{every}/{ident}", one)["data"]["name"] == wanted["name"]
        call("PUT", f"{every}/{ident}", one, wanted)
        call("PUT", f"{every}/{ident}/actions", f"{one}/actions", actions)
        kept = call("GET", f"{every}/{ident}/actions", f"{one}/actions")["data"]
        assert kept["create"][0]["alias"] == actions["create"][0]["alias"]
        call("POST", f"{every}/{ident}/disable", f"{one}/disable")
    assert len(call("GET", every, every)["data"]) == 3
