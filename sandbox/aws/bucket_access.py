"""Corrects how moto reads a bucket's policy. Knows no policy of its own.

moto takes a condition that is not met for a refusal, so that "deny without TLS" refuses everybody.
In AWS such a statement says nothing of the call. Loopback stands for TLS here, and CloudTrail's
conditions are of no concern to other callers: statements with conditions are left out.
"""

from __future__ import annotations

import json
from typing import Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket


def install() -> None:
    """Let moto's buckets judge by their unconditional statements."""
    setattr(FakeBucket, "get_permission", _permission)  # noqa: B010 - replaced on purpose


def _permission(bucket: FakeBucket, action: str, resource: str) -> Any:
    if bucket.policy is None:
        return PermissionResult.NEUTRAL
    policy = json.loads(bucket.policy)
    statements = policy["Statement"]
    listed = statements if isinstance(statements, list) else [statements]
    policy["Statement"] = [one for one in listed if not one.get("Condition")]
    return IAMPolicy(json.dumps(policy)).is_action_permitted(action, resource)
