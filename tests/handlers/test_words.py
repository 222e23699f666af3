"""Numbers and names in sentences: one of something is one, and what is internal stays within."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handlers import samples
from handlers.blocks.backtest import backtest_message
from handlers.blocks.pattern import pattern_matches
from handlers.blocks.troubles import Health, health_message
from handlers.blocks.who import who_line
from trailwatch.backtest import Backtest, Found, subject_of
from trailwatch.backtest.result import Share
from trailwatch.detections import SiteFacts, load_catalogue

DETECTION = load_catalogue()["root-usage"]


def test_a_count_is_apart_from_the_name_before_it() -> None:
    name = "deploy (role trailwatch-deploy-2)"
    found = Found(
        subject_of(DETECTION, SiteFacts()), 2, (), 0, 2, (Share(name, 2),), (), (), None, None, ()
    )
    result = Backtest((found,), 1, 2, 0, (), None, True)
    assert f"{name} (2×)" in str(backtest_message("root-usage", result, samples.NOW, "bob").blocks)


@pytest.mark.parametrize(("others", "said"), [("1", "*+1 other* in"), ("2", "*+2 others* in")])
def test_others_in_the_thread(others: str, said: str) -> None:
    alert = replace(samples.ALERT, extra={"who": "jane", "who_others": others})
    assert said in str(who_line(alert))


def test_one_event_matches() -> None:
    window = (samples.FIRED, samples.NOW)
    for events, said in ((samples.EVENTS[:1], "1 event matches"), ((), "0 events match")):
        text = pattern_matches("{ $.a = 1 }", events, window, complete=True).text
        assert text == f"{said} this pattern."


def test_what_is_due_is_said_in_words() -> None:
    names = ("digest", "drift", "prune", "reconcile", "catch up")
    health = Health(0, {}, {}, {}, (), None, None, dict.fromkeys(names, samples.NOW))
    text = str(health_message(health, samples.NOW, "daily", admin=False).blocks)
    assert "removal of what is too old to keep" in text
    assert "look at all open alerts" in text
    assert "prune" not in text and "reconcile" not in text and "catch up" not in text
