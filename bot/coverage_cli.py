"""`trailwatch coverage`: a site's live filters beside CIS and Security Hub; it changes nothing.

Exit codes as in bot.cli: 1 where a control is not wholly covered.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trailwatch.coverage import ControlCoverage

OK, FOUND = 0, 1
SHOWN_EVENTS = 5


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `coverage` to the command line."""
    coverage = commands.add_parser(
        "coverage", help="how far the live filters meet CIS and Security Hub"
    )
    coverage.add_argument("--site", default="", help="one of the settings; else the first")
    coverage.add_argument("--json", action="store_true", help="for other programs")
    coverage.add_argument("--config", type=Path, help="a trailwatch.toml, as for `serve`")
    coverage.set_defaults(run=_coverage)


def _coverage(options: argparse.Namespace) -> int:
    from bot.clients import SiteClients
    from bot.settings import settings_here
    from setup.clients import Clients, NoSecrets
    from setup.coverage import live_filters
    from trailwatch.coverage import Verdict, judge, load_controls
    from trailwatch.detections import load_catalogue

    sites = SiteClients(settings_here(options.config))
    site = sites.site(options.site)
    aws = sites.building(options.site)
    live = live_filters(Clients(aws, None, NoSecrets()), site.region)
    found = judge(load_controls(load_catalogue()), live.filters)
    if options.json:
        print(json.dumps(as_json(site.name, found, live.notes), indent=2))
    else:
        print("\n".join(as_text(found, live.notes)))
    return OK if all(one.verdict is Verdict.COVERED for one in found) else FOUND


def as_text(found: Sequence[ControlCoverage], notes: Sequence[str]) -> Iterator[str]:
    """A table of the controls, then what each gap is."""
    rows = [("CIS", "Security Hub", "control", "by meaning", "Prowler's text", "Hub's text")]
    for one in found:
        passes = {text.scanner: "passes" if text.passes else "fails" for text in one.texts}
        control = one.control
        texts = (passes.get("Prowler", "-"), passes.get("Security Hub", "-"))
        rows.append((control.number, control.hub or "-", control.id, one.verdict.value, *texts))
    wide = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, wide, strict=True)).rstrip()
    for one in found:
        if one.reason:
            yield f"\n{one.control.number} {one.control.id}: {one.reason}"
        elif one.hidden:
            yield f"\n{one.control.number} {one.control.id} is told, except:"
        for hidden in one.hidden:
            events = ", ".join(hidden.events[:SHOWN_EVENTS])
            more = hidden.count - min(len(hidden.events), SHOWN_EVENTS)
            yield f"- {events}{f' and {more} more' if more > 0 else ''}"
            yield f"  {hidden.filter} asks that {hidden.clause}"
    for note in notes:
        yield f"\nNote: {note}"


def as_json(site: str, found: Sequence[ControlCoverage], notes: Sequence[str]) -> dict[str, Any]:
    """The same for other programs; `tested` counts labelled events, `count` hidden ones."""
    return {
        "site": site,
        "controls": [
            {
                "control": one.control.id,
                "title": one.control.title,
                "cis": dict(one.control.cis),
                "security_hub": one.control.hub or None,
                "by_meaning": one.verdict.value,
                "tested": one.tested,
                "filters": list(one.filters),
                "reason": one.reason or None,
                "hidden": [
                    {
                        "filter": hidden.filter,
                        "clause": hidden.clause,
                        "events": list(hidden.events),
                        "count": hidden.count,
                    }
                    for hidden in one.hidden
                ],
                "by_text": {
                    text.scanner: {"passes": text.passes, "filter": text.filter or None}
                    for text in one.texts
                },
            }
            for one in found
        ],
        "notes": list(notes),
    }
