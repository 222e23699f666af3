"""Knows which numbers are shown to Prometheus. Counts nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

Numbers = Callable[[], Mapping[str, float]]
"""Gives the present numbers by name; a name that ends in "_total" is a counter."""


class _Collector:
    def __init__(self, sources: Iterable[Numbers]) -> None:
        self._sources = tuple(sources)

    def collect(self) -> Iterable[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        for source in self._sources:
            for name, value in source().items():
                family = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
                full = f"trailwatch_{name}"
                yield family(full, name.replace("_", " "), value=value)


def serve_metrics(port: int, host: str, sources: Iterable[Numbers]) -> Callable[[], None]:
    """Serve /metrics on a port of its own; returns what stops it."""
    from prometheus_client import CollectorRegistry, start_http_server

    registry = CollectorRegistry()
    registry.register(_Collector(sources))
    server, thread = start_http_server(port, addr=host, registry=registry)

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join(5)

    return stop
