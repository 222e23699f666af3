"""A real Chromium for the tests; a page whose console must stay silent."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WAIT_MS = 60_000


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, or the one that $CHROMIUM names; without one the tests fail."""
    named = os.environ.get("CHROMIUM")
    found = next(filter(None, map(shutil.which, [named] if named else NAMES)), None)
    if found is None:
        pytest.fail(
            f"No Chromium at {named or 'PATH'}: apt-get install chromium, or name one:"
            " CHROMIUM=/path/to/chromium make test",
            pytrace=False,
        )
    with sync_playwright() as playwright:
        expect.set_options(timeout=WAIT_MS)
        started = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield started
        started.close()


@dataclass
class Said:
    """What a page has said that it should not have: errors, warnings, failed requests."""

    things: list[str] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.things.append(f"uncaught: {error}"))
        page.on("response", self._response)
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.things.append(f"console {message.type}: {message.text}")

    def _response(self, response: Any) -> None:
        if response.status >= 400:
            self.things.append(f"{response.status} for {response.url}")

    def _request(self, request: Any) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            self.things.append(f"the page asks for {request.url}")


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page of 1280 × 900; errors, warnings and requests that leave this machine fail."""
    said = Said()
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, color_scheme="light", timezone_id="Europe/Zurich"
    )
    context.set_default_timeout(WAIT_MS)
    opened = context.new_page()
    said.listen(opened)
    yield opened
    context.close()
    assert said.things == []
