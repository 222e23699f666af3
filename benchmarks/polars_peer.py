"""CloudTrail's files searched by polars: patterns as expressions over typed columns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import msgspec
from backtest_peers import (
    TYPED,
    Pairs,
    condition_of,
    names_of,
    path_of,
    plain_text,
    top_only,
)
from json_peer import ORDER, holds

from trailwatch.backtest.unpack import unpack
from trailwatch.pattern import Pattern
from trailwatch.pattern.syntax import (
    And,
    Compare,
    Condition,
    Is,
    NumberLiteral,
    Op,
    Or,
    RegexLiteral,
    Selector,
    tests,
)


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
    top = {str(path_of(t.selector)[0]) for p in patterns for t in tests(condition_of(p))}
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
        rows = frame.filter(_polars(pl, cheap and top_only(cheap))).filter(_polars(pl, cheap))
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
    cheap = tuple(i for i in items if all(path_of(t.selector) in columns for t in tests(i)))
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
    steps = path_of(condition.selector)
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
            text = plain_text(item)
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
    path = path_of(selector)
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
        return ORDER[test.op](number, float(value.text))
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
