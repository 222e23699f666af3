"""/trailwatch detections as typed in Slack: one detection at the site, and own ones refused."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from handlers.access import Person
from handlers.blocks.lists import detection_message
from handlers.commands.detections import COMMANDS
from handlers.commands.grammar import parse
from handlers.deps import Deps
from handlers.request import Reply, Request
from trailwatch.detections import Catalogue, load_catalogue
from trailwatch.errors import NotFound
from trailwatch.site import Site, SiteConfig

REQUEST = Request(Person("U1", "alice"), "C1", "", "", "k1")
CATALOGUE = load_catalogue()


class OneSite:
    def chosen(self, asked: str | None, channel: str = "") -> str:
        return "default"

    def config_or_blank(self, site: str = "") -> SiteConfig:
        place = Site("default", "123456789012", "us-east-1")
        return SiteConfig(place, largest_instance="8xlarge", deploy_roles=("deploy",))


@dataclass
class Surroundings:
    catalogue: Catalogue = field(default_factory=lambda: CATALOGUE)
    sites: OneSite = field(default_factory=OneSite)


def answer(text: str) -> Reply:
    call = parse(text, COMMANDS)
    return call.command.run(cast(Deps, Surroundings()), REQUEST, call)


def said(blocks: Any) -> list[str]:
    """Every text of the blocks, in order."""
    if isinstance(blocks, dict):
        own = [blocks["text"]] if isinstance(blocks.get("text"), str) else []
        return own + [text for value in blocks.values() for text in said(value)]
    if isinstance(blocks, list | tuple):
        return [text for part in blocks for text in said(part)]
    return []


def test_a_detection_is_shown_as_it_is_at_the_site() -> None:
    texts = said(answer("detections large-instance").blocks)
    assert "`large-instance` · *P3* · alarm at 1 event within 1 min" in texts
    assert any("%\\.9xlarge|" in text for text in texts)
    gpu = said(answer("detections gpu-instance-launched").blocks)
    assert "*Passes over*\ndeploy roles of the site" in gpu
    assert any('userName != "deploy"' in text for text in gpu)
    cis = said(answer("detections root-usage").blocks)
    assert any("the text that scanners demand, never edited" in text for text in cis)
    burst = said(answer("detections access-denied-burst").blocks)
    assert any("alarm at 5 events within 5 min" in text for text in burst)


def test_what_a_detection_does_not_say_is_left_out() -> None:
    bare = replace(CATALOGUE["console-login"], runbook="", noise="", references=())
    texts = said(detection_message(bare).blocks)
    assert [text.partition("\n")[0] for text in texts if text.startswith("*")] == ["*Why*"]


def test_an_own_detection_that_cannot_be_is_shown_with_a_caret() -> None:
    reply = answer('detections add mine P2 "Mine" `{ $.eventName == X }`')
    assert reply.text.startswith("CloudWatch Logs refuses this pattern at column 16:")
    assert "{ $.eventName == X }\n               ^" in said(reply.blocks)


def test_an_unknown_id_does_not_list_a_part_as_if_it_were_all() -> None:
    with pytest.raises(NotFound) as refused:
        answer("detections qqq")
    assert refused.value.fix.count(",") < 6
    assert "more: /trailwatch detections." in refused.value.fix
    with pytest.raises(NotFound, match=r"and 89 more: /trailwatch detections\."):
        CATALOGUE["qqq"]


def test_code_in_the_reasons_is_code() -> None:
    texts = said(answer("detections ami-shared").blocks)
    (first,) = [text for text in texts if text.startswith("*First*")]
    assert first.startswith("*First*\nLook whose account it is; `all` is everybody. If nobody")
