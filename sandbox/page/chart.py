"""Knows how a data_visualization block is drawn: pure geometry. Never writes SVG itself."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 560, 270
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 14, 14, 46


@dataclass(frozen=True)
class Mark:
    """A bar, a line, an area or a slice: an SVG path, its series and what it stands for."""

    path: str
    series: int
    label: str
    kind: str


@dataclass(frozen=True)
class Tick:
    """A label on an axis at x, y (SVG units)."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Chart:
    """Everything that the template needs to draw one chart of WIDTH x HEIGHT."""

    kind: str
    title: str
    marks: Sequence[Mark]
    rows: Sequence[Tick]
    columns: Sequence[Tick]
    legend: Sequence[str]
    x_label: str
    y_label: str
    spoken: str
    """The numbers in words, for those who cannot see the picture."""
    slanted: bool = False
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT


def chart(block: Mapping[str, Any]) -> Chart:
    """Lay out a block; raises ValueError, KeyError or TypeError for one that is malformed."""
    title = str(block.get("title", ""))
    body = block["chart"]
    if body["type"] == "pie":
        return _pie(title, body["segments"])
    if body["type"] not in ("bar", "line", "area"):
        raise ValueError(f"no such chart: {body['type']!r}")
    return _axes(title, body)


def steps(low: float, high: float) -> list[float]:
    """Round numbers from at most `low` to at least `high`, four to six of them."""
    span = (high - low) or 1
    rough = span / 4
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= rough * 0.999)
    first = math.floor(low / step)
    last = math.ceil(high / step - 1e-9)
    return [round(n * step, 10) for n in range(first, last + 1)]


def number(value: float) -> str:
    """A value as a label: no trailing zeros, thousands with a thin mark."""
    return f"{value:,.10g}" if value != int(value) else f"{int(value):,}"


def _axes(title: str, body: Mapping[str, Any]) -> Chart:
    kind = str(body["type"])
    axis = body["axis_config"]
    categories = [str(c) for c in axis["categories"]]
    series = [_values(s, categories) for s in body["series"]]
    names = [str(s["name"]) for s in body["series"]]
    values = [v for s in series for v in s if v is not None]
    whole = all(v == int(v) for v in values)
    scale = steps(min([0.0, *values]), max([1.0 if whole else 0.0, *values]))
    scale = [s for s in scale if not whole or s == int(s)]

    def y(value: float) -> float:
        share = (value - scale[0]) / ((scale[-1] - scale[0]) or 1)
        return round(HEIGHT - _BOTTOM - share * (HEIGHT - _BOTTOM - _TOP), 2)

    slot = (WIDTH - _LEFT - _RIGHT) / max(len(categories), 1)
    centres = [round(_LEFT + slot * (i + 0.5), 2) for i in range(len(categories))]
    draw = _bars if kind == "bar" else _lines
    marks = draw(kind, names, categories, series, centres, slot, y)
    slanted = max((len(c) for c in categories), default=0) * 6.4 > slot
    return Chart(
        kind=kind,
        title=title,
        marks=marks,
        rows=[Tick(_LEFT - 8, y(s), number(s)) for s in scale],
        columns=[
            Tick(x, HEIGHT - _BOTTOM + 16, c) for x, c in zip(centres, categories, strict=True)
        ],
        legend=names,
        x_label=str(axis.get("x_label") or ""),
        y_label=str(axis.get("y_label") or ""),
        spoken="; ".join(m.label for m in marks if m.kind in ("bar", "dot")),
        slanted=slanted,
    )


def _values(series: Mapping[str, Any], categories: Sequence[str]) -> list[float | None]:
    """One value a category, by label; None where the series has none."""
    found = {str(p["label"]): float(p["value"]) for p in series["data"]}
    if not all(math.isfinite(v) for v in found.values()):
        raise ValueError("a chart's values must be finite")
    return [found.get(c) for c in categories]


