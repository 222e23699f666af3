from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.commands.grammar import parse, parse_duration
from handlers.commands.table import COMMANDS
from trailwatch.errors import UsageError


def test_nothing_asks_for_help() -> None:
    assert parse("", COMMANDS).command.name == "help"
    assert parse("   ", COMMANDS).command.name == "help"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.name)
def test_every_example_is_understood(command) -> None:  # type: ignore[no-untyped-def]
    assert parse(command.example, COMMANDS).command is command


@pytest.mark.parametrize(
    "text", ["setup plan --pack cis", "setup  PLAN -pack=cis", "setup plan \u2014pack cis"]
)
def test_options(text: str) -> None:
    call = parse(text, COMMANDS)
    assert (call.command.name, call.options) == ("setup plan", {"pack": "cis"})


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("setup paln", "setup plan"),
        ("detectoins", "detections"),
        ("alert", "alerts"),
        ("setup", "setup plan"),
        ("xyzzy", "help"),
    ],
)
def test_did_you_mean(text: str, fix: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text, COMMANDS)
    assert fix in caught.value.fix


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("setup plan --pakc cis", "did you mean --pack"),
        ("setup plan --pack", "needs a value"),
        ("setup apply", "needs more"),
        ("access grant @bob admin now", "no more than 2"),
        ('setup apply "k3', "quote is not closed"),
    ],
)
def test_wrong_arguments_say_what_and_how(text: str, what: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text, COMMANDS)
    assert what in caught.value.what
    assert "Usage: /trailwatch " in caught.value.fix


def test_a_pattern_comes_as_typed() -> None:
    call = parse('pattern check { ($.a = "b c") &amp;&amp; ($.d != 1) }', COMMANDS)
    assert call.rest == '{ ($.a = "b c") && ($.d != 1) }'


@given(st.text())
def test_any_text_is_a_command_or_a_usage_error(text: str) -> None:
    try:
        parse(text, COMMANDS)
    except UsageError as error:
        assert error.what
        assert error.fix


def test_durations() -> None:
    assert parse_duration("30m") == timedelta(minutes=30)
    assert parse_duration(" 7D ") == timedelta(days=7)
    for wrong in ("", "0h", "soon", "5", "-3h"):
        with pytest.raises(UsageError):
            parse_duration(wrong)


@pytest.mark.parametrize(
    ("text", "words", "options"),
    [
        ("setup plan --why an audit --pack cis", (), {"why": "an audit", "pack": "cis"}),
        ("setup plan --why=an audit, as agreed", (), {"why": "an audit, as agreed"}),
        ('setup plan --why "an audit"', (), {"why": "an audit"}),
        ("setup rollback 1 --why too much", ("1",), {"why": "too much"}),
        ("setup plan --pack cis", (), {"pack": "cis"}),
    ],
)
def test_a_sentence_goes_on_to_the_next_option(
    text: str, words: tuple[str, ...], options: dict[str, str]
) -> None:
    call = parse(text, COMMANDS)
    assert (call.words, call.options) == (words, options)


def test_a_sentence_that_says_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="needs a value"):
        parse("setup plan --why", COMMANDS)
