"""Knows which of moto's services a call goes to. Finds once what moto looks for at each call."""

from __future__ import annotations

from functools import cache
from typing import Any

from moto.core import responses
from moto.core.utils import method_names_from_class
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

setattr(responses, "method_names_from_class", cache(method_names_from_class))  # noqa: B010
"""Whether a service has an operation: moto lists all methods of its class at each call."""


_application_of = cache(create_backend_app)
"""A service's application with its routes; it keeps nothing, so that all stand-ins share it."""


class Dispatcher(DomainDispatcherApplication):
    """moto's own, which lists the folders of its 180 services on disk twice for each call."""

    def __init__(self) -> None:
        super().__init__(_application_of)
        self._found: dict[str, Any] = {}

    def get_backend_for_host(self, host: str | None) -> Any:
        """The service of a host name ("logs.us-east-1.amazonaws.com"), as moto finds it."""
        if host is None:
            return None
        if host not in self._found:
            self._found[host] = super().get_backend_for_host(host)
        return self._found[host]
