"""Knows how the text after /trailwatch becomes a command with arguments. Pure; runs nothing."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from handlers.commands.command import Command
from handlers.slack_text import typed
from trailwatch.errors import UsageError


@dataclass(frozen=True)
class Invocation:
    """A command and what was given to it."""

    command: Command
    words: tuple[str, ...] = ()
    options: dict[str, str] = field(default_factory=dict)
    rest: str = ""
    """Everything after the command's name, as typed."""


def parse(text: str, table: Sequence[Command]) -> Invocation:
    """The invocation that a text asks for; raises UsageError with near names and the usage.

    No text at all asks for help. "--name value" and "--name=value" both give an option, and a
    single dash is taken for two, since phones change them. An option that may be given several
    times becomes one list with commas.
    """
    plain = typed(text)
    if not plain:
        plain = "help"
    command, rest = _find(plain, table)
    if command.raw:
        return Invocation(command, rest=rest)
    words, options = _arguments(command, rest)
    if not command.least <= len(words) <= command.most:
        raise _usage(command, _count_error(command, len(words)))
    return Invocation(command, tuple(words), options, rest)


def _find(plain: str, table: Sequence[Command]) -> tuple[Command, str]:
    for command in sorted(table, key=lambda c: -len(c.name.split())):
        pattern = r"\s+".join(re.escape(word) for word in command.name.split())
        match = re.match(rf"{pattern}(?=\s|$)", plain, re.IGNORECASE)
        if match:
            return command, plain[match.end() :].strip()
    raise _unknown(plain, table)


def _unknown(plain: str, table: Sequence[Command]) -> UsageError:
    words = plain.split()
    names = [command.name for command in table]
    nouns = sorted({name.split()[0] for name in names})
    tried = " ".join(words[:2]).lower()
    near = difflib.get_close_matches(tried, names, n=2, cutoff=0.6)
    near += [
        name
        for noun in difflib.get_close_matches(words[0].lower(), nouns, n=1, cutoff=0.6)
        for name in names
        if name.split()[0] == noun and name not in near
    ][: 3 - len(near)]
    fix = "See /trailwatch help."
    if near:
        fix = f"Did you mean {' or '.join(f'/trailwatch {name}' for name in near)}?"
    return UsageError(f"There is no command {tried[:60]!r}.", fix=fix)


def _arguments(command: Command, rest: str) -> tuple[list[str], dict[str, str]]:
    try:
        parts = shlex.split(rest)
    except ValueError as error:
        raise _usage(command, f"A quote is not closed ({error}).") from error
    words: list[str] = []
    options: dict[str, str] = {}
    waiting = iter(_sentences(command, parts))
    for part in waiting:
        if not re.match(r"--?[A-Za-z]", part):
            words.append(part)
            continue
        name, equals, value = part.lstrip("-").partition("=")
        name = name.lower()
        if name in command.flags:
            options[name] = "yes"
            continue
        if name not in command.options:
            raise _usage(command, f"There is no option --{name}{_near(name, command)}.")
        if not equals:
            value = next(waiting, "")
        if not value:
            raise _usage(command, f"--{name} needs a value.")
        given_before = options.get(name) if name in command.several else None
        options[name] = f"{given_before},{value}" if given_before else value
    return words, options


def _sentences(command: Command, parts: list[str]) -> list[str]:
    """The parts with those of a sentence joined: `--why an audit` is two parts and not three."""
    joined: list[str] = []
    inside = begun = False
    for part in parts:
        option = re.match(r"--?([A-Za-z][\w-]*)(=|$)", part)
        if option:
            inside, begun = option[1].lower() in command.sentences, bool(option[2])
            joined.append(part)
        elif inside and begun:
            joined[-1] = f"{joined[-1]} {part}"
        else:
            begun = True
            joined.append(part)
    return joined


def _near(name: str, command: Command) -> str:
    known = [*command.options, *command.flags]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean --{near[0]}" if near else ""


def _count_error(command: Command, count: int) -> str:
    if count < command.least:
        return f"/trailwatch {command.name} needs more: {command.usage}"
    if not command.most:
        return f"/trailwatch {command.name} takes no words after it."
    return f"/trailwatch {command.name} takes no more than {command.most} words."


def _usage(command: Command, what: str) -> UsageError:
    return UsageError(what, fix=f"Usage: /trailwatch {command.usage}")


_DURATION = re.compile(r"(\d{1,5})\s*(m|min|h|d|w)")
_UNITS = {"m": "minutes", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_duration(text: str) -> timedelta:
    """ "30m", "24h", "7d" or "2w" as a timedelta; raises UsageError."""
    match = _DURATION.fullmatch(text.strip().lower())
    if not match or int(match[1]) == 0:
        raise UsageError(f"{text!r} is no length of time.", fix="Write 30m, 24h, 7d or 2w.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
