"""Knows Slack's mrkdwn. Never trusts it: what is not a known mark is shown as text."""

from __future__ import annotations

import re

from markupsafe import Markup

from sandbox.page.characters import safe_url, shown, unescaped
from sandbox.page.dates import formatted
from sandbox.page.reader import Reader

_PRE = re.compile(r"```(?!`)\n?(.+?)\n?```", re.DOTALL)
_QUOTE = re.compile(r"(?:>|&gt;) ?")
_TOKEN = re.compile(r"`(?P<code>[^`\n]+)`|<(?P<angle>[^<>\n]+)>")
_BARE_URL = re.compile(r"(?<![\w@/.])https?://[^\s<>|\x00`*\"']*[^\s<>|\x00`*\"'.,;:!?)\]}~_]")
_STYLE = re.compile(r"(?<![\w*_~])([*_~])(?=[^\s*_~]|[*_~][^\s*_~])(.{1,1000}?)(?<=\S)\1(?!\w)")
_TAGS = {"*": Markup("<b>{}</b>"), "_": Markup("<i>{}</i>"), "~": Markup("<s>{}</s>")}
_HELD = re.compile(r"\x00(\d+)\x00")


def mrkdwn(text: str, reader: Reader, verbatim: bool = False) -> Markup:
    """A mrkdwn text as HTML. `verbatim` leaves bare addresses alone, as Slack does.

    After Slack's page "Formatting message text".
    """
    text = text.replace("\r\n", "\n").replace("\x00", "\u2400")
    out: list[Markup] = []
    position = 0
    for match in _PRE.finditer(text):
        out.append(_lines(text[position : match.start()].removesuffix("\n"), reader, verbatim))
        out.append(Markup("<pre>{}</pre>").format(_code(match[1], reader)))
        position = match.end()
        if text[position : position + 1] == "\n":
            position += 1
    out.append(_lines(text[position:], reader, verbatim))
    return Markup("").join(out)


def _lines(text: str, reader: Reader, verbatim: bool) -> Markup:
    """Quoted lines as blockquotes, the others with their line breaks."""
    groups: list[tuple[bool, list[str]]] = []
    for line in text.split("\n") if text else []:
        match = _QUOTE.match(line)
        quoted = match is not None
        line = line[match.end() :] if match else line
        if not groups or groups[-1][0] != quoted:
            groups.append((quoted, []))
        groups[-1][1].append(line)
    parts = []
    for quoted, lines in groups:
        body = inline("\n".join(lines), reader, verbatim)
        parts.append(Markup("<blockquote>{}</blockquote>").format(body) if quoted else body)
    return Markup("").join(parts)


def inline(text: str, reader: Reader, verbatim: bool = False) -> Markup:
    """One run of text without blocks: code, links, mentions, dates, styles, emoji."""
    held: list[Markup] = []

    def hold(piece: Markup) -> str:
        held.append(piece)
        return f"\x00{len(held) - 1}\x00"

    def token(match: re.Match[str]) -> str:
        if match["code"] is not None:
            return hold(Markup("<code>{}</code>").format(_code(match["code"], reader)))
        return hold(angle(match["angle"], reader))

    text = _TOKEN.sub(token, text)
    if not verbatim:
        text = _BARE_URL.sub(lambda m: hold(_link(unescaped(m[0]), shown(unescaped(m[0])))), text)
    return _styled(text, held)


def _styled(text: str, held: list[Markup]) -> Markup:
    out: list[Markup] = []
    position = 0
    for match in _STYLE.finditer(text):
        out.append(_released(text[position : match.start()], held))
        out.append(_TAGS[match[1]].format(_styled(match[2], held)))
        position = match.end()
    out.append(_released(text[position:], held))
    return Markup("").join(out)


def _released(text: str, held: list[Markup]) -> Markup:
    out: list[Markup] = []
    for index, piece in enumerate(_HELD.split(text)):
        out.append(held[int(piece)] if index % 2 else shown(unescaped(piece), names=True))
    return Markup("").join(out)


def _code(text: str, reader: Reader) -> Markup:
    """Inside code only links and mentions still work, in Slack as here."""
    out: list[Markup] = []
    for index, piece in enumerate(re.split(r"<([^<>\n]+)>", text)):
        out.append(angle(piece, reader) if index % 2 else shown(unescaped(piece)))
    return Markup("").join(out)


def angle(inner: str, reader: Reader) -> Markup:
    """What stands between < and >: a mention, a date, a broadcast or a link."""
    target, _, label = inner.partition("|")
    if target.startswith("@"):
        return user_mention(target[1:], reader)
    if target.startswith("#"):
        return channel_mention(target[1:], reader)
    if target.startswith("!"):
        return _command(target[1:], label, reader)
    url = unescaped(target)
    if safe_url(url) is None:
        return shown(unescaped(f"<{inner}>"))
    return _link(url, shown(unescaped(label), names=True) if label else shown(url))


def _command(target: str, label: str, reader: Reader) -> Markup:
    name, *rest = target.split("^")
    if name in ("channel", "here", "everyone"):
        return broadcast(name)
    if name == "date" and len(rest) >= 2:
        text = shown(formatted(reader.clock, rest[0], unescaped(rest[1]), unescaped(label)))
        url = unescaped(rest[2]) if len(rest) > 2 else ""
        return _link(url, text) if safe_url(url) else text
    if name == "subteam" and rest:
        return group_mention(label.lstrip("@") or rest[0])
    return shown(unescaped(label or f"<!{target}>"))


def user_mention(user_id: str, reader: Reader) -> Markup:
    kind = "mention me" if user_id == reader.user_id else "mention"
    return Markup('<span class="{}" data-user="{}">@{}</span>').format(
        kind, user_id, shown(reader.person(user_id))
    )


def channel_mention(channel_id: str, reader: Reader) -> Markup:
    return Markup('<span class="mention">#{}</span>').format(shown(reader.channel(channel_id)))


def group_mention(name: str) -> Markup:
    return Markup('<span class="mention">@{}</span>').format(shown(name))


def broadcast(name: str) -> Markup:
    """@channel and its like, marked so that nobody overlooks one that slipped through."""
    return Markup(
        '<span class="broadcast" title="Everybody in the channel is notified">@{}</span>'
    ).format(name)


def _link(url: str, text: Markup) -> Markup:
    if safe_url(url) is None:
        return text
    return Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>').format(url, text)
