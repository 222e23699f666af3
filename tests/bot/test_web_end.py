"""The bot's web server ends soon, though clients keep their connections open."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from waitress.server import create_server
from waitress.trigger import trigger

from bot.web import WebApp, WebRequest, WebResponse, answer, end_server

Served = tuple[object, threading.Thread, int]


@pytest.fixture
def held() -> threading.Event:
    return threading.Event()


@pytest.fixture
def entered() -> threading.Event:
    return threading.Event()


@pytest.fixture(params=["127.0.0.1:0", "127.0.0.1:0 127.0.0.2:0"], ids=["one address", "two"])
def served(
    held: threading.Event, entered: threading.Event, request: pytest.FixtureRequest
) -> Iterator[Served]:
    def slow(_: WebRequest) -> WebResponse:
        entered.set()
        held.wait(60)
        return answer(200, late=True)

    routes = {("GET", "/fast"): lambda _: answer(200, fast=True), ("GET", "/slow"): slow}
    server = create_server(WebApp(routes), listen=request.param, threads=2)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    listening = getattr(server, "effective_listen", None)
    port = listening[0][1] if listening else server.effective_port
    yield server, thread, int(port)
    held.set()
    end_server(server, thread)
    assert not thread.is_alive()


def test_a_connection_that_is_kept_open_holds_nothing_up(served: Served) -> None:
    server, thread, port = served
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as client:
        client.request("GET", "/fast")
        with client.getresponse() as response:
            response.read()
        end_server(server, thread)
        assert not thread.is_alive()


def test_a_request_under_way_is_answered(
    served: Served, held: threading.Event, entered: threading.Event
) -> None:
    server, thread, port = served
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as client:
        client.request("GET", "/slow")
        assert entered.wait(60)
        threading.Timer(0.3, held.set).start()
        end_server(server, thread)
        with client.getresponse() as response:
            assert response.status == 200
            response.read()
    assert not thread.is_alive()


def test_a_request_that_wakes_the_loop_first_breaks_nothing(served: Served) -> None:
    server, thread, _ = served
    wakers = [part for part in _parts(server) if isinstance(part, trigger)]
    pull = wakers[0]._physical_pull

    def woken_before() -> None:
        pull()  # as a worker does that has just answered
        time.sleep(0.2)
        pull()

    wakers[0]._physical_pull = woken_before
    end_server(server, thread)
    assert not thread.is_alive()


def _parts(server: Any) -> list[Any]:
    return list((server.map if hasattr(server, "map") else server._map).values())
