"""Knows how `setup import` looks: what stands, what it would set, and that it was set. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from handlers.blocks import kit
from handlers.blocks.kit import Block, Message, Word, code, count, esc, plain

if TYPE_CHECKING:
    from setup.imports import Found
    from setup.watched import Watched

WRITE = "import.write"
_MOST_ROWS = 20


def import_message(found: Found, value: str, by: str) -> Message:
    """What was found, and what would be written; `value` is what the button carries.

    Nothing to write shows no button. What comes from AWS is written by others.
    """
    site = found.config.site.name
    blocks = [
        kit.header("Today's pipeline as settings"),
        kit.context(f"site {code(site, 60)} · asked by {esc(by, 80)} · nothing is changed in AWS"),
        _trail(found),
        *_watched(found),
        *_unknown(found),
        *_settings(found),
    ]
    notes = [f":information_source: {esc(note, 300)}" for note in found.notes[:5]]
    if notes:
        blocks.append(kit.context(kit.fit_lines(notes)))
    what = f"{count(len(found.settings), 'setting')} would change"
    if found.settings:
        ask = kit.confirm(
            "Write this to the settings?",
            f"{what} of {plain(site, 60)}. AWS is not touched: the next plan says what would be.",
            "Write",
            "Not now",
        )
        button = kit.button("Write to settings", WRITE, value, style="primary", confirm=ask)
        blocks.append(kit.actions(button))
    text = f"Today's pipeline of {esc(site, 60)}: {_said(found)} {what}."
    return kit.message(text, blocks)


def import_written(site: str, adopted: Mapping[str, str], watched: int, by: str) -> Message:
    """The same message once it was written."""
    names = ", ".join(
        f"{kind.replace('_', ' ')} {code(name, 80)}" for kind, name in adopted.items()
    )
    left = f"; {count(watched, 'detection')} watched by alarms of others" if watched else ""
    what = f"Adopted: {names or 'nothing'}{left}."
    return kit.message(
        f"Written to the settings of {esc(site, 60)} by {esc(by, 80)}. {what}",
        [
            kit.section(f":white_check_mark: *Written to the settings*\n{what}"),
            kit.context(
                f"site {code(site, 60)} · by {esc(by, 80)} · {code('/trailwatch setup plan')} "
                "shows what is left to do"
            ),
        ],
    )


def _said(found: Found) -> str:
    if found.trail is None:
        return "trailwatch's own trail stands." if found.own else "there is no trail."
    return f"trail {esc(found.trail.name, 80)}; {count(len(found.watched), 'filter')} known."


def _trail(found: Found) -> Block:
    trail = found.trail
    if trail is None:
        whose = f"trailwatch's own, {code(found.config.trail, 80)}" if found.own else "none"
        lines = [f":file_folder: *Trail*: {whose}"]
    else:
        lines = [
            f":file_folder: *Trail* {code(trail.name, 80)}: {esc(trail.said, 400)}",
            f"bucket {code(trail.bucket, 80)}",
        ]
        if trail.log_group:
            lines.append(f"log group {code(trail.log_group, 120)} · role {code(trail.role, 80)}")
        if trail.kms:
            lines.append(f"encrypted with {code(trail.kms, 120)}")
    topic = found.config.adopted.get("topic")
    if topic:
        lines.append(f"topic {code(topic, 120)}")
    lines += [
        f"_not used_: {code(one.name, 80)}, {esc(one.hindrance or one.said, 200)}"
        for one in found.others[:3]
    ]
    return kit.section(kit.fit_lines(lines))


def _watched(found: Found) -> list[Block]:
    if not found.watched:
        return []
    # A message takes one table only, and that is the settings'.
    items = [_words(one) for one in found.watched[:_MOST_ROWS]]
    left = len(found.watched) - len(items)
    if left > 0:
        items.append([(f"… {left} more", "italic")])
    title = f":mag: *{count(len(found.watched), 'filter')} the same as a detection*"
    return [kit.section(title), kit.rich_text(kit.listing(items))]


def _words(one: Watched) -> list[Word]:
    """One filter: the detection, the alarm that watches it, and what follows."""
    words: list[Word] = [
        (plain(one.detection, 60), "bold"),
        " by the filter ",
        (plain(one.filter.name, 80), "code"),
    ]
    if one.alarm:
        words += [", alarm ", (plain(one.alarm, 80), "code")]
    if one.lack:
        return [*words, f": {plain(one.lack, 120)}, so trailwatch makes its own"]
    words.append(": already watched, not doubled")
    if one.late:
        words.append("; it may miss records that come late (/trailwatch setup lint: TW426)")
    return words


def _unknown(found: Found) -> list[Block]:
    if not found.unknown:
        return []
    names = ", ".join(code(one.name, 60) for one in found.unknown[:10])
    more = f" and {len(found.unknown) - 10} more" if len(found.unknown) > 10 else ""
    what = count(len(found.unknown), "filter matches", "filters match")
    return [kit.context(f"{what} no detection, left alone: {names}{more}")]


def _settings(found: Found) -> list[Block]:
    if not found.settings:
        return [kit.section(":white_check_mark: The settings say so already.")]
    rows = [
        [plain(name, 60), plain(before, 80) or "none", plain(after, 120) or "none"]
        for name, before, after in found.settings[:_MOST_ROWS]
    ]
    left = len(found.settings) - len(rows)
    more = [kit.context(f"… {count(left, 'more setting')}")] if left > 0 else []
    return [
        kit.section(":gear: *Would be written to the settings*"),
        kit.table(["Setting", "Now", "Then"], rows, wrap=(1, 2)),
        *more,
    ]
