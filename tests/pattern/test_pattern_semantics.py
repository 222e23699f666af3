"""What the pattern language does, form by form, as the specification and AWS's answers have it."""

from __future__ import annotations

import json

import pytest

from trailwatch.pattern import MAX_LENGTH, Document, PatternError, parse
from trailwatch.pattern.number import java_double

REFUSALS = [
    ("{ $.a = 1", "If a filter pattern starts with '{' it must end with '}'", 8),
    ("[a, b] tail", "If a filter pattern starts with '[' it must end with ']'", 10),
    ("%abc", "If a filter pattern starts with '%' it must end with '%'", 3),
    ("{ $.a == 1 }", "Invalid metric filter pattern", 7),
    ("{ $.a = null }", "Invalid metric filter pattern", 8),
    ("{ $.a }", "Invalid metric filter pattern", 6),
    ("{ $.a EXISTS }", "Invalid metric filter pattern", 6),
    ("{ $.a = 1e2147483648 }", "Invalid metric filter pattern", 8),
    ("{ $.a IS NOT NULL }", "Invalid character(s) in term 'NOT'", 9),
    ("{ $.a IS MAYBE }", "Invalid character(s) in term 'MAYBE'", 9),
    ('{ $.a > "0" }', "Invalid character(s) in term '\"0\"'", 8),
    ("{ $ = 2 }", "Invalid character(s) in term '$ '", 2),
    ("{ $[0] = 2 }", "Invalid character(s) in term '$['", 2),
    ("{ $['a'] = 2 }", "Invalid character(s) in term '$['", 2),
    ('{ $.["a"] = 2 }', "Invalid character(s) in term '$.[\"'", 2),
    ("{ $.a[-1] = 2 }", "Invalid character(s) in term '[-'", 5),
    ("{ a = 1 }", "Invalid character(s) in term 'a'", 2),
    ("{ $.a = 1 AND $.b = 2 }", "Invalid character(s) in term 'AND'", 10),
    ("{ $.a = 1 } }", "Invalid character(s) in term '}'", 12),
    ("{ ($.a = 1 }", "Invalid character(s) in term '}'", 11),
    ("{ $.a = 1) }", "Invalid character(s) in term ')'", 9),
    ("{ $.a = 1 && }", "Invalid character(s) in term '}'", 13),
    ("{}", "Invalid character(s) in term '}'", 1),
    ("{ $.a = 'x' }", "Invalid character(s) in term '''", 8),
    ("{ $.a = b:c }", "Invalid character(s) in term ':'", 9),
    ('{ $.a = "x }', "Invalid character(s) in term '\"x }'", 8),
    ("{ $.a = 1 & $.b = 2 }", "Invalid character(s) in term '& '", 10),
    ("{ $.a = %(b)% }", "Invalid character(s) in term '%('", 8),
    ("ERROR %WARN%", "Invalid character(s) in term '%'", 6),
    ("ERR*", "Invalid character(s) in term '*'", 3),
    ('""', "Invalid character(s) in term '\"\"'", 0),
    ('"X"Y', "Invalid character(s) in term 'Y'", 3),
    ("a -", "Invalid metric filter pattern", 3),
    ("%!%", "Invalid character(s) in term '%!'", 0),
    ("%%", "Invalid character(s) in term '%%'", 0),
    ("%a% %b%", "Invalid character(s) in term '%b%'", 4),
    ("%é%", "Invalid character(s) in term '%é'", 0),
    ("%a++%", "Failed to compile regular expression.", 0),
    ("%[z-a]%", "Failed to compile regular expression.", 0),
    (r"%\p%", "Failed to compile regular expression.", 0),
    (r"%\pL%", "Failed to compile regular expression.", 0),
    ("%a{1001}%", "Failed to compile regular expression.", 0),
    ("{\u00a0$.a = 1 }", "Invalid character(s) in term '\u00a0'", 1),
    ("ERROR\u00a0WARN", "Invalid character(s) in term '\u00a0'", 5),
    ("[1a]", "Invalid character(s) in term '1a'", 1),
    ("[a, a]", "Duplicate field 'a'", 4),
    ("[..., ...]", "Invalid character(s) in term '...'", 6),
    ("[a = ]", "Invalid metric filter pattern", 5),
    ("[a = 1 ||]", "Invalid character(s) in term ']'", 9),
    (
        "[a = 1 || b = 2]",
        "Multiple variables used in a single filter. Var1 : a, Var2 : b",
        10,
    ),
    (
        "{ $.a = %1% || $.a = %2% || $.a = %3% }",
        "Your input has exceeded the maximum of 2 regular expressions per filter pattern.",
        34,
    ),
    (
        "{ $.*[*] = 1 }",
        "Your filter pattern has a JSON path selector that exceeds the maximum of 1 wildcard "
        "allowed per json selector.",
        2,
    ),
]


