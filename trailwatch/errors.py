"""Knows every error that a person may be shown; never shows one itself.

TrailwatchError(what, why, fix)
├── UsageError            a command or file that cannot be understood
├── NotAllowed            the person lacks a role
├── NotFound              nothing of that name (suggests near names)
├── StalePlan             the world moved since the plan was made
├── LimitExceeded         a quota of AWS, Slack or Opsgenie, or one of ours
├── ConfigError           settings that cannot work
└── ProviderError         AWS, Opsgenie or Slack refused or did not answer
    ├── AwsError
    ├── RouterError
    └── SlackError

SDK exceptions are translated at the edge only: trailwatch.aws, trailwatch.routers,
trailwatch.search, and the Slack sender. handlers.errors shows them in Slack, bot.cli on a
terminal.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MOST_NAMES = 20
"""So many names are listed in full."""
NEAREST = 5
"""So many of more."""


class TrailwatchError(Exception):
    """An error in three parts, each one sentence without markup.

    what: what did not work; why: the reason, "" where unknown; fix: what the reader can do.
    """

    def __init__(self, what: str, why: str = "", fix: str = "") -> None:
        super().__init__(" ".join(part for part in (what, why, fix) if part))
        self.what = what
        self.why = why
        self.fix = fix


class UsageError(TrailwatchError):
    """A command, an option or a file that cannot be understood."""


class NotAllowed(TrailwatchError):
    """The person may not do this; `role` names the least role that may."""

    def __init__(self, what: str, role: str, why: str = "", fix: str = "") -> None:
        super().__init__(what, why, fix)
        self.role = role


class NotFound(TrailwatchError):
    """Nothing has that name; near names are offered in `fix`."""

    @classmethod
    def of(cls, kind: str, name: str, known: Iterable[str], see: str = "") -> NotFound:
        """Say that no `kind` is called `name`, and which of `known` may have been meant.

        see: the command that lists them, named where they are too many for a sentence.
        """
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        if near:
            fix = f"Did you mean {' or '.join(near)}?"
        elif len(names) > MOST_NAMES:
            nearest = difflib.get_close_matches(name, names, n=NEAREST, cutoff=0.0)
            more = f"and {len(names) - len(nearest)} more{f': {see}' if see else ''}"
            fix = f"Known: {', '.join(nearest)} {more}."
        elif names:
            fix = f"Known: {', '.join(names)}."
        else:
            fix = ""
        return cls(f"There is no {kind} {name!r}.", fix=fix)


class StalePlan(TrailwatchError):
    """The plan no longer fits what stands, was used, discarded, or has expired."""


class LimitExceeded(TrailwatchError):
    """More than a service or the product allows."""


class ConfigError(TrailwatchError):
    """Settings that are missing, unknown or contradict each other.

    problems: one line for each, what is wrong and how to mend it.
    """

    def __init__(
        self, what: str, why: str = "", fix: str = "", *, problems: tuple[str, ...] = ()
    ) -> None:
        super().__init__(what, why, fix)
        self.problems = problems


class ProviderError(TrailwatchError):
    """An outside service refused a call or did not answer it.

    retryable: whether the same call may succeed later.
    permission: the IAM action or API right that is missing, where that is the cause.
    """

    service = "provider"

    def __init__(
        self,
        what: str,
        why: str = "",
        fix: str = "",
        *,
        operation: str = "",
        code: str = "",
        request_id: str = "",
        permission: str = "",
        retryable: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(what, why, fix)
        self.operation = operation
        self.code = code
        self.request_id = request_id
        self.permission = permission
        self.retryable = retryable
        self.retry_after = retry_after


class AwsError(ProviderError):
    """AWS refused or did not answer; `code` is botocore's error code."""

    service = "AWS"


class RouterError(ProviderError):
    """The on-call service (Opsgenie) refused or did not answer."""

    service = "Opsgenie"


class SlackError(ProviderError):
    """Slack refused or did not answer; `code` is Slack's error word."""

    service = "Slack"
