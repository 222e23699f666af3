"""`trailwatch oncall`: what people enter in an on-call service by hand. Calls none."""

from __future__ import annotations

import argparse
import json

from setup.actions import incoming_actions


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of trailwatch."""
    oncall = commands.add_parser("oncall", help="what to enter in an on-call service by hand")
    parts = oncall.add_subparsers(dest="part", required=True, metavar="PART")
    actions = parts.add_parser(
        "actions", help="print the actions of an Amazon SNS integration (JSON)"
    )
    actions.add_argument("--site", default="main", help="name of the site, for the alerts' tags")
    actions.add_argument(
        "--auto-close", action="store_true", help="an alarm's return to OK closes its alert"
    )
    actions.set_defaults(run=_actions)


def _actions(options: argparse.Namespace) -> int:
    found = incoming_actions(options.site, auto_close=options.auto_close)
    print(json.dumps(found, indent=2))
    return 0
