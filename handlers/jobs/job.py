"""Knows what a job's handler is given and may answer. Runs nothing: bot.worker does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol


class JobContext(Protocol):
    """One try of a job."""

    @property
    def id(self) -> int: ...

    @property
    def kind(self) -> str: ...

    @property
    def args(self) -> Mapping[str, Any]: ...

    @property
    def attempt(self) -> int:
        """1 for the first try."""
        ...

    @property
    def resumed(self) -> bool:
        """Whether an earlier try was cut off: look before you write."""
        ...

    def step(self, name: str, function: Callable[[], Any]) -> Any:
        """The function's JSON result; run once for the job, remembered ever after."""
        ...

    def beat(self) -> None:
        """Say that the job is alive."""
        ...


@dataclass(frozen=True)
class Later:
    """Do this job again after a while, with other arguments where they are given."""

    delay: timedelta
    args: Mapping[str, Any] | None = None


JobHandler = Callable[[JobContext], Later | None]


TRIES = 3
"""How often a job that somebody waits for is tried before they are told of the failure."""


def worth_another_try(job: JobContext, error: Exception) -> bool:
    """Whether a failure may pass and the job has tries left: then the handler raises it again."""
    return bool(getattr(error, "retryable", False)) and job.attempt < TRIES
