"""The doctor tries the examples of a team's own detections."""

from __future__ import annotations

from pathlib import Path

from bot.doctor import examine
from bot.settings import read_settings

OWN = """
id = "mine"
title = "Mine"
severity = "P4"
kind = "detection"
pattern = '{ $.eventName = "DeleteVpnConnection" }'
why = "w."
runbook = "r."
noise = "n."
references = ["ours"]
period_seconds = 60
threshold = 1
[examples]
matches = ['{"eventName": "DeleteVpnConnection"}']
near_misses = ['{"eventName": "MISS"}']
"""


def examined(folder: Path | None) -> tuple[bool, str, str]:
    named = {"TRAILWATCH_DETECTIONS": str(folder)} if folder else {}
    database = {"DATABASE_URL": "sqlite:////nowhere/trailwatch.db"}
    checks = examine(read_settings({**named, **database}, None))
    found = next(check for check in checks if check.name == "detections")
    return found.ok, found.detail, found.fix


def test_own_detections_are_tried(tmp_path: Path) -> None:
    assert examined(None)[0]
    file = tmp_path / "mine.toml"
    file.write_text(OWN)
    ok, detail, _ = examined(tmp_path)
    assert ok
    assert detail.endswith(", 1 of your own with their examples")
    file.write_text(OWN.replace("MISS", "DeleteVpnConnection"))
    ok, detail, fix = examined(tmp_path)
    assert (ok, detail) == (False, "Examples of mine are not what the pattern does.")
    assert str(tmp_path) in fix
    file.write_text(OWN.replace("P4", "P9"))
    ok, detail, _ = examined(tmp_path)
    assert not ok
    assert "mine.toml: severity" in detail
