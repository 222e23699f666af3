"""Knows what a CloudTrail record says was touched: which user, bucket, role, group. Pure.

Every value is text of the caller's choice; it is cut here, and never escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trailwatch.record import text_at

Record = Mapping[str, Any]

MOST_NAMES = 3
"""Things of one kind that are named; of more it is said how many."""
LONGEST_NAME = 120
LONGEST = 250
"""Characters of one name, and of the whole."""

_THINGS = (
    # What a call is about, the most telling first: a call may name several of these.
    "userName", "roleName", "groupName", "instanceProfileName", "functionName", "layerName",
    "bucketName", "secretId", "keyId", "trailName", "logGroupName", "topicArn", "subscriptionArn",
    "alarmNames", "alarmName", "instanceId", "instanceIds", "instancesSet", "imageId", "snapshotId",
    "volumeId", "groupId", "networkAclId", "routeTableId", "internetGatewayId", "natGatewayId",
    "customerGatewayId", "vpcPeeringConnectionId", "networkInterfaceId", "flowLogId", "keyName",
    "associationId", "subnetId", "vpcId", "allocationId", "publicIp",
    "dBSnapshotIdentifier", "dBClusterSnapshotIdentifier", "dBInstanceIdentifier",
    "dBClusterIdentifier", "sourceArn", "tableName", "tableArn", "backupArn",
    "recoveryPointArn", "backupVaultName", "backupPlanId", "vaultName", "repositoryName",
    "queueUrl", "policyArn", "policyName", "policyId", "sAMLProviderArn",
    "openIDConnectProviderArn", "serialNumber", "virtualMFADeviceName", "roleArn",
    "targetPrincipal", "targetId", "target", "targets", "resourcesSet", "resourceArn",
    "configurationRecorderName", "deliveryChannelName", "resolverQueryLogConfigId", "budgetName",
    "monitorArn", "subscriptionId", "emailIdentity", "identity", "emailAddress", "domainName",
    "domain", "regionName", "modelId", "eventDataStore", "analyzerName", "stackName",
    "clusterName", "trustAnchorId", "profileId", "permissionSetArn", "name", "names", "path",
    "detectorId", "parameterName", "url", "resourceId", "accountId",
)  # fmt: skip
_MORE = (
    # What is told of it besides.
    "policyArn", "policyName", "accessKeyId", "groupName", "instanceProfileName", "roleName",
    "principal", "documentName", "filterName", "s3BucketName", "bucket", "principalId", "layers",
    "dBInstanceIdentifier", "iamInstanceProfile", "gatewayId", "servicePrincipal",
    "destinationCidrBlock", "cidrBlock", "attributeName", "versionId", "vpcId",
    "taskPolicyArn", "instanceType", "resourceTypes",
    "alternateContactType", "serviceName", "groupDescription",
)  # fmt: skip
_NO_THINGS = frozenset({"requestId", "hostId", "clientRequestToken", "roleSessionName"})
_SUFFIXES = ("Name", "Identifier", "Id", "Arn", "ARN")
_HIDDEN = frozenset({"", "HIDDEN_DUE_TO_SECURITY_REASONS", "<sensitiveDataRemoved>"})
_WHOLE = frozenset({"s3", "sns", "logs", "execute-api"})
"""Services in whose ARNs the resource's name has colons or slashes of its own."""
_AROUND = frozenset({"vpcId", "subnetId", "domain"})
"""Where something is made: what was made stands in the answer alone."""


def target_of(record: Record) -> str:
    """What a call was made on and, after a colon, what of it matters: "eve: AdministratorAccess",
    "sg-0a1b2c: tcp 22 from 0.0.0.0/0", "data/2026/report.csv"; "" where the record names nothing.

    Source: "CloudTrail record contents" (requestParameters, responseElements, resources) in the
    AWS CloudTrail user guide, and the parameters of the APIs themselves.
    """
    account = text_at(record, "recipientAccountId")
    asked = _flat(record.get("requestParameters"))
    given = _flat(record.get("responseElements"))
    thing, used = _first(asked, _THINGS, account)
    if not thing or used in _AROUND:
        made, key = _first(_one_deeper(given), _THINGS, account)
        thing, used = (made, key) if made else (thing, used)
    if used == "bucketName" and (key := _text(asked.get("key"), account)):
        thing = f"{thing}/{key}"
    if not thing:
        thing, used = _first(asked, _MORE, account)
    if not thing:
        thing = _named_so(asked, account) or _of_resources(record, account)
    more = _besides(asked, given, account, used)
    return _cut(f"{thing}: {more}" if more and more != thing else thing, LONGEST)


def _besides(asked: Record, given: Record, account: str, used: str) -> str:
    """Whom something was opened to, else the second thing that the call names."""
    opened = _rules(asked) or _shared_with(asked, account)
    if opened:
        return opened
    if used == "instancesSet" or not used:
        return _text(asked.get("instanceType"), account)
    found, _ = _first({**_one_deeper(given), **asked}, [n for n in _MORE if n != used], account)
    return found


