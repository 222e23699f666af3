"""A sample of benchmarks/faults.py, which lets every call of an apply fail in every way."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "faults.py"
NAME = "benchmark_of_faults"


def load() -> ModuleType:
    """The benchmark as a module: it is no package's."""
    if NAME not in sys.modules:
        spec = importlib.util.spec_from_file_location(NAME, BENCHMARK)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[NAME] = module
        spec.loader.exec_module(module)
    return sys.modules[NAME]


@pytest.mark.parametrize(
    ("target", "name", "kind", "ended"),
    [
        ("aws", "PutBucketPolicy", "denied", "stopped at bucket"),
        ("aws", "DescribeMetricFilters", "denied", "not begun: AWS refused DescribeMetricFilters"),
        ("aws", "CreateRole", "throttled", "done"),
        ("aws", "CreateTrail", "reset", "done"),
        ("aws", "PutMetricAlarm", "timeout", "done"),
        ("aws", "Subscribe", "lost", "done"),
        ("opsgenie", "POST /v2/integrations", "lost", "done"),
    ],
)
def test_a_call_that_fails_leaves_nothing_unknown_and_touches_no_stranger(
    target: str, name: str, kind: str, ended: str
) -> None:
    faults = load()
    outcome = faults.trial(faults.Call(target, name), kind)
    assert outcome.well, outcome
    assert outcome.ended.startswith(ended)
    assert bool(outcome.repairs) is (ended != "done")
