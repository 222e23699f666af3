"""/trailwatch pattern as typed in Slack: what is answered at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from handlers import samples
from handlers.access import Person
from handlers.blocks.events import events_message
from handlers.commands.grammar import parse
from handlers.commands.pattern import COMMANDS
from handlers.deps import Deps
from handlers.request import Reply, Request
from trailwatch.detections import Catalogue, Detection, load_catalogue
from trailwatch.errors import NotFound, UsageError
from trailwatch.site import Site, SiteConfig

REQUEST = Request(Person("U1", "alice"), "C1", "", "", "k1")


class OneSite:
    def chosen(self, asked: str | None, channel: str) -> str:
        return asked or "default"

    def config_or_blank(self, site: str) -> SiteConfig:
        return SiteConfig(Site("default", "123456789012", "us-east-1"), largest_instance="8xlarge")

    def detections(self, config: SiteConfig) -> tuple[Detection, ...]:
        """As many with a regular expression as a log group may have."""
        return (load_catalogue()["large-instance"],) * 5


@dataclass
class Surroundings:
    catalogue: Catalogue = field(default_factory=load_catalogue)
    sites: OneSite = field(default_factory=OneSite)


DEPS = cast(Deps, Surroundings())


def answer(text: str) -> Reply:
    call = parse(text, COMMANDS)
    return call.command.run(DEPS, REQUEST, call)


def preformatted(reply: Reply) -> list[str]:
    found = []
    for block in cast(Any, reply.blocks):
        for part in block.get("elements", ()):
            if part["type"] == "rich_text_preformatted":
                found.append("".join(one["text"] for one in part["elements"]))
    return found


def test_a_pattern_as_slack_sends_it() -> None:
    reply = answer(
        "pattern explain `{ ($.eventSource = \u201c<http://iam.amazonaws.com|iam.amazonaws.com>"
        "\u201d) &amp;&amp; ($.requestParameters.maxItems &gt; 5) }`"
    )
    pattern, said = preformatted(reply)
    assert pattern == (
        '{ ($.eventSource = "iam.amazonaws.com") && ($.requestParameters.maxItems > 5) }'
    )
    assert said.splitlines() == [
        "The message is one JSON object in which all of these hold:",
        '- eventSource is "iam.amazonaws.com"',
        "- requestParameters.maxItems is a number more than 5",
    ]


def test_the_caret_stands_below_the_error() -> None:
    reply = answer("pattern check {   $.eventName  == CreateUser }")
    assert reply.text == (
        "CloudWatch Logs refuses this pattern at column 19: Invalid metric filter pattern"
    )
    assert preformatted(reply) == ["{   $.eventName  == CreateUser }\n" + " " * 18 + "^"]


def test_a_detection_is_explained_with_its_pattern_at_the_site() -> None:
    pattern, said = preformatted(answer("pattern explain large-instance"))
    assert "instanceType = %\\.9xlarge|\\.[1-9][0-9]+xlarge" in pattern
    assert 'eventName is "RunInstances"' in said
    for verb in ("check", "explain"):
        told = answer(f"pattern {verb} large-instance").text
        assert "the pattern of the detection `large-instance`" in told


@pytest.mark.parametrize("verb", ["check", "explain", "test"])
def test_a_mistyped_id_is_no_text_to_search(verb: str) -> None:
    with pytest.raises(NotFound) as refused:
        answer(f"pattern {verb} `iam-user-creatd`")
    assert "Did you mean iam-user-created" in refused.value.fix
    assert 'To search it as text, write it in quotes: "iam-user-creatd"' in refused.value.fix
    assert preformatted(answer('pattern explain "iam-user-creatd"'))[0] == '"iam-user-creatd"'


def test_what_is_dubious_comes_with_the_pattern_to_write() -> None:
    reply = answer("pattern check { $.eventName = StopLoging }")
    assert preformatted(reply)[-1] == '{ $.eventName = "StopLogging" }'
    assert reply.text == "CloudWatch Logs takes this pattern. 1 finding."


def test_the_budget_of_regexes_counts_what_the_site_wants() -> None:
    assert answer("pattern check { $.eventName = %^Create% }").text.endswith("1 finding.")
    assert answer("pattern check { $.eventName = Create* }").text.endswith("this pattern.")


def test_without_a_pattern_the_usage_is_told() -> None:
    for text in ("pattern check", "pattern test --since 7d", "pattern explain --event x"):
        with pytest.raises(UsageError):
            answer(text)


@pytest.mark.parametrize(
    "text",
    [
        "pattern test --since 7d { $.eventName == x }",
        "pattern test { $.eventName == x } --since=7d",
        "pattern test { $.eventName == x } \u2014since 7d",
        "pattern explain -event 00000000-0000-4000-8000-000000000000 { $.eventName == x }",
    ],
)
def test_options_may_stand_before_or_behind(text: str) -> None:
    assert preformatted(answer(text)) == ["{ $.eventName == x }\n" + " " * 15 + "^"]


def test_the_events_of_an_alert_say_why_the_newest_matched() -> None:
    why = ["[yes] all of these hold:", '- [yes] eventName is "ConsoleLogin"', "  - [yes] deeper"]
    searched = (samples.FIRED, samples.FIRED)
    message = events_message(samples.ALERT, samples.EVENTS, 5, searched, why=why)
    assert preformatted(Reply(message.text, message.blocks)) == ["\n".join(why)]
    assert "*Why the newest matched*" in str(message.blocks)
