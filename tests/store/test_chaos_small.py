"""A small run of benchmarks/chaos.py: all fails, the bot is killed, Slack shows each alert once.

With the bot's rules in a hurry, and with Slack as quick as the rest. The full one has its own.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from sandbox.chaos import Chaos, Outcome, Wanted
from sandbox.chaos.mixture import Odds

pytestmark = pytest.mark.journey

LAUNCHER = Path(__file__).resolve().parents[2] / "benchmarks" / "chaos_bot.py"
ODDS = Odds(
    failed_after=0.05,
    cut_off_after=0.05,
    applied_late=0.03,
    silent=0.01,
    silent_after=0.01,
    hang=0.8,
    soon=(0.05, 0.2),
    late=(0.6, 1.0),
    dropped=0.05,
)
HURRY = {
    "settle": 0.4,
    "verify": (1.5, 5.0),  # the late come within a second, or some on a busy machine
    "lease": 2.0,
    "edit_interval": 0.0,
    "reconcile_seconds": 2,
}
SMALL = Wanted(
    alerts=24,
    channels=4,
    rate=8.0,
    kill_every=1.0,
    most_kills=3,
    post_rate=20.0,
    odds=ODDS,
    pauses=(0.1, 1.0),
    changes=HURRY,
    sweep=7.0,
    stall=60.0,
)


def chaos(wanted: Wanted, folder: Path, database: str = "") -> Outcome:
    folder.mkdir()
    database = database or f"sqlite:///{folder}/state.db"
    with Chaos(wanted, folder, [sys.executable, str(LAUNCHER)], database) as made:
        outcome = made.run()
    if not outcome.well:
        wrong = folder / "wrong.txt"
        logs = [f"{one.name}:\n{one.read_text()[-4000:]}" for one in folder.glob("*.log")]
        print(wrong.read_text() if wrong.exists() else "", *logs, sep="\n")
    return outcome


@pytest.fixture(scope="module")
def outcomes(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> dict[str, Outcome]:
    """Three runs at the same time: most of each is waiting."""
    folder = tmp_path_factory.mktemp("chaos")
    server: str = request.getfixturevalue("postgres")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE chaos TEMPLATE template0")
    shared = server.replace("/postgres?", "/chaos?", 1)
    often = replace(ODDS, failed_after=0.4)  # so that it cannot be luck that no twin comes
    hasty = {**HURRY, "reconcile": False}
    blind = replace(SMALL, odds=often, changes=hasty, sweep=0.0, stall=3.0)
    two = replace(SMALL, replicas=2, rollup="3", freeze_for=2.5, never_back=True)
    with ThreadPoolExecutor(3) as pool:
        started = {
            "sqlite": pool.submit(chaos, SMALL, folder / "sqlite"),
            "postgres": pool.submit(chaos, two, folder / "postgres", shared),
            "blind": pool.submit(chaos, blind, folder / "blind"),
        }
        return {name: one.result() for name, one in started.items()}


def test_one_process_on_sqlite_loses_and_doubles_nothing(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["sqlite"]
    assert outcome.wrong == {} and outcome.well
    assert outcome.kills >= 2


@pytest.mark.postgres
def test_two_on_postgres_in_a_storm_lose_and_double_nothing(outcomes: dict[str, Outcome]) -> None:
    """A third never comes back, and one is stopped beyond its lease."""
    outcome = outcomes["postgres"]
    assert outcome.wrong == {} and outcome.well
    assert outcome.kills >= 2 and outcome.more["freezes"] == 1


def test_without_looking_there_are_twins(outcomes: dict[str, Outcome]) -> None:
    """The negative control: the runs above can fail."""
    assert outcomes["blind"].at_drain["twice"] > 0
