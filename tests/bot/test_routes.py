"""[[routes]]: which alert goes where, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.settings import Settings, read_settings
from trailwatch.errors import ConfigError
from trailwatch.routes import Subject, mentions_of, route_of

ROUTES = """
[[routes]]
severity = "P1"
detection = ["root-*", "cloudtrail-changes"]
channel = "C0ROOT"
mention = ["S0ONCALL", "here"]

[[routes]]
site = "main"
account = ["111122223333"]
channel = "C0TEST"

[[routes]]
severity = ["P1", "P2"]
mention = "U0ALICE"
"""


def read(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "trailwatch.toml"
    file.write_text(text)
    return read_settings({}, file)


@pytest.mark.parametrize(
    ("subject", "number", "called"),
    [
        (Subject("P1", "root-usage", "main", "123456789012"), 0, ("S0ONCALL", "here")),
        (Subject("P2", "root-usage", "main", "123456789012"), 2, ()),
        (Subject("P1", "cloudtrail-changes", "main", "111122223333"), 0, ("S0ONCALL", "here")),
        (Subject("P1", "", "main", "111122223333"), 1, ()),
        (Subject("P1", "", "main", ""), 2, ("U0ALICE",)),
        (Subject("P3", "root-usage", "main", ""), None, ()),
    ],
)
def test_the_first_that_takes_it_decides(
    tmp_path: Path, subject: Subject, number: int | None, called: tuple[str, ...]
) -> None:
    routes = read(tmp_path, ROUTES).routes
    found = route_of(routes, subject)
    assert found == (None if number is None else routes[number])
    assert mentions_of(routes, subject) == called


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[[routes]]\nseverity = "P7"\nchannel = "C0X"', "routes[1].severity is 'P7'"),
        ('[[routes]]\nchanel = "C0X"', "no such setting; did you mean channel"),
        ('[[routes]]\nsite = "mian"\nchannel = "C0X"', "no such site; did you mean main"),
        ('[[routes]]\naccount = "12"\nchannel = "C0X"', "must be 12 digits"),
        ('[[routes]]\nchannel = "#alerts"', "must be a channel's id"),
        ('[[routes]]\nchannel = ["C0X", "C0Y"]', "one channel only"),
        ('[[routes]]\nmention = "everyone"\n', "routes[1].mention is 'everyone'"),
        ('[[routes]]\nseverity = "P1"', "neither channel nor mention"),
        (
            '[[routes]]\nseverity = ["P1", "P2"]\nchannel = "C0X"\n'
            '[[routes]]\nseverity = "P1"\nchannel = "C0Y"',
            "routes[2]: never reached: routes[1]",
        ),
        ('[routes]\nchannel = "C0X"', "must be tables"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert why in "\n".join(caught.value.problems)
