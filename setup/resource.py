"""Knows what a Resource is to plan and apply. Holds no resource and calls nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from setup.change import Fields

if TYPE_CHECKING:
    from setup.clients import Clients

MARK = "trailwatch:site"
"""The tag that says whose a resource is; its value is the site's name."""

Need = tuple[str, str, str]
"""(phase "read", "write" or "delete"; IAM action; ARN that it acts on)."""


class Resource(Protocol):
    """One thing of the pipeline, as it is wanted."""

    @property
    def kind(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def permissions(self) -> tuple[Need, ...]:
        """The IAM actions that its calls need."""

    def wanted(self) -> dict[str, Any]:
        """The field map as it should be; the same keys as `read`, and "tags" where it has any."""

    def read(self, clients: Clients) -> dict[str, Any] | None:
        """The field map as it stands; None where the resource doesn't exist. Raises
        ProviderError. Tags may be left out: they cost a call each and are read when needed."""

    def tags(self, clients: Clients) -> dict[str, str] | None:
        """The tags of the existing resource; None for a kind that has none."""

    def write(self, clients: Clients, before: Fields | None) -> None:
        """Create it (before is None) or bring what differs from `before` to what is wanted."""

    def delete(self, clients: Clients) -> None:
        """Delete it; one that is gone already is fine."""
