"""Knows what a person should hear of a plan that its changes don't say by themselves. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from setup.change import Action, Change


def option_notes(changes: Iterable[Change]) -> tuple[str, ...]:
    """Sentences on keys that go on being needed, and on what cannot be taken back."""
    found = []
    for change in changes:
        if change.action is not Action.UPDATE or change.before is None or change.after is None:
            lock = (change.after or {}).get("object_lock")
        else:
            lock = change.after.get("object_lock")
            lock = lock if lock != change.before.get("object_lock") else None
            key = _left(change)
            if key:
                found.append(
                    f"The {change.label} {change.name} is no longer encrypted with {key}, but what "
                    "is in it already is: the key stays, and has to."
                )
        if lock:
            found.append(
                f"Object lock on the bucket {change.name} ({lock}) cannot be switched off again: "
                "its files stay for that long, and so does the bucket."
            )
    return tuple(found)


def _left(change: Change) -> str:
    """The key that something was encrypted with and will not be any more."""
    before, after = change.before or {}, change.after or {}
    for name in ("kms_key", "encryption"):
        old, new = str(before.get(name, "")), str(after.get(name, ""))
        key = old.removeprefix("aws:kms").strip()
        if old != new and key not in ("", "none", "AES256") and change.kind != "topic":
            return key
    return ""