@pytest.mark.parametrize(("text", "message", "at"), REFUSALS, ids=[row[0] for row in REFUSALS])
def test_a_refusal_has_awss_words_and_the_column(text: str, message: str, at: int) -> None:
    with pytest.raises(PatternError) as caught:
        parse(text)
    assert (str(caught.value), caught.value.at) == (message, at)


def test_the_length_is_limited() -> None:
    assert parse("x" * MAX_LENGTH).matches("x" * MAX_LENGTH)
    with pytest.raises(PatternError, match="less than or equal to 1024"):
        parse("x" * (MAX_LENGTH + 1))


# Pattern, the values of `a` for which it matches, and those for which it does not.
JSON = [
    ("$.a = 1", [1, "1", 1.0], ["01", 2, True, None, [1], {"b": 1}]),
    ("$.a != 1", [2, "01", "x", 1.5], [1, "1", 1.0, True, None, [2], {}]),
    ("$.a = +1", [1, "+1"], ["1"]),
    ("$.a = 9007199254740993", [9007199254740993], [9007199254740992]),
    ("$.a > 0", [1, 0.5], [0, "1", None, True]),
    ("$.a <= 5.5", [5.5, 5, -1], [6, "5"]),
    ('$.a = "1"', [1, "1"], [1.0, "01"]),
    ('$.a = "1.0"', [1.0, "1.0"], [1]),
    ("$.a = 1.0E*", [1e10], [10.0, "1e10"]),
    ("$.a = true", ["true"], [True, "TRUE"]),
    ("$.a = x*", ["x", "xy"], ["yx", None]),
    ("$.a = *x", ["x", "yx"], ["xy"]),
    ("$.a = *x*", ["yxy"], ["y"]),
    ("$.a = x*y", ["x*y"], ["xy", "xzy"]),
    ("$.a = *", ["", 0, 1.5], [None, True, [], {}]),
    ("$.a != *", [], ["", 0, None]),
    ('$.a = "*"', ["x", 1], [None]),
    ("$.a = %^4[0-9]{2}$%", [404, "404"], [504, 4040, "404\n"]),
    ("$.a != %^4%", [504, "x"], [404, None, True]),
    (r'$.a = "x\"y"', ['x"y'], ["xy"]),
    (r'$.a = "x\y"', [r"x\y"], ["xy"]),
    ("$.a IS NULL", [None, [None], [None, 2]], [0, [], [1, None], [[None]], {}, False]),
    ("$.a is null", [None], [1]),
    ("$.a IS TRUE", [True], [1, "true", [True]]),
    ("$.a IS FALSE", [False], [0, None, [False]]),
    ("$.a NOT EXISTS", [], [None, {}, [], 1]),
    ("$.b NOT EXISTS", [1, None], []),
    ("$.a.b NOT EXISTS", [1, {}, None, []], [{"b": None}]),
    ("$.a[1] = 2", [[1, 2]], [[2], {"1": 2}, 2]),
    ("$.a.['b c'] = 1", [{"b c": 1}], [{"b": 1}]),
    ("$.a['b c'][0] = 1", [{"b c": [1]}], [{"b c": 1}]),
    ("$.a[*] = 2", [[1, 2], {"x": 2}], [[1], 2, [[2]], []]),
    ("$.a.* = 2", [[1, 2], {"x": 2}], [[1], 2]),
    ("$.a[*] != 2", [[1], [], None, 2, {"x": "y"}, [None]], [[1, 2], {"x": 2}]),
    ("$.b[*] != 2", [], [1, [1]]),
    ("$.a[*].b != 2", [[{"b": 1}], [{}]], [[{"b": 1}, {"b": 2}]]),
    ("$.a[*] IS NULL", [[1, None]], [[[None]], None, []]),
    ("$.a[*] NOT EXISTS", [[], 1, {}], [[1], {"x": None}]),
    ("$.* = 1", [1], [[1]]),
    ("$.a = 1 || $.a = 2 && $.b = 3", [1], [2]),
    ("($.a = 1 || $.a = 2) && $.a != 2", [1], [2]),
    ("$.a = x || $.a = 2 || $.a = y* || $.a = \"3\"", ["x", 2, "yy", 3], ["z", 4, None]),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "yes", "no"), JSON, ids=[row[0] for row in JSON])
