"""Knows how drift looks: what stands otherwise, who did it, what helps, how it ended. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from handlers.blocks import kit
from handlers.blocks.event_table import origin, tool, who
from handlers.blocks.kit import (
    Block,
    Message,
    Word,
    code,
    count,
    date,
    esc,
    label,
    plain,
    utc,
    visible,
)
from setup.change import LABELS, Action, Change, FieldDiff

if TYPE_CHECKING:
    from trailwatch.event import Event
    from trailwatch.store.drifts import DriftCheck, DriftRow

RESTORE = "drift.restore"
RECORD = "drift.record"
LOOK = "drift.look"
MORE = "drift.more"

_MOST_SHOWN = 9
_MOST_DIFFS = 4
_ORDER = ("loud", "normal", "quiet")
_PICTURE = {"loud": "rotating_light", "normal": "warning", "quiet": "information_source"}
_IN_NO_TRAIL = ("incoming_integration", "webhook_integration")
_MOST_LOOKS = 24
"""After so many looks the event is not searched any more; see handlers.jobs.drift."""


def drift_message(
    rows: Sequence[DriftRow],
    now: datetime,
    site: str,
    *,
    mentions: Sequence[str] = (),
    offices: Collection[str] = (),
) -> Message:
    """The one message of what drifted together, to be edited until all of it is gone.

    `mentions` are the ids of those who are called where it is loud.
    """
    ranked = sorted(_ranked(rows), key=lambda row: row.gone_at is not None)
    standing = [row for row in ranked if row.gone_at is None]
    blocks = [kit.header(_headline(ranked, standing)), kit.context(_origin(rows, site))]
    loud = any(row.severity == "loud" for row in standing)
    ignored = standing and all(row.ignored_until is not None for row in standing)
    if loud and mentions and not ignored:
        blocks.append(kit.section(f":bell: {_mentioned(mentions)}"))
    for row in ranked[:_MOST_SHOWN]:
        alone = len(ranked) == 1
        blocks += _gone(row) if row.gone_at else _standing(row, now, offices, titled=not alone)
    if len(ranked) > _MOST_SHOWN:
        more = count(len(ranked) - _MOST_SHOWN, "more resource")
        blocks.append(kit.context(f"… {more}: {code('/trailwatch setup drift')} lists all"))
    if standing and len(ranked) > 1:
        blocks.append(_for_all(standing))
    return kit.message(_sentence(ranked, standing, site), blocks)


def drift_answer(
    check: DriftCheck | None,
    standing: Sequence[DriftRow],
    site: str,
    now: datetime | None = None,
    *,
    several: bool = False,
) -> Message:
    """The answer to `setup drift`: everything that stands otherwise now, or that nothing does."""
    if check is None or now is None:
        plan = "/trailwatch setup plan" + (f" --site {plain(site, 60)}" if several else "")
        line = f"Nothing is set up yet: {code(plan, 120)} shows what would be made."
        text = f"Nothing is set up in {esc(site, 60)} yet: see {esc(plan, 120)}."
        return kit.message(text, [kit.section(f":grey_question: {line}")])
    notes = [
        f"site {code(site, 60)} · checked {date(check.at)}",
        *(esc(n, 300) for n in check.notes),
    ]
    if not standing:
        what = f"{count(check.as_wanted, 'resource stands', 'resources stand')} as set up"
        return kit.message(
            f"No drift in {esc(site, 60)}: {what}.",
            [
                kit.section(f":white_check_mark: *No drift*: {what}."),
                kit.context(" · ".join(notes)),
            ],
        )
    ranked = _ranked(standing)
    head = f"{count(len(ranked), 'resource')} drifted, {check.as_wanted:,} as set up"
    blocks = [kit.section(f":{_PICTURE[ranked[0].severity]}: *{head}*")]
    for row in ranked[:_MOST_SHOWN]:
        blocks += _standing(row, now, ())
    if len(ranked) > _MOST_SHOWN:
        blocks.append(kit.context(f"… {count(len(ranked) - _MOST_SHOWN, 'more resource')}"))
    blocks.append(kit.context(" · ".join(notes)))
    named = "; ".join(f"{_called(row)} {esc(row.what, 200)}" for row in ranked[:5])
    return kit.message(f"Drift in {esc(site, 60)}: {head}. {named}.", blocks)


def record_message(row: DriftRow) -> Message:
    """The newest event behind a drift as CloudTrail recorded it."""
    event = row.causes[0]
    text = f"The record of {esc(event.name, 64)} by {esc(who(event), 150)}, {utc(event.time)}."
    title = kit.words(("Record of ", "bold"), (plain(event.name, 64), "bold code"))
    body = event.raw or "It is too long to be kept here."
    return kit.message(
        text,
        [
            kit.rich_text(title, kit.lines(_pretty(body), 2900)),
            kit.context(f"event {code(event.id, 60)} · {esc(event.source, 60)}"),
        ],
    )


def drift_words(rows: Sequence[DriftRow]) -> str:
    """What drifted, in a few words of plain text for Home."""
    ranked = _ranked(rows)
    first = f"{_kind(ranked[0])} {plain(ranked[0].change['name'], 60)} {plain(ranked[0].what, 80)}"
    return first + (f", and {len(ranked) - 1} more" if len(ranked) > 1 else "")


def _ranked(rows: Sequence[DriftRow]) -> list[DriftRow]:
    """The loudest first, those alike in the order in which they are built."""
    kinds = list(LABELS)
    return sorted(
        rows, key=lambda row: (_ORDER.index(row.severity), kinds.index(row.change["kind"]))
    )


def _headline(ranked: Sequence[DriftRow], standing: Sequence[DriftRow]) -> str:
    if not standing:
        what = "Drift is over" if len(ranked) > 1 else f"Put back: {_plainly(ranked[0])}"
        return f":white_check_mark: {label(what, 130)}"
    picture = f":{_PICTURE[standing[0].severity]}:"
    if len(ranked) == 1:
        first = f"{_plainly(ranked[0])} {ranked[0].what}"
        return f"{picture} Drift: {label(first, 125)}"
    return f"{picture} Drift: {count(len(standing), 'resource')} not as set up"


def _plainly(row: DriftRow) -> str:
    return f"{_kind(row)} {row.change['name']}"


def _kind(row: DriftRow) -> str:
    kind = str(row.change["kind"])
    return plain(LABELS.get(kind, kind.replace("_", " ")), 60)


def _called(row: DriftRow) -> str:
    return f"the {esc(_kind(row), 60)} {esc(str(row.change['name']), 120)}"


def _origin(rows: Sequence[DriftRow], site: str) -> str:
    return f"site {code(site, 60)} · found {date(min(row.found_at for row in rows))}"


def _mentioned(ids: Sequence[str]) -> str:
    """Users and user groups as Slack mentions them; the ids are of settings and grants."""
    shown = [f"<!subteam^{one}>" if one.startswith("S") else f"<@{one}>" for one in ids]
    return " ".join(shown)


def _standing(
    row: DriftRow, now: datetime, offices: Collection[str], *, titled: bool = True
) -> list[Block]:
    """One resource that is not as set up: what, by whom, and the buttons.

    Without its title where the header says the same.
    """
    change = _change(row)
    title = kit.words(
        kit.emoji(_PICTURE[row.severity]),
        " ",
        (f"{_kind(row)} ", "bold"),
        (plain(change.name, 120), "code"),
        f" {plain(row.what, 200)}",
    )
    diffs = change.diff() if change.action is Action.UPDATE else ()
    lines = [_diff(one) for one in diffs[:_MOST_DIFFS]]
    if len(diffs) > _MOST_DIFFS:
        lines.append([(f"… {count(len(diffs) - _MOST_DIFFS, 'more field')}", "italic")])
    parts = [title] if titled else []
    parts += [kit.listing(lines)] if lines else []
    blocks = [kit.rich_text(*parts)] if parts else []
    blocks.append(kit.context(*_who(row, offices)))
    if row.ignored_until is not None and row.ignored_until > now:
        by = f" by {esc(row.ignored_by, 80)}" if row.ignored_by else ""
        blocks.append(kit.context(f":zzz: ignored{by} until {date(row.ignored_until)}"))
    if row.blocked:
        blocks.append(kit.context(f":no_entry: No plan restores it: {esc(row.blocked, 400)}"))
    blocks.append(_buttons(row, look=not titled))
    return blocks


def _diff(one: FieldDiff) -> list[Word]:
    """One field: how it is, and how it was set up."""
    now: Word = (plain(one.before, 80), "code") if one.before is not None else "not there"
    then: Word = (plain(one.after, 80), "code") if one.after is not None else "not there"
    return [f"{plain(one.path, 80)}: ", now, ", set up as ", then]


def _change(row: DriftRow) -> Change:
    data: Mapping[str, Any] = row.change
    return Change(Action(data["action"]), data["kind"], data["name"], data["before"], data["after"])


def _who(row: DriftRow, offices: Collection[str]) -> list[str]:
    """Who did it, when, from where, with what; or why that is not known."""
    if row.causes:
        first = f":bust_in_silhouette: {_by(row.causes[0], offices)}"
        others = [one for one in row.causes[1:] if one.actor != row.causes[0].actor]
        if others:
            first += f" · before that {_by(others[0], offices)}"
        return [first]
    if row.change["kind"] in _IN_NO_TRAIL:
        return [
            ":bust_in_silhouette: Who did it is in the on-call service's own logs; no trail has it"
        ]
    if row.looks >= _MOST_LOOKS:
        return [":bust_in_silhouette: Who did it was not found in the event history"]
    later = "not in the event history yet, which lags by minutes; it is looked for again"
    return [f":mag: Who did it: {later}"]


def _by(event: Event, offices: Collection[str]) -> str:
    made_with = tool(event) if event.user_agent else ""
    return (
        f"*{esc(who(event), 150)}* {code(event.name, 64)} {date(event.time)} "
        f"from {esc(origin(event, offices), 80)}"
        f"{f' with {esc(made_with, 60)}' if made_with else ''}"
    )


def _buttons(row: DriftRow, *, look: bool) -> Block:
    name = f"{_kind(row)} {label(str(row.change['name']), 60)}"
    ask = kit.confirm(
        "Restore it?",
        f"The {name} is brought back to what was set up. What stands is compared once more, and "
        "nothing is written if it has changed since.",
        "Restore",
        "Not now",
    )
    restore = None
    if not row.blocked:
        restore = kit.button("Restore", RESTORE, row.id, style="primary", confirm=ask)
    record = kit.button("Show record", RECORD, row.id) if row.causes else None
    options = [kit.option("Ignore for 24 h", f"ignore:{row.id}")]
    if row.until is not None:
        options.append(kit.option(f"Accept until {row.until:%b %-d %H:%M} UTC", f"accept:{row.id}"))
    elif row.option:
        options.append(kit.option(f"Accept: {label(row.option, 60)}", f"accept:{row.id}"))
    again = kit.button("Look again", LOOK, row.site) if look else None
    return kit.actions(restore, record, again, kit.overflow(MORE, options))


def _for_all(standing: Sequence[DriftRow]) -> Block:
    able = [row for row in standing if not row.blocked]
    ask = kit.confirm(
        "Restore all of it?",
        f"{count(len(able), 'resource is', 'resources are')} brought back to what was set up. What "
        "stands is compared once more, and nothing is written if it has changed since.",
        "Restore all",
        "Not now",
    )
    look = kit.button("Look again", LOOK, standing[0].site)
    if len(standing) == 1:
        # Its own row restores it.
        return kit.actions(look)
    value = f"all:{standing[0].message}"
    restore = kit.button("Restore all", RESTORE, value, style="primary", confirm=ask)
    ignore = kit.option("Ignore all for 24 h", f"ignore:{value}")
    return kit.actions(restore if able else None, look, kit.overflow(MORE, [ignore]))


def _gone(row: DriftRow) -> list[Block]:
    name = f"~{esc(_kind(row), 60)} {esc(str(row.change['name']), 120)}~"
    when = f" {date(row.gone_at)}" if row.gone_at else ""
    blocks = [
        kit.context(f":white_check_mark: {name}: {esc(row.gone_how, 200)}{when}"),
    ]
    if row.causes:
        blocks.append(kit.context(f"“{esc(row.what, 200)}” · {_by(row.causes[0], ())}"))
    else:
        blocks.append(kit.context(f"“{esc(row.what, 200)}”"))
    return blocks


def _sentence(ranked: Sequence[DriftRow], standing: Sequence[DriftRow], site: str) -> str:
    if not standing:
        ended = "; ".join(f"{_called(row)}: {esc(row.gone_how, 200)}" for row in ranked[:5])
        return f"Drift in {esc(site, 60)} is over. {ended}."
    parts = []
    for row in standing[:5]:
        by = ""
        if row.causes:
            one = row.causes[0]
            by = f" ({esc(one.name, 64)} by {esc(who(one), 120)} at {utc(one.time)})"
        parts.append(f"{_called(row)} {esc(row.what, 200)}{by}")
    more = f" And {len(standing) - 5} more." if len(standing) > 5 else ""
    return f"Drift in {esc(site, 60)}: {'; '.join(parts)}.{more}"


def _pretty(raw: str) -> str:
    """A record over several lines, without what cannot be seen."""
    try:
        text = json.dumps(json.loads(raw), indent=1, ensure_ascii=False)
    except ValueError:
        text = raw
    indented = ((line, len(line) - len(line.lstrip(" "))) for line in text.splitlines())
    return "\n".join(" " * indent + visible(line) for line, indent in indented)
