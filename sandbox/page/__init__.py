"""Knows how a Slack channel looks in a browser. Never what the bot means by what it posts."""

from sandbox.page.app import PageApp

__all__ = ["PageApp"]
