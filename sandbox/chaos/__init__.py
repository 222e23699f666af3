"""A run in which everything fails: Slack, Opsgenie, the bot itself; judged by what Slack shows."""

from sandbox.chaos.run import Chaos, Outcome, Wanted

__all__ = ["Chaos", "Outcome", "Wanted"]