def _bars(
    kind: str,
    names: Sequence[str],
    categories: Sequence[str],
    series: Sequence[Sequence[float | None]],
    centres: Sequence[float],
    slot: float,
    y: Any,
) -> list[Mark]:
    group = min(slot * 0.72, 56 * len(series))
    width = group / len(series)
    marks = []
    for n, row in enumerate(series):
        for centre, category, value in zip(centres, categories, row, strict=True):
            if value is None:
                continue
            left = centre - group / 2 + n * width + (0.5 if len(series) > 1 else 0)
            right = left + width - (1 if len(series) > 1 else 0)
            path = _bar(left, right, y(0), y(value))
            marks.append(Mark(path, n, f"{names[n]}, {category}: {number(value)}", kind))
    return marks


def _bar(left: float, right: float, base: float, end: float) -> str:
    radius = min(3.0, abs(base - end), (right - left) / 2)
    toward = radius if end < base else -radius
    return (
        f"M{left:.2f} {base:.2f}V{end + toward:.2f}"
        f"Q{left:.2f} {end:.2f} {left + radius:.2f} {end:.2f}"
        f"H{right - radius:.2f}Q{right:.2f} {end:.2f} {right:.2f} {end + toward:.2f}"
        f"V{base:.2f}Z"
    )


def _lines(
    kind: str,
    names: Sequence[str],
    categories: Sequence[str],
    series: Sequence[Sequence[float | None]],
    centres: Sequence[float],
    slot: float,
    y: Any,
) -> list[Mark]:
    marks: list[Mark] = []
    for n, row in enumerate(series):
        points = [
            (x, y(v), c, v)
            for x, c, v in zip(centres, categories, row, strict=True)
            if v is not None
        ]
        if not points:
            continue
        path = "M" + "L".join(f"{x:.2f} {h:.2f}" for x, h, _, _ in points)
        if kind == "area":
            closed = f"{path}L{points[-1][0]:.2f} {y(0):.2f}L{points[0][0]:.2f} {y(0):.2f}Z"
            marks.append(Mark(closed, n, names[n], "area"))
        marks.append(Mark(path, n, names[n], "line"))
        for x, h, category, value in points:
            dot = f"M{x - 3.5:.2f} {h:.2f}a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0Z"
            marks.append(Mark(dot, n, f"{names[n]}, {category}: {number(value)}", "dot"))
    return marks


def _pie(title: str, segments: Sequence[Mapping[str, Any]]) -> Chart:
    values = [(str(s["label"]), float(s["value"])) for s in segments]
    total = sum(v for _, v in values)
    if total <= 0 or any(v < 0 or not math.isfinite(v) for _, v in values):
        raise ValueError("a pie's segments must be above nought")
    marks = []
    angle = -math.pi / 2
    for n, (label, value) in enumerate(values):
        end = angle + 2 * math.pi * value / total
        words = f"{label}: {number(value)} ({value / total:.0%})"
        marks.append(Mark(_slice(angle, end), n, words, "slice"))
        angle = end
    legend = [f"{label} · {value / total:.0%}" for label, value in values]
    spoken = "; ".join(m.label for m in marks)
    return Chart("pie", title, marks, [], [], legend, "", "", spoken)


def _slice(start: float, end: float) -> str:
    """A ring's part between two angles (radians), around the middle of the picture."""
    x, y, outer, inner = WIDTH / 2, HEIGHT / 2, 118.0, 66.0
    end = min(end, start + 2 * math.pi - 1e-4)
    large = 1 if end - start > math.pi else 0

    def at(angle: float, radius: float) -> str:
        return f"{x + radius * math.cos(angle):.2f} {y + radius * math.sin(angle):.2f}"

    return (
        f"M{at(start, outer)}A{outer} {outer} 0 {large} 1 {at(end, outer)}"
        f"L{at(end, inner)}A{inner} {inner} 0 {large} 0 {at(start, inner)}Z"
    )
