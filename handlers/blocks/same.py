"""Knows how an alert names the others that saw the same event. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.blocks import kit
from handlers.blocks.kit import Block, count, esc, label, link
from trailwatch.alert import Alert

SHOWN = 5


def same_extra(others: Sequence[tuple[Alert, str]]) -> dict[str, str]:
    """What an alert keeps of the others, each with the address of its message, "" for none."""
    return {
        "same_titles": "\n".join(f"{one.severity} {label(one.title, 100)}" for one, _ in others),
        "same_urls": "\n".join(url for _, url in others),
    }


def same_line(alert: Alert) -> list[Block]:
    """Which alarms saw the same event, each a link to its message; else []."""
    titles = _titles(alert)
    if not titles:
        return []
    urls = alert.extra.get("same_urls", "").split("\n")
    urls += [""] * len(titles)
    pairs = list(zip(titles, urls, strict=False))[:SHOWN]
    names = ", ".join(
        link(url, esc(title, 120)) if url else esc(title, 120) for title, url in pairs
    )
    return [kit.context(f":link: Also seen by: {names}{_more(titles)}")]


def same_sentence(alert: Alert) -> str:
    """The same in plain words, "" where nothing else saw it."""
    titles = _titles(alert)
    names = ", ".join(esc(title, 120) for title in titles[:SHOWN])
    return f"Also seen by: {names}{_more(titles)}." if titles else ""


def _titles(alert: Alert) -> list[str]:
    return [one for one in alert.extra.get("same_titles", "").split("\n") if one]


def _more(titles: Sequence[str]) -> str:
    left = len(titles) - SHOWN
    return f" and {count(left, 'more alarm')}" if left > 0 else ""
