"""Lint finds what AWS accepts and nobody means, and offers a text that says what was meant."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailwatch.detections import load_catalogue
from trailwatch.pattern import PatternError, Rule, parse

FINDINGS = [
    (
        '{ $.errorCode = x && $.userIdentity.invokedBy != "y" }',
        Rule.MAY_BE_MISSING,
        '{ ($.errorCode = "x") && '
        '(($.userIdentity.invokedBy NOT EXISTS) || ($.userIdentity.invokedBy != "y")) }',
    ),
    (
        "{ $.sourceIPAddress != a || $.sourceIPAddress != b }",
        Rule.ALWAYS,
        '{ ($.sourceIPAddress != "a") && ($.sourceIPAddress != "b") }',
    ),
    (
        "{ $.errorCode NOT EXISTS || $.errorCode != a || $.errorCode != b }",
        Rule.ALWAYS,
        '{ ($.errorCode NOT EXISTS) || (($.errorCode != "a") && ($.errorCode != "b")) }',
    ),
    (
        '{ ($.errorCode = "X") || ($.eventName!="HeadBucket") }',
        Rule.ALWAYS,
        '{ ($.errorCode = "X") && ($.eventName != "HeadBucket") }',
    ),
    ("{ $.eventName = GetObject || $.eventName != GetObject }", Rule.ALWAYS, ""),
    ("{ $.eventName = GetObject && $.eventName = PutObject }", Rule.NEVER, ""),
    ("{ $.eventName = GetObject && $.eventName != GetObject }", Rule.NEVER, ""),
    ("{ $.errorCode NOT EXISTS && $.errorCode = x }", Rule.NEVER, ""),
    ("{ $.errorCode != * }", Rule.NEVER, "{ $.errorCode NOT EXISTS }"),
    (
        "{ $.eventSource = ec2.amazonaws.com && $.eventName = CreateRoute || $.errorCode = x }",
        Rule.MIXED,
        '{ (($.eventSource = "ec2.amazonaws.com") && ($.eventName = "CreateRoute")) || '
        '($.errorCode = "x") }',
    ),
    ('{ $.errorCode = "Ev*e.nt" }', Rule.INNER_STAR, r"{ $.errorCode = %^Ev.*e\.nt$% }"),
    ('{ $.errorCode = "*a*b" }', Rule.INNER_STAR, "{ $.errorCode = %a.*b$% }"),
    ('{ $.errorCode = "a*(b)" }', Rule.INNER_STAR, ""),
    ("{ $.sourceIPAddress = 8.8.8* }", Rule.LOOSE_PREFIX, '{ $.sourceIPAddress = "8.8.8.*" }'),
    ('{ $.sourceIPAddress != "10.0.0.0/8" }', Rule.CIDR, '{ $.sourceIPAddress != "10.*" }'),
    ('{ $.sourceIPAddress != "10.0.0.1/8" }', Rule.CIDR, ""),
    ("{ $.eventname = CreateUser }", Rule.UNKNOWN_FIELD, '{ $.eventName = "CreateUser" }'),
    (
        "{ $.userIdentity.invokedby NOT EXISTS }",
        Rule.UNKNOWN_FIELD,
        "{ $.userIdentity.invokedBy NOT EXISTS }",
    ),
    ("{ $.zzzzzz = 1 }", Rule.UNKNOWN_FIELD, ""),
    ("{ $.eventName = CreateUsers }", Rule.UNKNOWN_EVENT, '{ $.eventName = "CreateUser" }'),
    ("{ $.eventSource = EC2 }", Rule.NOT_A_SERVICE, '{ $.eventSource = "ec2.amazonaws.com" }'),
    (
        "{ $.eventSource = S3.amazonaws.com }",
        Rule.NOT_A_SERVICE,
        '{ $.eventSource = "s3.amazonaws.com" }',
    ),
    (
        "{ $.eventSource = s3.amazonaws.co }",
        Rule.NOT_A_SERVICE,
        '{ $.eventSource = "s3.amazonaws.com" }',
    ),
    ("{ $.userIdentity.type = root }", Rule.UNKNOWN_VALUE, '{ $.userIdentity.type = "Root" }'),
    ("{ $.requestParameters = *.10xlarge }", Rule.CONTAINER, ""),
    ('{ $.readOnly = "true" }', Rule.BOOLEAN, "{ $.readOnly IS TRUE }"),
    ("{ $.readOnly != false }", Rule.BOOLEAN, "{ $.readOnly IS TRUE }"),
    ("ERROR ?WARN", Rule.IGNORED_TERM, "ERROR"),
]


@pytest.mark.parametrize(("text", "rule", "instead"), FINDINGS, ids=lambda value: str(value)[:40])
def test_a_mistake_is_found_and_mended(text: str, rule: Rule, instead: str) -> None:
    (found,) = parse(text).lint()
    assert (found.rule, found.instead) == (rule, instead)
    assert 0 <= found.at < len(text)
    if instead:
        assert parse(instead).lint() == ()


def test_the_catalogue_is_clean_but_for_what_scanners_demand() -> None:
    found = {one.id: parse(one.pattern).lint() for one in load_catalogue()}
    assert [id_ for id_, lints in found.items() if lints] == ["console-signin-no-mfa"]
    assert [one.rule for one in found["console-signin-no-mfa"]] == [Rule.MAY_BE_MISSING]


@pytest.mark.parametrize(
    "text",
    [
        "{ $.errorCode NOT EXISTS || $.errorCode != x }",
        "{ $.errorCode = a* && $.errorCode != ab }",
        "{ ($.eventName = GetObject) && ($.eventName != PutObject || $.errorCode = x) }",
        "{ $.eventName = UpdateFunctionCode20150331v2 }",
        "{ $.responseElements IS NULL || $.requestParameters NOT EXISTS }",
        '{ $.requestParameters.force = "true" }',
        "[a, b != 1]",
        "%a%",
    ],
)
def test_what_is_meant_is_left_alone(text: str) -> None:
    assert parse(text).lint() == ()


def test_the_budget_of_regexes() -> None:
    pattern = parse("{ $.eventName = %^Create% }")
    assert pattern.lint(regex_filters_left=1) == ()
    assert [one.rule for one in pattern.lint(regex_filters_left=0)] == [Rule.REGEX_BUDGET]


BITS = [
    "$.eventName", "$.errorCode", "$.userIdentity.arn", "$.sourceIPAddress", "$.a[*]", "$.readOnly",
    "=", "!=", "&&", "||", "(", ")", "x", "*", "a*b", "true", "8.8*", '"1.2.3.0/24"', '"::/3"',
    "IS NULL", "NOT EXISTS", "> 1", "%x%",
]  # fmt: skip
tests = st.tuples(st.sampled_from(BITS[:6]), st.sampled_from([
    "= x", "!= x", "!= y", "= *", "!= *", "= a*b", "= true", "= 8.8*", '= "1.2.3.0/22"',
    "IS NULL", "NOT EXISTS", "> 1", "= %x%", '= ""', "= **",
])).map(" ".join)  # fmt: skip
conditions = st.recursive(
    tests,
    lambda inner: st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(
        lambda parts: f"({parts[0]}) {parts[1]} {parts[2]}"
    ),
    max_leaves=5,
)


@given(conditions.map(lambda text: f"{{ {text} }}") | st.lists(st.sampled_from(BITS)).map(" ".join))
def test_lint_takes_any_pattern_and_offers_only_patterns(text: str) -> None:
    try:
        pattern = parse(text)
    except PatternError:
        return
    for found in pattern.lint():
        assert found.why
        assert 0 <= found.at <= len(text)
        if found.instead:
            parse(found.instead)


def test_lint_of_a_long_pattern_takes_no_time() -> None:
    text = "{" + "||".join(f"$.eventName=Zq{n:03}x" for n in range(45)) + "}"
    start = time.thread_time()
    assert len(parse(text).lint()) == 45
    assert time.thread_time() - start < 10


NEVER = [
    "{ $.eventName NOT EXISTS }",
    "{ $.eventName > 5 }",
    "{ $.eventName IS TRUE }",
    "{ $.requestParameters.maxResults > 5 && $.requestParameters.maxResults < 3 }",
    "{ $.requestParameters.maxResults > 5 && $.requestParameters.maxResults = 5 }",
    "{ $.requestParameters.maxResults = 1 && $.requestParameters.maxResults = 2 }",
    "{ $.eventName = CreateUser && $.eventName != Create* }",
    "{ $.eventName = Create* && $.eventName = Delete* }",
    "{ $.eventName = CreateUser && $.eventName = %^Delete% }",
    "{ $.eventName = CreateUser && ($.eventName = DeleteUser || $.eventName = DeleteRole) }",
    "{ $.requestParameters NOT EXISTS && $.requestParameters.userName = x }",
    "{ $.errorCode NOT EXISTS && $.errorCode = %x% }",
    "[a = 1 && a = 2]",
    "[a, b > 5 && b < 3]",
    "[a = x* && a = y*]",
    "ERROR -ERR",
]
POSSIBLE = [
    "{ $.eventName = *Policy && $.eventName = Put* && $.eventName != *User* }",
    "{ $.eventName = *a* && $.eventName = *b* }",
    "{ $.requestParameters.maxResults > 5 && $.requestParameters.maxResults < 6 }",
    '{ $.requestParameters.maxResults = 1 && $.requestParameters.maxResults = "1" }',
    "{ $.requestParameters.maxResults > 1e309 }",
    "{ $.eventName = %^Create% && $.eventName != %Role% && $.eventName != CreateUser }",
    "{ $.errorCode IS NULL }",
    "{ $.errorCode = * }",
    "{ $.resources[*].ARN != x && $.resources[*].ARN = y }",
    "{ ($.errorCode = a || $.errorCode = b) && ($.errorCode != b || $.eventName = GetObject) }",
    "[a != 1 && a != 2]",
    "[a, b]",
    "%^$%",
    "ERROR -WARN",
    "ERR -ERROR",
]
ALWAYS = [
    "{ $.eventName = * }",
    '{ $.eventName = "*" || $.errorCode = x }',
    "{ $.errorCode NOT EXISTS || $.errorCode != x || $.errorCode = x || $.errorCode IS NULL }",
    "{ $.eventName != GetObject || $.eventName = Get* }",
    "", "  ", "[]", "[...]", "%.*%", "%a?%",
]  # fmt: skip


@pytest.mark.parametrize("text", NEVER)
def test_what_can_never_match_is_told(text: str) -> None:
    (found,) = parse(text).lint()
    assert found.rule is Rule.NEVER
    assert found.why


@pytest.mark.parametrize("text", POSSIBLE)
def test_what_can_match_is_left_alone(text: str) -> None:
    assert [one for one in parse(text).lint() if one.rule in (Rule.NEVER, Rule.ALWAYS)] == []


@pytest.mark.parametrize("text", ALWAYS)
def test_what_always_matches_is_told(text: str) -> None:
    assert Rule.ALWAYS in [one.rule for one in parse(text).lint()]