def test_json_comparisons(condition: str, yes: list[object], no: list[object]) -> None:
    pattern = parse(f"{{ {condition} }}")
    for value in yes:
        assert pattern.matches(json.dumps({"a": value})), value
        assert pattern.extract(json.dumps({"a": value})) == {}
    for value in no:
        assert not pattern.matches(json.dumps({"a": value})), value
        assert pattern.extract(json.dumps({"a": value})) is None


@pytest.mark.parametrize(
    ("condition", "number", "matched"),
    [
        ("$.a != 1", "1e309", False),
        ("$.a > 1", "1e309", False),
        ("$.a = Infinity", "1e309", True),
        ("$.a = 1e309", "1e309", False),
        ("$.a = 0", "1e-999", True),
        ("$.a = 0", "-0.0", True),
        ('$.a = "0.0"', "1e-999", True),
        ('$.a = "1000.0"', "1e3", True),
        ('$.a = "1.0E308"', "1e308", True),
        ("$.a = 1000", "1e3", True),
        ("$.a = 123456789012345678901234567890", "123456789012345678901234567890", True),
        ("$.a < 1e2147483647", "5", True),
    ],
)
def test_numbers_as_they_are_written(condition: str, number: str, matched: bool) -> None:
    assert parse(f"{{ {condition} }}").matches(f'{{"a": {number}}}') is matched


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1.0, "1.0"), (-0.0, "-0.0"), (0.001, "0.001"), (0.0001, "1.0E-4"), (123.456, "123.456"),
        (9999999.0, "9999999.0"), (1e7, "1.0E7"), (12345678.9, "1.23456789E7"),
        (1e23, "1.0E23"), (2e-5, "2.0E-5"), (5e-324, "4.9E-324"), (1.5e300, "1.5E300"),
        (-1e22, "-1.0E22"), (0.1 + 0.2, "0.30000000000000004"), (float("-inf"), "-Infinity"),
    ],
)  # fmt: skip
def test_doubles_print_as_in_java(number: float, text: str) -> None:
    assert java_double(number) == text


@pytest.mark.parametrize(
    "message",
    ["", "null", "[]", '[{"b": 1}]', '{"b": 1} tail', 'x {"b": 1}', "{'b': 1}", '{"b": NaN}',
     '{"b": 01}', '{"b": "\n"}', '{"b": 1,}'],
)  # fmt: skip
def test_what_is_not_one_json_object_matches_no_json_pattern(message: str) -> None:
    assert not parse("{ $.a NOT EXISTS }").matches(message)
    assert not parse("{ $.a != 1 }").matches(message)


def test_blanks_around_the_object_and_duplicate_keys() -> None:
    assert parse("{ $.a = 2 }").matches(' \r\n\t{"a": 1, "a": 2}\n')


TERMS = [
    ("", ["", "x"], []),
    ("  ", ["", "x"], []),
    (" \t\n\r ", ["", "x"], []),
    ("ERROR", ["xERRORx"], ["error", ""]),
    ("a b", ["b a"], ["a", "b"]),
    ("a -b", ["a"], ["ab", "b"]),
    ("a-b", ["a"], ["a-b"]),
    ("a?b", ["a"], ["b"]),
    ("?a ?b", ["a", "b"], ["c"]),
    ("?a b", ["b"], ["a"]),
    ("?a -b", ["c"], ["b"]),
    ('"a b"', ["xa by"], ["ab", "a  b"]),
    ('"*"', ["a*"], ["a"]),
    ('" "', ["a b"], ["ab"]),
    ('-"a b"', ["ab"], ["a b"]),
    ("naïve_1.2", ["naïve_1.2"], ["naive"]),
]


