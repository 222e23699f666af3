"""What a newcomer does on the sandbox's page, in a real browser: the main job, click by click."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.journey]


@pytest.fixture(scope="module")
def sandbox(start_sandbox: Callable[..., Any]) -> Iterator[Any]:
    started = start_sandbox("--speed", "60")
    yield started
    assert started.stop() == 0


@pytest.fixture(scope="module")
def applied(sandbox: Any) -> None:
    """The pipeline, for the tests that only look at what comes after it."""
    if not any("Applied" in m["text"] for m in sandbox.messages()):
        sandbox.set_up()


def type_command(page: Page, text: str) -> None:
    page.locator("#composer").fill(text)
    page.keyboard.press("Enter")
    expect(page.locator("#composer")).to_have_value("")


def alert_titled(page: Page, title: str) -> Locator:
    return page.locator("#messages [data-ts]").filter(
        has=page.get_by_role("heading", name=re.compile(title))
    )


def action(within: Locator, action_id: str) -> Locator:
    return within.locator(f"button[data-action-id='{action_id}']:not([data-menu])")


def until_background(page: Page, fits: str) -> None:
    """Until the sum of the page's background colour fits: 0 is black, 765 white."""
    page.wait_for_function(
        "getComputedStyle(document.querySelector('#main')).backgroundColor"
        f".match(/\\d+/g).slice(0, 3).reduce((sum, part) => sum + +part, 0) {fits}"
    )


def test_the_main_job_click_by_click(sandbox: Any, page: Page) -> None:
    page.goto(sandbox.url)
    type_command(page, "/trailwatch setup plan")
    plan = page.locator("#messages [data-ts]").filter(
        has=page.locator("[data-action-id='plan.apply']")
    )
    expect(plan).to_have_count(1)
    expect(plan).to_contain_text("trailwatch-iam-user-created")
    ts = plan.get_attribute("data-ts")
    action(plan, "plan.apply").click()
    question = page.get_by_role("alertdialog")
    expect(question).to_contain_text("22")
    question.locator("[data-confirm=yes]").click()
    applied = page.locator(f"#messages [data-ts='{ts}']")
    expect(applied).to_contain_text("Applied")
    expect(applied).to_contain_text("22 created")
    expect(applied.locator("[data-action-id='plan.apply']")).to_have_count(0)

    page.locator("[data-scenario='create-user']").click()
    expect(page.locator("#happened")).to_contain_text("1 record accepted")
    alert = alert_titled(page, "IAM user created")
    expect(alert).to_have_count(1)
    table = alert.locator("table")
    expect(table).to_be_visible()
    row = table.locator("tbody tr")
    expect(row).to_have_count(1)
    for text in ("alice@example.com via SSO", "CreateUser", "203.0.113.45", "ok"):
        expect(row).to_contain_text(text)
    expect(alert).to_contain_text("FIRING")

    action(alert, "alert.acknowledge").click()
    expect(alert).to_contain_text("Acknowledged by")
    expect(action(alert, "alert.acknowledge")).to_have_count(0)
    expect(page.locator("#alerts .state")).to_have_text("acknowledged")

    action(alert, "alert.events").click()
    alert.locator("[data-open-thread]").filter(has_text="1 reply").click()
    reply = page.locator("#replies [data-ts]").filter(has_text="CreateUser").last
    expect(reply).to_contain_text("alice@example.com")
    page.locator("[data-close-thread]").click()
    expect(page.locator("#thread")).to_be_hidden()

    close = action(alert, "alert.close")
    close.click()
    expect(question).to_contain_text("IAM user created")
    question.locator("[data-confirm=no]").last.click()
    expect(question).to_have_count(0)
    expect(close).to_be_focused()
    close.click()
    question.locator("[data-confirm=yes]").click()
    expect(alert).to_contain_text("CLOSED by alice")
    expect(action(alert, "alert.close")).to_have_count(0)

    page.locator("#home-tab").click()
    home = page.locator("#home")
    expect(home).to_contain_text("admin")
    expect(home).to_contain_text("acknowledge")


