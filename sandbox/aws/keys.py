"""Knows what KMS lets a service do with a key, and what a key's state forbids. Never encrypts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from moto.kms.models import Key, KmsBackend, kms_backends

from sandbox.aws.backends import Account
from sandbox.aws.operations import Handler, Proceed
from sandbox.aws.policy import allows
from sandbox.aws.protocol import AwsCall, Refusal
from sandbox.wire import Answer

PENDING = "PendingDeletion"
NOT_WHILE_PENDING = (
    "CreateAlias",
    "EnableKey",
    "EnableKeyRotation",
    "PutKeyPolicy",
    "ScheduleKeyDeletion",
    "TagResource",
)
"""What a key that is to be deleted refuses. Source: Key states of AWS KMS keys, KMS guide."""


class Keys:
    """The KMS keys of an account, kept where moto keeps them."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def handlers(self) -> dict[str, Handler]:
        return dict.fromkeys(NOT_WHILE_PENDING, self._by_state)

    def find(self, region: str, name: str) -> Key | None:
        """A key of the account by id, ARN or alias; None where there is none in the Region."""
        if name.startswith("arn:") and name.split(":")[3:5] != [region, self._account.id]:
            return None
        backend: KmsBackend = kms_backends[self._account.id][region]
        alias = backend.get_alias_name(name)
        if alias.startswith("alias/") and backend.get_key_id_from_alias(alias) is None:
            return None
        return backend.keys.get(backend.any_id_to_key_id(name))

    def lets(
        self, key: Key, service: str, actions: Sequence[str], context: Mapping[str, str]
    ) -> bool:
        """Whether a key works and its policy lets a service do all of these actions."""
        return key.key_state == "Enabled" and all(
            allows(
                key.policy,
                service=service,
                action=f"kms:{action}",
                resource=key.arn,
                context={"aws:SourceAccount": self._account.id, **context},
            )
            for action in actions
        )

    def _by_state(self, call: AwsCall, proceed: Proceed) -> Answer:
        key = self.find(call.region, str(call.get("KeyId") or call.get("TargetKeyId") or ""))
        if key is not None and key.key_state == PENDING:
            raise Refusal("KMSInvalidStateException", f"{key.arn} is pending deletion.")
        if key is not None and key.key_state == "Disabled" and call.operation.endswith("Rotation"):
            raise Refusal("DisabledException", f"{key.arn} is disabled.")
        return proceed()
