"""Knows the part of Markdown that Slack's markdown block shows. Never passes HTML through."""

from __future__ import annotations

import re

from markupsafe import Markup

from sandbox.page.characters import safe_url, shown

_HEADING = re.compile(r"(#{1,6})\s+(.+?)\s*#*$")
_BULLET = re.compile(r"\s*[-*+]\s+(.*)")
_NUMBER = re.compile(r"\s*\d{1,9}[.)]\s+(.*)")
_RULE = re.compile(r"\s*([-*_])(\s*\1){2,}\s*$")
_TABLE_LINE = re.compile(r"\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$")
_INLINE = re.compile(
    r"`(?P<code>[^`\n]+)`"
    r"|\[(?P<label>[^\[\]\n]{1,500})\]\((?P<url>[^()\s]{1,3000})\)"
    r"|\*\*(?P<bold>[^\s*](?:.{0,998}?\S)??)\*\*"
    r"|~~(?P<strike>[^\s~](?:.{0,998}?\S)??)~~"
    r"|(?<!\w)(?P<mark>[*_])(?P<italic>[^\s*_](?:[^\n]{0,998}?\S)??)(?P=mark)(?!\w)"
)
_UL, _OL = Markup("<ul>{}</ul>"), Markup("<ol>{}</ol>")
_TH, _TD = Markup("<th>{}</th>"), Markup("<td>{}</td>")
_STYLES = {
    "bold": Markup("<b>{}</b>"),
    "strike": Markup("<s>{}</s>"),
    "italic": Markup("<i>{}</i>"),
}


def markdown(text: str) -> Markup:
    """A markdown block's text as HTML: headings, lists, quotes, code, tables, styles, links."""
    out: list[Markup] = []
    for index, piece in enumerate(re.split(r"```[^\n`]*\n(.*?)\n?```", text, flags=re.DOTALL)):
        if index % 2:
            out.append(Markup("<pre>{}</pre>").format(shown(piece)))
        else:
            out.append(_blocks(piece.split("\n")))
    return Markup("").join(out)


def _blocks(lines: list[str]) -> Markup:
    out: list[Markup] = []
    while lines:
        taken, html = _block(lines)
        out.append(html)
        lines = lines[taken:]
    return Markup("").join(out)


def _block(lines: list[str]) -> tuple[int, Markup]:
    """The first block of these lines: how many lines it took, and its HTML."""
    first = lines[0]
    if not first.strip():
        return 1, Markup("")
    if heading := _HEADING.match(first):
        level = min(len(heading[1]), 4)
        line = Markup('<div class="md-h md-h{}">{}</div>')
        return 1, line.format(level, _inline(heading[2]))
    if _RULE.match(first):
        return 1, Markup("<hr>")
    if first.startswith(">"):
        body = _run(lines, re.compile(r"> ?(.*)"))
        return len(body), Markup("<blockquote>{}</blockquote>").format(_inline("\n".join(body)))
    for pattern, listed in ((_BULLET, _UL), (_NUMBER, _OL)):
        if items := _run(lines, pattern):
            html = Markup("").join(Markup("<li>{}</li>").format(_inline(i)) for i in items)
            return len(items), listed.format(html)
    if "|" in first and len(lines) > 1 and _TABLE_LINE.match(lines[1]):
        return _table(lines)
    taken = 1
    while taken < len(lines) and _is_plain(lines[taken]):
        taken += 1
    return taken, Markup('<div class="rt">{}</div>').format(_inline("\n".join(lines[:taken])))


def _run(lines: list[str], pattern: re.Pattern[str]) -> list[str]:
    found: list[str] = []
    for line in lines:
        match = pattern.match(line)
        if match is None:
            break
        found.append(match[1])
    return found


def _is_plain(line: str) -> bool:
    starts = (_HEADING, _RULE, _BULLET, _NUMBER)
    return (
        bool(line.strip()) and not line.startswith(">") and not any(p.match(line) for p in starts)
    )


def _table(lines: list[str]) -> tuple[int, Markup]:
    taken = 2
    while taken < len(lines) and "|" in lines[taken]:
        taken += 1
    rows = []
    for index, line in enumerate([lines[0], *lines[2:taken]]):
        box = _TD if index else _TH
        cells = [_inline(c.strip()) for c in line.strip().strip("|").split("|")]
        rows.append(Markup("<tr>{}</tr>").format(Markup("").join(box.format(c) for c in cells)))
    html = Markup("").join(rows)
    return taken, Markup('<div class="table-box"><table>{}</table></div>').format(html)


def _inline(text: str) -> Markup:
    out: list[Markup] = []
    position = 0
    for match in _INLINE.finditer(text):
        out.append(shown(text[position : match.start()], names=True))
        out.append(_marked(match))
        position = match.end()
    out.append(shown(text[position:], names=True))
    return Markup("").join(out)


def _marked(match: re.Match[str]) -> Markup:
    if match["code"] is not None:
        return Markup("<code>{}</code>").format(shown(match["code"]))
    if match["label"] is not None:
        if safe_url(match["url"]) is None:
            return shown(match[0])
        return Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>').format(
            match["url"], shown(match["label"], names=True)
        )
    for group, styled in _STYLES.items():
        if match[group] is not None:
            return styled.format(_inline(match[group]))
    return shown(match[0])
