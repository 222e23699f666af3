"""Parts the content of a file into records, whole or damaged; it never judges a record.

A file is what CloudTrail writes, `{"Records": [...]}`, a JSON array of records, one record over
several lines, or one record a line. A record's raw text is what metric filters would see.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import msgspec

RECORDS = re.compile(rb'\s*\{\s*"Records"\s*:\s*\[')
_RECORDS_TEXT = re.compile(RECORDS.pattern.decode())
_ARRAY = re.compile(rb"\s*\[")
_ARRAY_TEXT = re.compile(_ARRAY.pattern.decode())
_NEXT = re.compile(r',\s*(?=\{\s*"eventVersion")')
_COMMA = re.compile(r"\s*,\s*")
_BLANK = re.compile(r"\s*")
_END = re.compile(r"\s*\]")
_JSON = json.JSONDecoder()


class Form(StrEnum):
    """How a file holds its records."""

    RECORDS = "records"
    ARRAY = "array"
    LINES = "lines"


class _Records(msgspec.Struct, gc=False):
    Records: list[msgspec.Raw]


_OF_RECORDS = msgspec.json.Decoder(_Records)
_OF_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
MALFORMED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for data that is not JSON, or not of the type asked for."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with a file, in one sentence; `at` is the number of the record, from 1."""

    at: int
    reason: str


def form_of(data: bytes) -> Form:
    """How this file holds its records, by its first characters."""
    if RECORDS.match(data):
        return Form.RECORDS
    return Form.ARRAY if _ARRAY.match(data) else Form.LINES


def one_a_line(data: bytes, count: int) -> bool:
    """Whether these `count` JSON objects, one after the other, stand on one line each.

    Inside of JSON a `}` is never followed by a line that starts with `{`: as many such places as
    there are gaps between the objects, and no other line ends, show it.
    """
    text = data.strip()
    return count == 0 or text.count(b"}\n{") == text.count(b"\n") == count - 1


def raw_records(data: bytes, form: Form) -> list[msgspec.Raw] | list[bytes]:
    """The raw texts of the records of a whole file; raises one of MALFORMED where it isn't one."""
    if form is Form.LINES:
        return data.strip().split(b"\n") if data.strip() else []
    return _OF_RECORDS.decode(data).Records if form is Form.RECORDS else _OF_ARRAY.decode(data)


def salvage(data: bytes, form: Form) -> Iterator[bytes | Fault]:
    """The raw text of each record that can be told apart, and what is wrong with the others."""
    try:
        if form is Form.LINES:
            yield from _lines(data)
        else:
            yield from (bytes(raw) for raw in raw_records(data, form))
    except MALFORMED:
        yield from _damaged(data, form)


def _lines(data: bytes) -> Iterator[bytes | Fault]:
    try:
        whole = _OBJECT.decode(data)
    except MALFORMED:
        # The number of a record is that of its line.
        yield from (line.removesuffix(b"\r") for line in data.removesuffix(b"\n").split(b"\n"))
        return
    records = whole.get("Records")
    if records is None:
        yield data.strip()
    else:
        yield from salvage(bytes(records), Form.ARRAY)


def _damaged(data: bytes, form: Form) -> Iterator[bytes | Fault]:
    """Records one after the other; after one that is no JSON, the next that looks like one."""
    text = data.decode(errors="replace")
    start = (_RECORDS_TEXT if form is Form.RECORDS else _ARRAY_TEXT).match(text)
    position = start.end() if start else 0
    number = 0
    while True:
        number += 1
        gap = (_COMMA if number > 1 else _BLANK).match(text, position)
        end = _END.match(text, position)
        if end is not None:
            yield from _after(text[end.end() :], number)
            return
        try:
            if gap is None:
                raise ValueError("a comma is missing")
            _, end_of_record = _JSON.raw_decode(text, gap.end())
        except (ValueError, RecursionError) as error:
            yield Fault(number, _why(error))
            found = _NEXT.search(text, position + 1)
            if found is None:
                return
            position = found.start()
            continue
        yield text[gap.end() : end_of_record].encode(errors="surrogatepass")
        position = end_of_record


def _after(rest: str, number: int) -> Iterator[bytes | Fault]:
    """What follows the end of the records: further files, one after the other, or a fault."""
    closing = rest.lstrip().removeprefix("}").strip().encode(errors="surrogatepass")
    if form_of(closing) is Form.RECORDS:
        yield from salvage(closing, Form.RECORDS)
    elif closing:
        yield Fault(number, "after the last record there is more, which is no record")


def _why(error: Exception) -> str:
    return "it is nested too deep" if isinstance(error, RecursionError) else "it is not JSON"
