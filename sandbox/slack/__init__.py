"""Knows Slack well enough to stand in for it on loopback. Never the product."""

from sandbox.slack.refusals import SlackRefusal
from sandbox.slack.standin import SlackStandIn

__all__ = ["SlackRefusal", "SlackStandIn"]
