"""Measures how long the sandbox takes to be ready. Target: 15 s."""

from __future__ import annotations

import time

from stage import header, quick, row, sandbox, table


def main() -> None:
    runs = 2 if quick() else 5
    header(f"start: from the command to `ready` in GET /api/status, {runs} runs")
    ready, stopped = [], []
    for _ in range(runs):
        with sandbox() as started:
            ready.append(started.seconds_to_ready)
            began = time.monotonic()
        stopped.append(time.monotonic() - began)
    table([row("ready", ready, "s"), row("ended after Ctrl-C", stopped, "s")])


if __name__ == "__main__":
    main()