@pytest.mark.parametrize(("text", "yes", "no"), TERMS)
def test_terms(text: str, yes: list[str], no: list[str]) -> None:
    pattern = parse(text)
    assert [message for message in [*yes, *no] if pattern.matches(message)] == yes


REGEXES = [
    (r"a\sb", ["a b", "a\nb"], ["ab"]),
    ("a.b", ["axb", "aéb", "a\ud800b"], ["a\nb"]),
    (r"^\w+$", ["abc_1"], ["é", "a b"]),
    (r"\x28\x29", ["f()"], ["f"]),
    (r"^a{,2}$", ["", "aa"], ["aaa"]),
    ("a+?b", ["aab"], ["b"]),
    ("[^a-c]", ["d", "é"], ["abc"]),
    (r"[\]{}]", ["]", "{"], ["x"]),
    ("x$", ["x"], ["x\n"]),
]


@pytest.mark.parametrize(("regex", "yes", "no"), REGEXES)
def test_regular_expressions(regex: str, yes: list[str], no: list[str]) -> None:
    pattern = parse(f"%{regex}%")
    assert pattern.uses_regex == 1
    assert [message for message in [*yes, *no] if pattern.matches(message)] == yes


FIELDS = [
    ("[]", 'a "b c" [d', {"$1": "a", "$2": "b c", "$3": "[d"}),
    ("[]", "", {}),
    ("[a]", "x y ", {"$a": "x y "}),
    ("[a]", '"x y" ', {"$a": "x y"}),
    ("[a, b]", 'x  "y z"w ', {"$a": "x", "$b": '"y z"w '}),
    ("[a, b]", "x [y z] ", {"$a": "x", "$b": "y z"}),
    ("[a, b]", "x", None),
    ("[a,,c]", "x y z", {"$a": "x", "$2": "y", "$c": "z"}),
    ("[a, ..., z]", "1 2 3 4", {"$a": "1", "$2": "2", "$3": "3", "$z": "4"}),
    ("[a, ..., z]", "1 2", {"$a": "1", "$z": "2"}),
    ("[a, ..., z]", "1", None),
    ("[..., z]", "1 2", {"$1": "1", "$z": "2"}),
    ("[a, ...]", "1 2", {"$a": "1", "$2": "2"}),
    ("[a = 1, b]", "1.0 x", {"$a": "1.0", "$b": "x"}),
    ('[a = "1", b]', "1.0 x", None),
    ("[a != 1, b]", "x y", {"$a": "x", "$b": "y"}),
    ("[a > 1, b]", "x y", None),
    ("[a >= 4 && a < 5, b]", "4.5 y", {"$a": "4.5", "$b": "y"}),
    ("[a = x* || a = %^y%, b]", "yz 1", {"$a": "yz", "$b": "1"}),
    ("[a != %^y%, b]", "yz 1", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "values"), FIELDS)
def test_fields(text: str, line: str, values: dict[str, str] | None) -> None:
    assert parse(text).extract(line) == values
    assert parse(text).matches(line) is (values is not None)


def test_one_document_serves_many_patterns() -> None:
    document = Document.of('{"a": 1}')
    assert Document.of(document) is document
    assert parse("{ $.a = 1 }").matches(document)
    assert not parse("{ $.a = 2 }").matches(document)
    assert parse("%a%").matches(document)


def test_equal_is_about_the_parsed_form() -> None:
    one = parse('{ ($.a = "x") && (($.b = 1)) }')
    assert one.equal(parse("{$.a=x&&$.b=1}"))
    assert not one.equal(parse("{$.b=1&&$.a=x}"))
    assert not parse('{ $.a = "1" }').equal(parse("{ $.a = 1 }"))
    assert one != parse("{$.a=x&&$.b=1}")
    assert one == parse(one.text)
