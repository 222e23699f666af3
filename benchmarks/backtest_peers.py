"""Other ways to find what filter patterns match in CloudTrail's files, each written for speed.

A loop with json and an interpreter of the parsed pattern; DuckDB, patterns as SQL over typed
columns; polars, patterns as expressions over typed columns. Each gives, for a list of files, the
pairs (eventID, number of the pattern). Not whole implementations of the language: what the
catalogue uses, held against the product's results by the benchmark.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import msgspec

from trailwatch.backtest.unpack import unpack
from trailwatch.pattern import Pattern
from trailwatch.pattern.syntax import (
    And,
    Compare,
    Condition,
    Index,
    Is,
    JsonForm,
    Kind,
    Literal,
    Name,
    NumberLiteral,
    Op,
    Or,
    RegexLiteral,
    Selector,
    Test,
    Wildcard,
    tests,
)

Pairs = set[tuple[str, int]]
_NONE = object()


def condition_of(pattern: Pattern) -> Condition:
    assert isinstance(pattern.syntax, JsonForm)
    return pattern.syntax.condition


# json and an interpreter


def json_loop(files: Sequence[Path], patterns: Sequence[Pattern]) -> Pairs:
    """gzip, json.loads, and the tree of each pattern walked for each record."""
    conditions = [condition_of(pattern) for pattern in patterns]
    found: Pairs = set()
    for file in files:
        with gzip.open(file, "rb") as stream:
            records = json.loads(stream.read())["Records"]
        for record in records:
            for number, condition in enumerate(conditions):
                if holds(condition, record):
                    found.add((record["eventID"], number))
    return found


def holds(condition: Condition, record: dict[str, Any]) -> bool:
    if isinstance(condition, And):
        return all(holds(item, record) for item in condition.items)
    if isinstance(condition, Or):
        return any(holds(item, record) for item in condition.items)
    nodes = _nodes(condition.selector, record)
    if isinstance(condition, Is):
        wanted = {Kind.NULL: None, Kind.TRUE: True, Kind.FALSE: False}[condition.kind]
        return any(node is wanted for node in nodes)
    if not isinstance(condition, Compare):
        return not nodes
    if condition.op is Op.NE and condition.selector.wildcards:
        equal = Compare(condition.selector, Op.EQ, condition.value)
        return not any(_compare(equal, node) for node in nodes)
    return any(_compare(condition, node) for node in nodes)


def _nodes(selector: Selector, record: Any) -> list[Any]:
    nodes = [record]
    for step in selector.steps:
        if isinstance(step, Name):
            nodes = [n[step.name] for n in nodes if isinstance(n, dict) and step.name in n]
        elif isinstance(step, Index):
            nodes = [n[step.index] for n in nodes if isinstance(n, list) and step.index < len(n)]
        else:
            nodes = [
                child
                for n in nodes
                if isinstance(n, dict | list)
                for child in (n.values() if isinstance(n, dict) else n)
            ]
    return nodes


_ORDER: dict[Op, Callable[[float, float], bool]] = {
    Op.EQ: lambda a, b: a == b,
    Op.NE: lambda a, b: a != b,
    Op.LT: lambda a, b: a < b,
    Op.LE: lambda a, b: a <= b,
    Op.GT: lambda a, b: a > b,
    Op.GE: lambda a, b: a >= b,
}


def _compare(test: Compare, node: Any) -> bool:
    if isinstance(node, bool) or not isinstance(node, str | int | float):
        return False
    if isinstance(test.value, NumberLiteral):
        if isinstance(node, str):
            same = node == test.value.text
            return same if test.op is Op.EQ else test.op is Op.NE and not same
        return _ORDER[test.op](node, float(test.value.text))
    text = node if isinstance(node, str) else json.dumps(node)
    if isinstance(test.value, RegexLiteral):
        same = re.search(test.value.source, text) is not None
    else:
        same = _glob(test.value, text)
    return same is (test.op is Op.EQ)


def _glob(value: Literal, text: str) -> bool:
    want = value.text
    if not value.is_glob:
        return text == want
    if want == "*":
        return True
    middle = want.removeprefix("*").removesuffix("*")
    if want.startswith("*"):
        return middle in text if want.endswith("*") else text.endswith(middle)
    return text.startswith(middle)


# DuckDB


def duckdb_ready(threads: int) -> Any:
    """A connection to DuckDB in memory."""
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"SET threads = {threads}")
    connection.execute("SET preserve_insertion_order = false")
    return connection


TYPED = {
    ("userIdentity", "type"),
    ("userIdentity", "arn"),
    ("userIdentity", "invokedBy"),
    ("userIdentity", "sessionContext", "ec2RoleDelivery"),
    ("userIdentity", "sessionContext", "sessionIssuer", "userName"),
}
"""Paths that have a column of their own; other nested ones are read out of JSON."""
_IDENTITY = (
    "STRUCT(type VARCHAR, arn VARCHAR, invokedBy VARCHAR, sessionContext "
    "STRUCT(ec2RoleDelivery VARCHAR, sessionIssuer STRUCT(userName VARCHAR)))"
)


def duckdb_query(files: Sequence[Path], patterns: Sequence[Pattern]) -> str:
    """One query for all patterns: only the fields that they read, each file read once.

    `WHERE` is a cheap test that no match can fail: names and a few fields. Conditions on the same
    text field are one IN.
    """
    top = sorted({str(_path(t.selector)[0]) for p in patterns for t in tests(condition_of(p))})
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
            others.add(_sql(_top_only(condition_of(pattern))))
        else:
            names |= demanded
    exact = ", ".join(_quote(name) for name in sorted(names) if not name.endswith("*"))
    globs = [f"starts_with(eventName, {_quote(n[:-1])})" for n in sorted(names) if n.endswith("*")]
    return " OR ".join([f"eventName IN ({exact})", *globs, *sorted(others)])


def names_of(condition: Condition) -> set[str] | None:
    """The event names that a condition demands, None where it doesn't."""
    if isinstance(condition, And):
        return next((n for item in condition.items if (n := names_of(item)) is not None), None)
    if isinstance(condition, Or):
        sets = [names_of(item) for item in condition.items]
        return None if any(s is None for s in sets) else set().union(*(s for s in sets if s))
    if (
        isinstance(condition, Compare)
        and condition.op is Op.EQ
        and condition.selector.steps == (Name("eventName"),)
        and isinstance(condition.value, Literal)
        and not condition.value.text.startswith("*")
    ):
        return {condition.value.text}
    return None


