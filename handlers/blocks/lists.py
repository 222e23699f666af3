"""Knows how short lists look: alerts, access, detections, the bot's state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from handlers.blocks import kit
from handlers.blocks.alert import severity_emoji, state_words
from handlers.blocks.kit import Message, code, count, date, esc, plain, prose, span
from trailwatch.alert import Alert
from trailwatch.detections import Detection, DetectionKind

SHOWN_ALERTS = 20


def alerts_message(alerts: Sequence[Alert], now: datetime) -> Message:
    """Alerts in the order given, one line each."""
    if not alerts:
        text = "No alert is open."
        return kit.message(text, [kit.section(f":white_check_mark: {text}")])
    lines = [
        f":{severity_emoji(alert)}: *{esc(alert.title, 120)}* · {esc(alert.severity, 4)} · "
        f"{state_words(alert, led=True)} · {date(alert.first_seen)}"
        + (f" · {esc(alert.fields.account_name or alert.fields.account, 40)}")
        for alert in alerts[:SHOWN_ALERTS]
    ]
    more = len(alerts) - len(lines)
    if more > 0:
        lines.append(f"… {count(more, 'more alert')}; narrow it: /trailwatch alerts --since 1h")
    text = f"{count(len(alerts), 'alert')}."
    return kit.message(text, [kit.section(f"*{text}*"), kit.section(kit.fit_lines(lines))])


def access_message(
    roles: Mapping[str, str], own: str, here: Mapping[str, str] | None = None
) -> Message:
    """Who has a role of their own. `here`: in the channel in which somebody asks alone."""
    lines = [f"You are *{esc(own, 20)}* here."]
    for place, found in (("", roles), (" in this channel", here or {})):
        for who, role in sorted(found.items(), key=lambda pair: (pair[1], pair[0])):
            shown = f"<!subteam^{who}>" if who.startswith("S") else f"<@{who}>"
            lines.append(f"• {shown if who.isalnum() else code(who)}: {esc(role, 20)}{place}")
    lines.append("Every other full member of this workspace is viewer; guests may do nothing.")
    return kit.message(f"You are {esc(own, 20)}.", [kit.section(kit.fit_lines(lines))])


def detections_message(
    packs: Mapping[str, Sequence[str]], name: str, chosen: Sequence[Detection]
) -> Message:
    """The packs, or the detections of one."""
    if not name:
        lines = [
            f"• *{esc(pack, 40)}*: {count(len(ids), 'detection')}" for pack, ids in packs.items()
        ]
        lines.append(
            "See one: `/trailwatch detections cis`; use it: `/trailwatch setup plan --pack cis`"
        )
        return kit.message("Packs of detections.", [kit.section(kit.fit_lines(lines))])
    lines = [f"• {code(d.id)} {esc(d.severity.value, 4)} {esc(d.title, 100)}" for d in chosen]
    title = f"Pack {esc(name, 40)}: {count(len(chosen), 'detection')}"
    return kit.message(
        f"{title}.",
        [kit.section(f"*{title}*"), kit.section(kit.fit_lines(lines, hint="see the docs"))],
    )


def detection_message(detection: Detection) -> Message:
    """One detection with all that a person needs to judge it; what it does not say is left out."""
    exempt = ", ".join(one.value.replace("_", " ") for one in detection.exempt)
    pairs = (
        ("Why", detection.why),
        ("First", detection.runbook),
        ("Noise", detection.noise),
        ("Passes over", f"{exempt} of the site" if exempt else ""),
        ("References", ", ".join(detection.references)),
    )
    compliance = detection.kind is DetectionKind.COMPLIANCE
    alarm = f"{count(detection.threshold, 'event')} within {span(detection.period)}"
    kind = "the text that scanners demand, never edited · " if compliance else ""
    return kit.message(
        f"{esc(detection.title, 100)} ({esc(detection.severity.value, 4)}).",
        [
            kit.header(kit.label(detection.title, 150)),
            kit.context(
                f"{code(detection.id)} · *{esc(detection.severity.value, 4)}* · {kind}"
                f"alarm at {alarm}"
            ),
            kit.rich_text(kit.lines(plain(detection.pattern, 2000))),
            *(kit.section(f"*{name}*\n{prose(value, 900)}") for name, value in pairs if value),
        ],
    )
