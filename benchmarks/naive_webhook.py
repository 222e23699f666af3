"""The peer of throughput.py: posts each webhook to Slack, then answers 200. Keeps nothing."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import waitress
from slack_sdk import WebClient
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler


def application(client: WebClient, channels: list[str]) -> Any:
    """A WSGI application as a team would write it in an afternoon, slack_sdk's retries included."""

    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if environ["REQUEST_METHOD"] == "POST":
            alert = json.loads(body)["alert"]
            number = int(alert["details"]["aws_account"]) % 1_000_000
            text = f"{alert['priority']}: {alert['message']}"
            block = {"type": "section", "text": {"type": "mrkdwn", "text": text}}
            client.chat_postMessage(channel=channels[number], text=text, blocks=[block])
        start("200 OK", [("Content-Length", "0")])
        return [b""]

    return answer


def start(order: Mapping[str, Any]) -> int:
    environ = order["environ"]
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    client = WebClient(environ["SLACK_BOT_TOKEN"], environ["SLACK_API_BASE_URL"])
    client.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=3))
    channels = environ["BENCH_CHANNELS"].split(",")
    waitress.serve(application(client, channels), host="127.0.0.1", port=int(environ["PORT"]))
    return 0


def main() -> None:
    """The same protocol as chaos_bot.py: an order a line, an answer a line."""
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "prepare":
            print(json.dumps({"status": 0}), flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            os._exit(start(order))
        print(json.dumps({"pid": pid}), flush=True)


if __name__ == "__main__":
    main()