def test_what_a_colleague_does_in_opsgenie_shows_here(
    sandbox: Any, applied: None, page: Page
) -> None:
    page.goto(sandbox.url)
    page.locator("[data-first='root']").click()
    alert = alert_titled(page, "Root")
    expect(alert).to_contain_text("FIRING")
    there = page.locator("#alerts [data-alert]").filter(has_text="root")
    expect(page.locator("#colleague")).to_have_value("bob@example.com")
    there.locator(".answer summary").click()
    there.locator("[data-of='notes']").fill("I look at it")
    there.locator("[data-og='notes']").click()
    expect(alert).to_contain_text("I look at it")
    there.locator("[data-of='assign']").select_option("carol@example.com")
    there.locator("[data-og='assign']").click()
    expect(alert).to_contain_text("carol")
    there.locator("[data-og='snooze']").click()
    expect(alert).to_contain_text("SNOOZED")
    expect(there.locator(".state")).to_have_text("snoozed")


def test_carol_is_told_who_may(sandbox: Any, applied: None, page: Page) -> None:
    page.goto(sandbox.url)
    page.locator("#user").select_option("carol")
    page.wait_for_url("**user=carol**")
    type_command(page, "/trailwatch setup plan")
    refusal = page.locator("#messages [data-ts]").last
    expect(refusal).to_contain_text("Only visible to you")
    expect(refusal).to_contain_text("admin")
    page.locator("#home-tab").click()
    expect(page.locator("#home")).to_contain_text("viewer")


def test_the_dark_theme_is_dark_and_stays(sandbox: Any, applied: None, page: Page) -> None:
    page.goto(sandbox.url)
    until_background(page, "> 700")
    page.locator("#theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    until_background(page, "< 200")
    page.reload()
    until_background(page, "< 200")
    page.emulate_media(color_scheme="dark")
    page.context.clear_cookies()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "auto")
    until_background(page, "< 200")


def test_commands_are_offered_while_typing(sandbox: Any, page: Page) -> None:
    page.goto(sandbox.url)
    page.locator("#composer").press_sequentially("/")
    hints = page.locator("#hints")
    expect(hints).to_be_visible()
    expect(hints).to_contain_text("/trailwatch setup plan")
    page.keyboard.press("Escape")
    expect(hints).to_be_hidden()
    page.locator("#composer").fill("/trailwatch setup paln")
    page.keyboard.press("Enter")
    expect(page.locator("#messages [data-ts]").last).to_contain_text("setup plan")


def test_what_an_attacker_writes_stays_text(sandbox: Any, applied: None, page: Page) -> None:
    page.goto(sandbox.url)
    page.locator("details.more summary").click()
    page.locator("[data-scenario='hostile-text']").click()
    alert = page.locator("#messages [data-ts]").filter(has_text="Console login failed")
    expect(alert.locator("table")).to_contain_text("mallory <!channel>")
    action(alert, "alert.events").click()
    alert.locator("[data-open-thread]").filter(has_text="1 reply").click()
    expect(page.locator("#replies [data-ts] table")).to_contain_text(["mallory <!channel>"] * 2)
    for link in page.locator("[data-ts] a[target=_blank]").all():
        where = link.get_attribute("href") or ""
        assert re.match(
            r"https://([a-z0-9-]+\.console\.aws\.amazon|app\.opsgenie|sandbox\.slack)\.com/", where
        )
    for told in page.locator("[data-ts] .mention, [data-ts] .broadcast").all():
        assert told.inner_text() in ("@alice", "@bob", "@carol")


def test_the_page_works_on_a_telephone(sandbox: Any, applied: None, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(sandbox.url)
    expect(page.locator("#composer")).to_be_visible()
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0
    page.locator("#show-side").click()
    expect(page.locator("#home-tab")).to_be_visible()