def _rules(asked: Record) -> str:
    """Which ports were opened to whom: of security groups and network ACLs."""
    rules = _items(asked.get("ipPermissions")) or ([asked] if "cidrIp" in asked else [])
    told: list[str] = []
    for rule in rules:
        ranges = [*_items(rule.get("ipRanges")), *_items(rule.get("ipv6Ranges")), rule]
        froms = [
            value
            for one in ranges
            for name in ("cidrIp", "cidrIpv6")
            if (value := text_at(one, name))
        ]
        froms += [text_at(one, "groupId") for one in _items(rule.get("groups"))]
        told.append(f"{_ports(rule)} from {_listed([one for one in froms if one]) or '?'}")
    if not told and "ruleAction" in asked:
        whom = text_at(asked, "cidrBlock") or text_at(asked, "ipv6CidrBlock")
        return f"{text_at(asked, 'ruleAction')} {_cut(whom, LONGEST_NAME)}".strip()
    return _listed(told)


def _ports(rule: Record) -> str:
    protocol = str(rule.get("ipProtocol", ""))[:20]
    first, last = rule.get("fromPort"), rule.get("toPort")
    if protocol == "-1" or (protocol == "" and first is None):
        return "all ports"
    if not isinstance(first, int) or first < 0:
        return protocol
    return f"{protocol} {first}" if last in (first, None) else f"{protocol} {first}-{str(last)[:8]}"


def _shared_with(asked: Record, account: str) -> str:
    """The accounts that an image or a snapshot was shared with, "all" for everybody."""
    for name in ("launchPermission", "createVolumePermission"):
        permission = asked.get(name)
        if isinstance(permission, Mapping):
            added = _items(permission.get("add"))
            found = [text_at(one, "userId") or text_at(one, "group") for one in added]
            return _listed([_cut(one, LONGEST_NAME) for one in found if one])
    values = asked.get("valuesToAdd") or asked.get("principals")
    return _text(values, account) if isinstance(values, list) else ""


def _first(values: Record, names: Iterable[str], account: str) -> tuple[str, str]:
    """The first of these that has a value, and its name."""
    for name in names:
        if name in values and (found := _text(values[name], account)):
            return found, name
    return "", ""


def _named_so(asked: Record, account: str) -> str:
    """Of a call whose parameters are not known here: what is called a name or an id."""
    for suffix in _SUFFIXES:
        for name, value in asked.items():
            if name.endswith(suffix) and name not in _NO_THINGS and isinstance(value, str):
                return _text(value, account)
    return ""


def _of_resources(record: Record, account: str) -> str:
    found = record.get("resources")
    arns = [text_at(one, "ARN") for one in found if isinstance(one, Mapping)] if isinstance(
        found, list
    ) else []  # fmt: skip
    return _listed([_short(one, account) for one in arns if one])


def _flat(value: object) -> dict[str, Any]:
    """Parameters by their names with a small first letter; also out of EC2's "…Request"."""
    if not isinstance(value, Mapping):
        return {}
    found = {str(key)[:1].lower() + str(key)[1:]: one for key, one in value.items()}
    if len(found) == 1:
        key, inner = next(iter(found.items()))
        if key.endswith(("Request", "Response")) and isinstance(inner, Mapping):
            return _flat(inner)
    return found


def _one_deeper(values: Record) -> dict[str, Any]:
    """What an answer holds, and what the objects in it hold."""
    found: dict[str, Any] = {}
    for value in values.values():
        if isinstance(value, Mapping):
            found.update(_flat(value))
    return {**found, **values}


def _text(value: object, account: str) -> str:
    """A name, or some; "" for what is none."""
    if isinstance(value, str):
        return "" if value in _HIDDEN else _short(value, account)
    if isinstance(value, list):
        return _listed([_short(one, account) for one in value if isinstance(one, str) and one])
    if isinstance(value, Mapping):
        if isinstance(content := value.get("content"), str):
            return _short(content, account)
        if own := text_at(_flat(value), "arn") or text_at(_flat(value), "name"):
            return _short(own, account)
        names = ("instanceId", "resourceId", "groupId")
        ids = (next((t for n in names if (t := text_at(one, n))), "") for one in _items(value))
        return _listed([_cut(one, LONGEST_NAME) for one in ids if one])
    return ""


def _items(value: object) -> Sequence[Record]:
    found = value.get("items") if isinstance(value, Mapping) else None
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _short(name: str, account: str) -> str:
    """An ARN of the own account, or of AWS's, by its resource's name; another account's whole."""
    parts = name[:2000].split(":", 5)
    if len(parts) < 6 or parts[0] != "arn":
        return _cut(name, LONGEST_NAME)
    service, owner, resource = parts[2], parts[4], parts[5]
    if owner not in ("", "aws", account):
        return _cut(name, LONGEST_NAME)
    if service not in _WHOLE:
        kind, colon, name_of = resource.partition(":")
        resource = name_of if colon and "/" not in kind else resource.rsplit("/", 1)[-1]
    return _cut(resource, LONGEST_NAME)


def _listed(names: Sequence[str]) -> str:
    several = list(dict.fromkeys(names))
    shown = ", ".join(several[:MOST_NAMES])
    more = len(several) - MOST_NAMES
    return f"{shown} and {more:,} more" if more > 0 else shown


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
