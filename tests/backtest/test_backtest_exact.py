"""The engine finds on every record what the matcher says of its raw text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trailwatch.backtest.engine import TRIAL, Engine
from trailwatch.backtest.unpack import unpack
from trailwatch.detections import load_catalogue
from trailwatch.pattern import Pattern, PatternError, parse

CATALOGUE = [parse(detection.pattern) for detection in load_catalogue()]
ODD = [
    parse("AccessDenied -delivery"),
    parse("%Delete[A-Z][a-z]+%"),
    parse('[..., last = "*Login*"]'),
    parse("{ $.* = Root }"),
    parse("{ $.sourceIPAddress != 10.* }"),
    parse('{ $.eventName = %^Delete% && $.userIdentity.type != "AWSService" }'),
    parse('{ ($.eventName = "A*") || ($.userIdentity.userName = "alice") }'),
    parse('{ ($.errorCode = "AccessDenied") || ($.userIdentity.type = "Root") }'),
    parse('{ $.requestParameters.x[0] = "a" && $.eventName = "B" }'),
    parse("{ $.requestParameters.n = 1.5e1 }"),
    parse("{ $.requestParameters IS NULL && $.eventName != A }"),
    parse('{ $.userIdentity = "x" || $.userIdentity.type = "Root" }'),
    parse('{ $.eventName NOT EXISTS || $.errorCode = "" }'),
]

NAMES = ("eventName", "errorCode", "eventSource", "userIdentity", "requestParameters", "n")
TEXTS = ("A", "B", "AB", "Root", "AccessDenied", "", "15", "1.5", "é", "a/b", '"', "\ud800", "1e3")
SELECTORS = (
    "$.eventName",
    "$.errorCode",
    "$.eventSource",
    "$.userIdentity",
    "$.userIdentity.type",
    "$.userIdentity.arn",
    "$.requestParameters.n",
    "$.requestParameters.x.y",
    "$.requestParameters.x[0]",
    "$.requestParameters.x[*]",
    "$.requestParameters.*",
    "$.*",
    "$.['event\ufffdName']",
)

leaves = st.one_of(
    st.sampled_from(TEXTS),
    st.none(),
    st.booleans(),
    st.integers(-3, 20),
    st.sampled_from([1.5, 15.0, 1e30, -0.0]),
    st.text(max_size=3),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(("type", "arn", "n", "x", "y")), inner, max_size=3),
    ),
    max_leaves=6,
)
identities = st.one_of(
    st.fixed_dictionaries(
        {"type": st.sampled_from(TEXTS)}, optional={"arn": st.sampled_from(TEXTS)}
    ),
    values,
)
pairs = st.one_of(
    st.tuples(st.sampled_from(("eventName", "errorCode", "eventSource")), st.sampled_from(TEXTS)),
    st.tuples(st.just("userIdentity"), identities),
    st.tuples(st.sampled_from(NAMES), values),
)


@st.composite
def raw_records(draw: st.DrawFn) -> bytes:
    """A JSON object with surprises: duplicate keys, escapes, types, or broken altogether."""
    members = draw(st.lists(pairs, max_size=6))
    parts = []
    for name, value in members:
        key = json.dumps(name)
        if draw(st.integers(0, 9)) == 0:
            key = f'"\\u{ord(name[0]):04x}{name[1:]}"'
        parts.append(f"{key}:{json.dumps(value, ensure_ascii=draw(st.booleans()))}")
    raw = ("{" + ",".join(parts) + "}").encode(errors="surrogatepass")
    if draw(st.integers(0, 14)) == 0 and raw:
        at = draw(st.integers(0, len(raw) - 1))
        raw = (
            raw[:at] + draw(st.sampled_from([b"", b"\xff", b"\\", b"}", b"\x01", b"0"])) + raw[at:]
        )
    return raw.replace(b"\n", b" ")


@st.composite
def conditions(draw: st.DrawFn, depth: int = 2) -> str:
    kind = draw(st.integers(0, 5)) if depth else 0
    if kind >= 3:
        items = draw(st.lists(conditions(depth=depth - 1), min_size=2, max_size=3))
        return "(" + draw(st.sampled_from([" && ", " || "])).join(items) + ")"
    selector = draw(st.sampled_from(SELECTORS))
    test = draw(
        st.sampled_from(
            [
                '= "A"',
                '= "A*"',
                '= "*B"',
                '= "Root"',
                '!= "A"',
                '!= "Root"',
                '= "AccessDenied"',
                "= 15",
                ">= 1.5",
                "= %^A%",
                "IS NULL",
                "IS TRUE",
                "NOT EXISTS",
                '= "*"',
                '= ""',
                '= "é"',
            ]
        )
    )
    return f"({selector} {test})"


@st.composite
def patterns(draw: st.DrawFn) -> Pattern:
    try:
        return parse("{ " + draw(conditions()) + " }")
    except PatternError:  # more wildcards or regular expressions than AWS allows
        return parse('{ $.eventName = "A" }')


def wanted(patterns: Sequence[Pattern], raws: Iterable[bytes]) -> list[tuple[int, tuple[int, ...]]]:
    found = []
    for number, raw in enumerate(raws):
        numbers = tuple(i for i, pattern in enumerate(patterns) if pattern.matches(raw))
        if numbers:
            found.append((number, numbers))
    return found


def got(engine: Engine, data: bytes) -> list[tuple[int, tuple[int, ...]]]:
    return [(number, numbers) for number, _, numbers in engine.hits(data).found]


MANY = settings().max_examples * 3 // 2
"""Each holds up to five patterns and eight records; TRAILWATCH_EXAMPLES asks for more."""


@given(st.lists(patterns(), min_size=1, max_size=5), st.lists(raw_records(), max_size=8))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=MANY)
def test_generated_patterns_and_lines(some: list[Pattern], raws: list[bytes]) -> None:
    engine = Engine(some)
    lines = b"\n".join(raw for raw in raws if raw.strip())
    assert got(engine, lines) == wanted(some, lines.split(b"\n") if lines else [])


@given(st.lists(patterns(), min_size=1, max_size=5), st.lists(raw_records(), max_size=8))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=MANY)
def test_generated_patterns_and_files(some: list[Pattern], raws: list[bytes]) -> None:
    whole = [raw for raw in raws if _is_json(raw)]
    data = b'{"Records":[' + b",".join(whole) + b"]}"
    assert got(Engine(some), data) == wanted(some, whole)


@given(st.lists(raw_records(), min_size=1, max_size=6))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=MANY // 2)
def test_catalogue_and_generated_lines(raws: list[bytes]) -> None:
    some = [*CATALOGUE, *ODD]
    lines = b"\n".join(raw for raw in raws if raw.strip())
    assert got(ENGINE, lines) == wanted(some, lines.split(b"\n") if lines else [])


ENGINE = Engine([*CATALOGUE, *ODD])
"""One for all examples: what it keeps from one record must not tell on another."""


def test_after_learning_which_fields_to_look_at() -> None:
    some = [parse('{ $.eventName = "AssumeRole" && $.requestParameters.roleArn = "*break*" }')]
    usual = b'{"eventName":"AssumeRole","requestParameters":{"roleArn":"web"}}'
    rare = b'{"eventName":"AssumeRole","requestParameters":{"roleArn":"break-glass"}}'
    odd = b'{"eventName":"AssumeRole","requestParameters":{"roleArn":["break"]}}'
    engine = Engine(some)
    assert got(engine, b"\n".join([usual] * TRIAL)) == []
    assert engine.looks_at == ("eventName", "requestParameters.roleArn")
    for raws in ([usual, rare, usual], [rare, odd], [odd], [usual]):
        assert got(engine, b"\n".join(raws)) == wanted(some, raws)
    for _ in range(9):
        assert got(engine, b"\n".join([odd, rare])) == [(1, (0,))]
    assert engine.looks_at == ("eventName",)


def test_fields_with_many_values_are_not_looked_at_first() -> None:
    some = [parse('{ $.eventName = "AssumeRole" && $.requestParameters.id = "*break*" }')]
    line = '{{"eventName":"{}","requestParameters":{{"id":"{}"}}}}'
    engine = Engine(some)
    same = "\n".join(line.format("AssumeRole", 1) for _ in range(TRIAL)).encode()
    different = "\n".join(line.format("Get", number) for number in range(TRIAL)).encode()
    assert got(engine, same) == got(engine, different) == []
    assert engine.looks_at == ("eventName",)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"eventName":1,"errorCode":"AccessDenied"}',
        b'{"eventName":null,"userIdentity":{"type":"Root"}}',
        b'{"eventName":{"a":1}}',
        b'{"eventName":"x","eventName":"ConsoleLogin"}',
        b'{"eventName":"ConsoleLogin","eventName":"x"}',
        b'{"event\\u004eame":"ConsoleLogi\\u006e"}',
        b'{"eventName":"\\ud800","errorCode":"AccessDenied"}',
        b'{"eventName":"ConsoleLogin","z":"\\ud800"}',
        b'{"eventName":"ConsoleLogin","z":"\xff"}',
        b'{"eventName":"ConsoleLogin","\xff":1,"sourceIPAddress":"\xff"}',
        b'{"eventName":"ConsoleLogin","z":NaN}',
        b'{"eventName":"ConsoleLogin","z":01}',
        b'{"eventName":"ConsoleLogin"',
        b'{"eventName":"ConsoleLogin"} x',
        b'["ConsoleLogin"]',
        b"ConsoleLogin",
        b'{"userIdentity":"x","eventName":"ConsoleLogin"}',
        b'{"userIdentity":{"type":["Root"]},"eventName":"ConsoleLogin"}',
        b'{"userIdentity":{"type":"Root"},"userIdentity":{}}',
        b'{"eventName":"ConsoleLogin","z":' + b"[" * 1500 + b"]" * 1500 + b"}",
        b'  {"eventName" : "ConsoleLogin"}\t',
    ],
)
def test_surprises(raw: bytes) -> None:
    some = [*CATALOGUE, *ODD]
    usual = b'{"eventName":"ConsoleLogin","userIdentity":{"type":"Root"}}'
    lines = [usual, raw, usual]
    assert got(ENGINE, b"\n".join(lines)) == wanted(some, lines)


@pytest.mark.parametrize(
    "lines",
    [
        [b'{"eventName":', b'"ConsoleLogin"}{"eventName":"ConsoleLogin"}'],
        [b'{"a":', b'{"eventName":"ConsoleLogin"}', b"}{}{}"],
        [b'{"eventName":"ConsoleLogin"}{"eventName":"ConsoleLogin"}', b"{}"],
        [b'{"eventName":"ConsoleLogin"}\r', b'{"eventName":"ConsoleLogin"}\r', b""],
        [b"", b'{"eventName":"ConsoleLogin"}', b"", b'{"eventName":"CreateUser"}', b"\t"],
    ],
)
def test_what_is_not_one_record_a_line(lines: list[bytes]) -> None:
    assert got(Engine(CATALOGUE), b"\n".join(lines)) == wanted(CATALOGUE, lines)


def test_real_records(shared: Path) -> None:
    every = [*CATALOGUE, *ODD]
    for file in sorted((shared / "data").glob("*.jsonl.gz")):
        data = unpack(file.read_bytes())
        lines = data.strip().split(b"\n")
        records = b'{"Records":[' + b",".join(lines) + b"]}"
        found = wanted(every, lines)
        for some in (CATALOGUE, every):
            met = [(at, tuple(n for n in numbers if n < len(some))) for at, numbers in found]
            expected = [(at, numbers) for at, numbers in met if numbers]
            assert expected
            assert got(Engine(some), data) == expected
            assert got(Engine(some), records) == expected


def _is_json(raw: bytes) -> bool:
    """Whether it is an element of an array that both readers take."""
    try:
        json.loads(raw.decode())
    except (ValueError, RecursionError):
        return False
    return b"NaN" not in raw and b"Infinity" not in raw
