"""Knows CloudFormation templates: what is in one, as far as it can be told before it is deployed.

Parameters have their default values; conditions may be true or false. A name that CloudFormation
makes up stands as the resource's logical id in parentheses. Asks no AWS.
Source: Template reference, and Intrinsic function reference, CloudFormation user guide.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from setup.lint import items
from setup.lint.chain import PLACEHOLDER, Bucket, Chain, Place, Subscription, Topic, known, same
from setup.lint.document import Budget, places_of
from setup.lint.items import Props

_NAMES = {
    "AWS::CloudTrail::Trail": "TrailName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::Logs::MetricFilter": "FilterName",
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::CompositeAlarm": "AlarmName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::IAM::Role": "RoleName",
}
_ARNS = {
    "AWS::CloudTrail::Trail": "cloudtrail:{region}:{account}:trail/{name}",
    "AWS::Logs::LogGroup": "logs:{region}:{account}:log-group:{name}:*",
    "AWS::CloudWatch::Alarm": "cloudwatch:{region}:{account}:alarm:{name}",
    "AWS::CloudWatch::CompositeAlarm": "cloudwatch:{region}:{account}:alarm:{name}",
    "AWS::SNS::Topic": "sns:{region}:{account}:{name}",
    "AWS::S3::Bucket": "s3:::{name}",
    "AWS::IAM::Role": "iam::{account}:role/{name}",
}
_ARN_BY_REF = ("AWS::SNS::Topic",)
_NAME_BY_GETATT = ("TopicName", "AlarmName")
_GONE: Any = object()
"""What {"Ref": "AWS::NoValue"} leaves: the property is as if it were not written."""


def is_template(document: Any) -> bool:
    """Whether a document is a CloudFormation template."""
    if not isinstance(document, Mapping) or not isinstance(document.get("Resources"), Mapping):
        return False
    return "AWSTemplateFormatVersion" in document or any(
        isinstance(one, Mapping) and "Type" in one for one in document["Resources"].values()
    )


def chain_of_template(document: Mapping[str, Any], source: str) -> Chain:
    """What a template makes. `source` names its file."""
    return _Template(document, source).chain(source)


class _Template:
    def __init__(self, document: Mapping[str, Any], source: str) -> None:
        self.budget = Budget(source)
        self.made: dict[str, Props] = {}
        found = document["Resources"]
        self.resources = {
            str(name): one
            for name, one in found.items()
            if isinstance(one, Mapping) and isinstance(one.get("Type"), str)
        }
        self.places = places_of(found)
        self.parameters = _tables(document.get("Parameters"))
        self.mappings = _tables(document.get("Mappings"))
        self._depth = 0

    def chain(self, source: str) -> Chain:
        topics = tuple(
            items.topic(self._with_policy(p), self._arn(p.address))
            for p in self._of("AWS::SNS::Topic")
        )
        alarms = [items.alarm(p) for p in self._of("AWS::CloudWatch::Alarm")]
        looked_at = (items.expression_metrics(p) for p in self._of("AWS::CloudWatch::Alarm"))
        return Chain(
            source,
            trails=tuple(items.trail(p) for p in self._of("AWS::CloudTrail::Trail")),
            groups=tuple(items.log_group(p) for p in self._of("AWS::Logs::LogGroup")),
            filters=tuple(items.metric_filter(p) for p in self._of("AWS::Logs::MetricFilter")),
            alarms=tuple(alarm for alarm in alarms if alarm is not None),
            composites=tuple(
                items.composite(p) for p in self._of("AWS::CloudWatch::CompositeAlarm")
            ),
            in_expressions=frozenset(one for several in looked_at for one in several),
            topics=tuple(self._with_key(topic) for topic in topics),
            subscriptions=tuple(self._subscriptions()),
            buckets=tuple(self._buckets()),
        )

    def _of(self, kind: str) -> Iterator[Props]:
        for logical, one in self.resources.items():
            if one["Type"] == kind:
                if logical not in self.made:
                    self.made[logical] = self._props(logical, one)
                yield self.made[logical]

    def _props(self, logical: str, one: Mapping[str, Any]) -> Props:
        raw = one.get("Properties") or {}
        found = self._resolved(raw)
        values = found if isinstance(found, Mapping) else {}
        places = dict(places_of(raw))
        places[""] = self.places.get(logical, Place())
        return Props(values, self._name(logical), logical, places)

    # Names and ARNs

    def _name(self, logical: str) -> str:
        """What AWS will call a resource, or its logical id in parentheses."""
        one = self.resources[logical]
        properties = one.get("Properties") or {}
        key = _NAMES.get(str(one["Type"]), "")
        name = self._resolved(properties.get(key)) if isinstance(properties, Mapping) else None
        return name if isinstance(name, str) and name else f"({logical})"

    def _arn(self, logical: str) -> str:
        rest = _ARNS.get(str(self.resources[logical]["Type"]))
        if rest is None:
            return f"({logical})"
        region, account = _open("AWS::Region"), _open("AWS::AccountId")
        filled = rest.format(region=region, account=account, name=self._name(logical))
        return f"arn:{_open('AWS::Partition')}:{filled}"

    # Intrinsic functions

    def _resolved(self, value: Any) -> Any:
        """A value with its functions carried out; None where that cannot be told."""
        self.budget.spend()
        if isinstance(value, Mapping):
            if len(value) == 1:
                key, argument = next(iter(value.items()))
                if key in ("Ref", "Condition") or str(key).startswith("Fn::"):
                    return self._called(str(key), argument)
            found = {str(key): self._resolved(one) for key, one in value.items()}
            return {key: one for key, one in found.items() if one is not _GONE}
        if isinstance(value, list):
            return [one for one in map(self._resolved, value) if one is not _GONE]
        return value

    def _called(self, key: str, argument: Any) -> Any:
        functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::Join": self._join,
            "Fn::If": self._if,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::FindInMap": self._find_in_map,
            "Fn::ImportValue": lambda name: _open(_text(self._resolved(name))),
        }
        function = functions.get(key)
        if function is None or self._depth > 50:
            return None
        self._depth += 1
        try:
            return function(argument)
        finally:
            self._depth -= 1

    def _ref(self, name: Any) -> Any:
        name = str(name)
        if name == "AWS::NoValue":
            return _GONE
        if name in self.parameters:
            parameter = self.parameters[name]
            if "Default" not in parameter:
                return _open(name)
            default = parameter["Default"]
            listed = "List" in str(parameter.get("Type", ""))
            return str(default).split(",") if listed and not isinstance(default, list) else default
        if name in self.resources:
            by_arn = self.resources[name]["Type"] in _ARN_BY_REF
            return self._arn(name) if by_arn else self._name(name)
        return _open(name)

    def _get_att(self, argument: Any) -> Any:
        parts = argument.split(".", 1) if isinstance(argument, str) else argument
        if not isinstance(parts, list) or len(parts) != 2:
            return None
        logical, attribute = str(parts[0]), str(self._resolved(parts[1]))
        if logical in self.resources:
            if attribute in _NAME_BY_GETATT:
                return self._name(logical)
            if attribute.endswith("Arn"):
                return self._arn(logical)
        return _open(f"{logical}.{attribute}")

    def _sub(self, argument: Any) -> Any:
        text: Any = argument
        own: Mapping[str, Any] = {}
        if isinstance(argument, list) and len(argument) == 2 and isinstance(argument[1], Mapping):
            text, own = argument[0], argument[1]
        if not isinstance(text, str):
            return None

        def fill(match: re.Match[str]) -> str:
            name = match[0][2:-1].strip()
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in own:
                found = self._resolved(own[name])
            elif "." in name and not name.startswith("AWS::"):
                found = self._get_att(name)
            else:
                found = self._ref(name)
            return _text(found) or match[0]

        return PLACEHOLDER.sub(fill, text)

    def _join(self, argument: Any) -> Any:
        found = self._resolved(argument)
        if not isinstance(found, list) or len(found) != 2 or not isinstance(found[1], list):
            return None
        return str(found[0]).join(_text(one) or "${?}" for one in found[1])

    def _if(self, argument: Any) -> Any:
        """The conditions of a template depend on its parameters: both branches may come."""
        if not isinstance(argument, list) or len(argument) != 3:
            return None
        yes, no = self._resolved(argument[1]), self._resolved(argument[2])
        return yes if yes == no else None

    def _select(self, argument: Any) -> Any:
        found = self._resolved(argument)
        if not isinstance(found, list) or len(found) != 2 or not isinstance(found[1], list):
            return None
        index = items.number(found[0])
        if index is None or not 0 <= index < len(found[1]):
            return None
        return found[1][int(index)]

    def _split(self, argument: Any) -> Any:
        found = self._resolved(argument)
        if not isinstance(found, list) or len(found) != 2 or not isinstance(found[1], str):
            return None
        return found[1].split(str(found[0])) if known(found[1]) else None

    def _find_in_map(self, argument: Any) -> Any:
        found = self._resolved(argument)
        if not isinstance(found, list) or len(found) < 3:
            return None
        table: Any = self.mappings.get(str(found[0]))
        for key in found[1:3]:
            table = table.get(str(key)) if isinstance(table, Mapping) else None
        return table

    # What several resources make together

    def _with_policy(self, p: Props) -> Props:
        """A topic's properties with the policy that an AWS::SNS::TopicPolicy gives it."""
        for policy in self._of("AWS::SNS::TopicPolicy"):
            topics = policy.texts("Topics")
            if topics is None or any(
                same(one, self._arn(p.address)) is not False for one in topics
            ):
                values = {**p.values, "Policy": policy.get("PolicyDocument")}
                places = {**p.places, "Policy": policy.places.get("PolicyDocument", Place())}
                return Props(values, p.fallback, p.address, places)
        return p

    def _with_key(self, topic: Topic) -> Topic:
        """A topic with its key's policy, where the key is made here."""
        for key in self._of("AWS::KMS::Key"):
            if topic.key in (key.fallback, self._arn(key.address)):
                return replace(topic, key_policy=key.document("KeyPolicy"))
        return topic

    def _subscriptions(self) -> Iterator[Subscription]:
        for p in self._of("AWS::SNS::Subscription"):
            yield items.subscription(p)
        for p in self._of("AWS::SNS::Topic"):
            found = p.get("Subscription", [])
            arn = self._arn(p.address)
            for one in found if isinstance(found, list) else [None]:
                values = {**one, "TopicArn": arn} if isinstance(one, Mapping) else {"TopicArn": arn}
                places = {"": p.places.get("Subscription", p.places[""])}
                yield items.subscription(Props(values, p.fallback, p.address, places))

    def _buckets(self) -> Iterator[Bucket]:
        policies = list(self._of("AWS::S3::BucketPolicy"))
        for p in self._of("AWS::S3::Bucket"):
            mine = [one for one in policies if same(one.text("Bucket"), p.fallback)]
            policy = mine[0].document("PolicyDocument") if mine else None
            places = {**p.places, "policy": mine[0].places[""]} if mine else p.places
            yield items.bucket(Props(p.values, p.fallback, p.address, places), policy)


def _open(name: str) -> str:
    """What stands for a text that deployment decides; without colons, which part an ARN."""
    return f"${{{name.replace(':', '.')}}}"


def _text(value: Any) -> str:
    """A value inside a text; "" where it isn't known."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value) if isinstance(value, str | int | float) else ""


def _tables(value: Any) -> dict[str, Mapping[str, Any]]:
    found = value if isinstance(value, Mapping) else {}
    return {str(key): one for key, one in found.items() if isinstance(one, Mapping)}
