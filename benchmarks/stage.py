"""Knows how to start what is measured, and how to print figures. Never what is good enough."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from sandbox.driver import SandboxProcess

STATE = "state"
"""The folder, in the sandbox's own, that keeps its state."""


@contextlib.contextmanager
def sandbox(*arguments: str) -> Iterator[SandboxProcess]:
    """A fresh sandbox in a folder of its own; both are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="trailwatch-bench-") as folder:
        state = str(Path(folder) / STATE)
        started = SandboxProcess("--state", state, *arguments, folder=Path(folder))
        try:
            yield started
        finally:
            started.stop()


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that `percent` % of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(0, int(rank) - 1)]


def row(name: str, values: Sequence[float], unit: str = "ms") -> list[str]:
    """A table row of a sample: its name, n, p50, p95, p99 and maximum."""
    if not values:
        return [name, "0", "-", "-", "-", "-"]
    figures = [percentile(values, p) for p in (50, 95, 99, 100)]
    return [name, str(len(values)), *(f"{figure:.2f} {unit}" for figure in figures)]


HEADINGS = ("", "n", "p50", "p95", "p99", "max")


def table(rows: Sequence[Sequence[str]], headings: Sequence[str] = HEADINGS) -> None:
    """Print a Markdown table, columns aligned."""
    wide = [max(len(r[i]) for r in (headings, *rows)) for i in range(len(headings))]

    def line(cells: Sequence[str]) -> str:
        first, *rest = zip(cells, wide, strict=True)
        return " | ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)])

    print(f"| {line(headings)} |")
    print(f"|{'|'.join('-' * (width + 2) for width in wide)}|")
    for cells in rows:
        print(f"| {line(cells)} |")
    sys.stdout.flush()


def header(title: str) -> None:
    """Print what is measured, when and on what; the load tells how quiet the machine was."""
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(
        f"\n{title}\n{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, load average {load}\n"
    )
    sys.stdout.flush()


def quick() -> bool:
    """Whether --quick is given, the only argument: a short run that shows that all works."""
    given = sys.argv[1:]
    if given not in ([], ["--quick"]):
        raise SystemExit(f"usage: {sys.argv[0]} [--quick]")
    return bool(given)
