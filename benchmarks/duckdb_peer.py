"""CloudTrail's files searched by DuckDB: patterns as SQL over typed columns, in one query."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from backtest_peers import (
    TYPED,
    Pairs,
    condition_of,
    is_typed,
    names_of,
    path_of,
    plain_text,
    top_only,
)

from trailwatch.pattern import Pattern
from trailwatch.pattern.syntax import (
    And,
    Compare,
    Condition,
    Is,
    Kind,
    Literal,
    NumberLiteral,
    Op,
    Or,
    RegexLiteral,
    Selector,
    Test,
    tests,
)

_IDENTITY = (
    "STRUCT(type VARCHAR, arn VARCHAR, invokedBy VARCHAR, sessionContext "
    "STRUCT(ec2RoleDelivery VARCHAR, sessionIssuer STRUCT(userName VARCHAR)))"
)


def duckdb_ready(threads: int) -> Any:
    """A connection to DuckDB in memory."""
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"SET threads = {threads}")
    connection.execute("SET preserve_insertion_order = false")
    return connection


def duckdb_query(files: Sequence[Path], patterns: Sequence[Pattern]) -> str:
    """One query for all patterns: only the fields that they read, each file read once.

    `WHERE` is a cheap test that no match can fail: names and a few fields. Conditions on the same
    text field are one IN.
    """
    top = sorted({str(path_of(t.selector)[0]) for p in patterns for t in tests(condition_of(p))})
    kinds = dict.fromkeys(top, "VARCHAR")
    kinds |= dict.fromkeys(("requestParameters", "responseElements", "additionalEventData"), "JSON")
    kinds["userIdentity"] = _IDENTITY
    fields = ", ".join(
        f'"{name}" {kind}' for name, kind in (kinds | {"eventID": "VARCHAR"}).items()
    )
    names = ", ".join(f"'{file}'" for file in files)
    flags = ",\n".join(f"({_sql(condition_of(p))}) AS p{n}" for n, p in enumerate(patterns))
    lists = ", ".join(f"CASE WHEN p{n} THEN {n} END" for n in range(len(patterns)))
    return f"""
        WITH events AS (
            SELECT unnest(Records, max_depth := 2)
            FROM read_json([{names}], format := 'unstructured',
                compression := 'gzip', maximum_object_size := 67108864,
                columns := {{Records: 'STRUCT({fields})[]'}})
        ), likely AS (SELECT * FROM events WHERE {_likely(patterns)}),
        tested AS (SELECT eventID, {flags} FROM likely)
        SELECT eventID, list_filter([{lists}], lambda x: x IS NOT NULL) AS hits
        FROM tested WHERE {" OR ".join(f"p{n}" for n in range(len(patterns)))}"""


def duckdb_find(connection: Any, query: str) -> Pairs:
    return {(id_, n) for id_, hits in connection.execute(query).fetchall() for n in hits}


def _likely(patterns: Sequence[Pattern]) -> str:
    names: set[str] = set()
    others: set[str] = set()
    for pattern in patterns:
        demanded = names_of(condition_of(pattern))
        if demanded is None:
            others.add(_sql(top_only(condition_of(pattern))))
        else:
            names |= demanded
    exact = ", ".join(_quote(name) for name in sorted(names) if not name.endswith("*"))
    globs = [f"starts_with(eventName, {_quote(n[:-1])})" for n in sorted(names) if n.endswith("*")]
    return " OR ".join([f"eventName IN ({exact})", *globs, *sorted(others)])


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _sql(condition: Condition) -> str:
    if isinstance(condition, And):
        return "(" + " AND ".join(_sql(item) for item in condition.items) + ")"
    if isinstance(condition, Or):
        equal: dict[str, list[str]] = {}
        parts = []
        for item in condition.items:
            text = plain_text(item)
            if text is None:
                parts.append(_sql(item))
            else:
                assert isinstance(item, Compare)
                equal.setdefault(_column(item.selector), []).append(_quote(text))
        parts += [f"{column} IN ({', '.join(texts)})" for column, texts in equal.items()]
        return "(" + " OR ".join(parts) + ")"
    return _sql_test(condition)


def _column(selector: Selector, extract: str = "json_extract_string") -> str:
    path = path_of(selector)
    if len(path) == 1:
        return f'"{path[0]}"'
    if path in TYPED:
        return ".".join(f'"{name}"' for name in path)
    steps = "".join(
        f"[{s}]" if isinstance(s, int) else "[*]" if s is None else f'."{s}"' for s in path[1:]
    )
    return f"{extract}(\"{path[0]}\", '${steps}')"


def _sql_test(test: Test) -> str:
    if isinstance(test, Is):
        wanted = {Kind.NULL: "null", Kind.TRUE: "true", Kind.FALSE: "false"}[test.kind]
        column = _column(test.selector, "json_extract")
        if not test.selector.wildcards:
            return f"coalesce({column}::VARCHAR = '{wanted}', false)"
        other = column.replace("[*]", ".*")
        both = f"list_concat({column}, {other})"
        return f"coalesce(list_contains({both}::VARCHAR[], '{wanted}'), false)"
    column = _column(test.selector)
    if not isinstance(test, Compare):
        return f"({column} IS NULL)"
    if test.selector.wildcards:
        matching = f"list_filter({column}, lambda x: {_sql_compare('x', test)})"
        return f"coalesce(len({matching}) > 0, false)"
    compared = f"coalesce({_sql_compare(column, test)}, false)"
    loose = test.op is Op.NE or (isinstance(test.value, Literal) and test.value.is_glob)
    if is_typed(test.selector) or not loose:
        return compared
    # The text of an object fits many a pattern; to AWS it has none.
    kind = _column(test.selector, "json_type")
    return f"({compared} AND {kind} NOT IN ('OBJECT', 'ARRAY', 'BOOLEAN'))"


def _sql_compare(column: str, test: Compare) -> str:
    value = test.value
    if isinstance(value, NumberLiteral):
        number = f"TRY_CAST({column} AS DOUBLE)"
        if test.op is Op.NE:
            return f"({column} IS NOT NULL AND ({number} IS NULL OR {number} <> {value.text}))"
        return f"({number} {test.op} {value.text})"
    if isinstance(value, RegexLiteral):
        equal = f"regexp_matches({column}, {_quote(value.source)})"
    elif not value.is_glob:
        equal = f"({column} = {_quote(value.text)})"
    elif value.text == "*":
        equal = f"({column} IS NOT NULL)"
    else:
        middle = _quote(value.text.removeprefix("*").removesuffix("*"))
        kind = (value.text.startswith("*"), value.text.endswith("*"))
        name = {(True, True): "contains", (True, False): "suffix"}.get(kind, "prefix")
        equal = f"{name}({column}, {middle})"
    return equal if test.op is Op.EQ else f"(NOT {equal})"