def _top_only(condition: Condition) -> Condition:
    """The part of a conjunction that reads typed columns; a cheap necessary test."""
    if not isinstance(condition, And):
        return condition
    cheap = [item for item in condition.items if all(_is_typed(t.selector) for t in tests(item))]
    return And(tuple(cheap)) if len(cheap) > 1 else (cheap[0] if cheap else condition)


def _is_typed(selector: Selector) -> bool:
    path = _path(selector)
    return len(path) == 1 or path in TYPED


def _path(selector: Selector) -> tuple[str | int | None, ...]:
    """Names, indexes, and None for a wildcard."""
    return tuple(
        step.name if isinstance(step, Name) else step.index if isinstance(step, Index) else None
        for step in selector.steps
    )


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _sql(condition: Condition) -> str:
    if isinstance(condition, And):
        return "(" + " AND ".join(_sql(item) for item in condition.items) + ")"
    if isinstance(condition, Or):
        equal: dict[str, list[str]] = {}
        parts = []
        for item in condition.items:
            text = _plain_text(item)
            if text is None:
                parts.append(_sql(item))
            else:
                assert isinstance(item, Compare)
                equal.setdefault(_column(item.selector), []).append(_quote(text))
        parts += [f"{column} IN ({', '.join(texts)})" for column, texts in equal.items()]
        return "(" + " OR ".join(parts) + ")"
    return _sql_test(condition)


def _plain_text(condition: Condition) -> str | None:
    if (
        isinstance(condition, Compare)
        and condition.op is Op.EQ
        and isinstance(condition.value, Literal)
        and not condition.value.is_glob
        and not condition.selector.wildcards
    ):
        return condition.value.text
    return None


def _column(selector: Selector, extract: str = "json_extract_string") -> str:
    path = _path(selector)
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
    if _is_typed(test.selector) or not loose:
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


# polars


class _Raw(msgspec.Struct):
    Records: list[msgspec.Raw]


def polars_find(files: Sequence[Path], patterns: Sequence[Pattern]) -> Pairs:
    """Each file unpacked as we do it, its records one a line, typed columns, expressions.

    First only the columns that rule most records out; of the others all that is read, nested
    parameters as text. Conditions over all elements of an array, which polars has no path for, are
    left to the interpreter on those rows.
    """
    import polars as pl

    identity = pl.Struct(
        {
            "type": pl.String,
            "arn": pl.String,
            "invokedBy": pl.String,
            "sessionContext": pl.Struct(
                {
                    "ec2RoleDelivery": pl.String,
                    "sessionIssuer": pl.Struct({"userName": pl.String}),
                }
            ),
        }
    )
    top = {str(_path(t.selector)[0]) for p in patterns for t in tests(condition_of(p))}
    schema: dict[str, Any] = {"eventID": pl.String} | dict.fromkeys(sorted(top), pl.String)
    schema["userIdentity"] = identity
    likely = reduce(lambda a, b: a | b, _polars_likely(pl, patterns))
    split = [_polars_split(condition_of(pattern)) for pattern in patterns]
    first: dict[str, Any] = {"eventName": pl.String, "errorCode": pl.String}
    first["userIdentity"] = pl.Struct({"type": pl.String})
    decoder = msgspec.json.Decoder(_Raw)
    left: list[msgspec.Raw] = []
    for file in files:
        records = decoder.decode(unpack(file.read_bytes())).Records
        frame = pl.read_ndjson(b"\n".join(records), schema=first)  # type: ignore[arg-type]
        left += [records[row] for row in frame.select(likely.arg_true()).to_series()]
    frame = pl.read_ndjson(b"\n".join(left), schema=schema).with_row_index("row")  # type: ignore[arg-type]
    found: Pairs = set()
    for number, (cheap, rest) in enumerate(split):
        # Columns before paths into text: polars evaluates all of a conjunction.
        rows = frame.filter(_polars(pl, cheap and _top_only(cheap))).filter(_polars(pl, cheap))
        for row, id_ in rows.select("row", "eventID").iter_rows():
            if rest is None or holds(rest, json.loads(bytes(left[row]))):
                found.add((id_, number))
    return found


def _polars_likely(pl: Any, patterns: Sequence[Pattern]) -> Iterable[Any]:
    names: set[str] = set()
    for pattern in patterns:
        demanded = names_of(condition_of(pattern))
        if demanded is None:
            yield _polars(pl, _polars_first(condition_of(pattern)))
        else:
            names |= {name for name in demanded if not name.endswith("*")}
            yield from (
                pl.col("eventName").str.starts_with(name[:-1])
                for name in demanded
                if name.endswith("*")
            )
    yield pl.col("eventName").is_in(sorted(names))


def _polars_first(condition: Condition) -> Condition:
    """What of a conjunction reads the columns that are read first."""
    columns = (("eventName",), ("errorCode",), ("userIdentity", "type"))
    items = condition.items if isinstance(condition, And) else (condition,)
    cheap = tuple(i for i in items if all(_path(t.selector) in columns for t in tests(i)))
    assert cheap, "the columns that are read first must rule records out"
    return And(cheap) if len(cheap) > 1 else cheap[0]


def _polars_split(condition: Condition) -> tuple[Condition | None, Condition | None]:
    """What columns and paths of names say, and the whole condition where that is not all."""
    relaxed = _relaxed(condition)
    return relaxed, None if relaxed == condition else condition


def _relaxed(condition: Condition) -> Condition | None:
    """The condition with everything that polars has no path for taken for true; None for true."""
    if isinstance(condition, And | Or):
        items = tuple(_relaxed(item) for item in condition.items)
        kept = tuple(item for item in items if item is not None)
        if not kept or (isinstance(condition, Or) and len(kept) < len(items)):
            return None
        return type(condition)(kept) if len(kept) > 1 else kept[0]
    steps = _path(condition.selector)
    hard = isinstance(condition, Is) or any(not isinstance(step, str) for step in steps)
    return None if hard else condition


def _polars(pl: Any, condition: Condition | None) -> Any:
    if condition is None:
        return pl.lit(True)
    if isinstance(condition, And):
        return reduce(lambda a, b: a & b, (_polars(pl, item) for item in condition.items))
    if isinstance(condition, Or):
        equal: dict[Selector, list[str]] = {}
        parts = []
        for item in condition.items:
            text = _plain_text(item)
            if text is None:
                parts.append(_polars(pl, item))
            else:
                assert isinstance(item, Compare)
                equal.setdefault(item.selector, []).append(text)
        parts += [
            _polars_column(pl, selector).is_in(texts).fill_null(False)
            for selector, texts in equal.items()
        ]
        return reduce(lambda a, b: a | b, parts)
    column = _polars_column(pl, condition.selector)
    if not isinstance(condition, Compare):
        return column.is_null()
    return _polars_compare(pl, column, condition).fill_null(False)


def _polars_column(pl: Any, selector: Selector) -> Any:
    path = _path(selector)
    if len(path) == 1:
        return pl.col(path[0])
    if path in TYPED:
        return reduce(lambda column, name: column.struct.field(name), path[1:], pl.col(path[0]))
    steps = "".join(f"['{step}']" for step in path[1:])
    return pl.col(path[0]).str.json_path_match(f"${steps}")


def _polars_compare(pl: Any, column: Any, test: Compare) -> Any:
    value = test.value
    if isinstance(value, NumberLiteral):
        number = column.cast(pl.Float64, strict=False)
        if test.op is Op.NE:
            return column.is_not_null() & (number.is_null() | (number != float(value.text)))
        return _ORDER[test.op](number, float(value.text))
    if isinstance(value, RegexLiteral):
        equal = column.str.contains(value.source)
    elif not value.is_glob:
        equal = column == value.text
    elif value.text == "*":
        equal = column.is_not_null()
    else:
        middle = value.text.removeprefix("*").removesuffix("*")
        if value.text.startswith("*"):
            both = value.text.endswith("*")
            equal = (
                column.str.contains(middle, literal=True) if both else column.str.ends_with(middle)
            )
        else:
            equal = column.str.starts_with(middle)
    return equal if test.op is Op.EQ else ~equal


__all__ = ["Wildcard", "duckdb_find", "duckdb_query", "duckdb_ready", "json_loop", "polars_find"]
