"""Knows `terraform show -json`: what a plan or a state makes, links between resources resolved.

Values that a plan cannot know yet are looked for where the configuration refers to: through
variables, outputs of modules and resources. Runs no Terraform.
Source: JSON Output Format, Terraform documentation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from setup.lint.chain import Chain, Place
from setup.lint.document import Budget, places_of
from setup.lint.items import rows
from setup.lint.terraform import RENAMED, Found, chain_of

LINKS = frozenset(
    {
        "alarm_actions",
        "arn",
        "bucket",
        "cloud_watch_logs_group_arn",
        "cloud_watch_logs_role_arn",
        "kms_master_key_id",
        "log_group_name",
        "metric_name",
        "ok_actions",
        "s3_bucket_name",
        "topic_arn",
    }
)
"""Attributes that name another resource: where they aren't known yet, the reference tells."""
KINDS = tuple(RENAMED)
_COMPUTED = ("arn", "id")
_INDEX = re.compile(r'\[(?:\d+|"[^"]*")\]')
_STEP = re.compile(r'module\.([^.\[]+)(\[(?:\d+|"[^"]*")\])?')
_DEEPEST = 30

Steps = tuple[tuple[str, str], ...]
"""The way to a module: (name, index or "") from the root."""


def is_plan(document: Any) -> bool:
    """Whether a document is a plan or a state as `terraform show -json` prints it."""
    if not isinstance(document, Mapping) or "format_version" not in document:
        return False
    return isinstance(document.get("planned_values", document.get("values")), Mapping)


def chain_of_plan(document: Mapping[str, Any], source: str) -> Chain:
    """What a plan makes, or what a state holds. `source` names its file."""
    return chain_of(_Plan(document, source).found(), source)


class _Plan:
    def __init__(self, document: Mapping[str, Any], source: str) -> None:
        self.budget = Budget(source)
        values = document.get("planned_values", document.get("values")) or {}
        self.root = _table(_table(document.get("configuration")).get("root_module"))
        self.blind = "planned_values" in document and not self.root
        """Whether it is a plan without its configuration, so that references are not known."""
        self.variables = _table(document.get("variables"))
        self.resources: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
        """By the module's address and the resource's type and name: its instances."""
        for module, one in _resources(_table(values.get("root_module"))):
            if one.get("type") not in KINDS:
                continue
            key = (module, f"{one.get('type')}.{one.get('name')}")
            self.resources.setdefault(key, []).append(one)

    def found(self) -> list[Found]:
        return [
            self._found(module, one)
            for (module, _), instances in self.resources.items()
            for one in instances
        ]

    def _found(self, module: str, one: Mapping[str, Any]) -> Found:
        raw = _table(one.get("values"))
        steps = _steps(module)
        # A plan writes null for what is not set and leaves out what it cannot know.
        values = {key: value for key, value in raw.items() if value is not None}
        if self.blind:
            values.update(dict.fromkeys(RENAMED[str(one["type"])].keys() - raw.keys()))
        expressions = self._expressions(steps, f"{one.get('type')}.{one.get('name')}")
        for key, expression in expressions.items():
            value = raw.get(key, _ABSENT)
            if value is not _ABSENT and not (isinstance(value, list) and None in value):
                continue
            index = str(one.get("index", ""))
            linked = key in LINKS
            values[key] = self._linked(value, expression, steps, index) if linked else None
        places = {"": places_of(one).get("address", Place()), **places_of(raw)}
        return Found(str(one["type"]), str(one.get("address", "")), values, places)

    def _expressions(self, steps: Steps, name: str) -> Mapping[str, Any]:
        """What the configuration says of a resource's attributes."""
        module = self._module(steps)
        for one in rows(module.get("resources")):
            if isinstance(one, Mapping) and one.get("address") == name:
                return _table(one.get("expressions"))
        return {}

    def _module(self, steps: Steps) -> Mapping[str, Any]:
        module = self.root
        for name, _ in steps:
            module = _table(_table(_table(module.get("module_calls")).get(name)).get("module"))
        return module

    def _linked(self, value: Any, expression: Any, steps: Steps, index: str) -> Any:
        """What an unknown value refers to: a text, a list of texts for a list, or None."""
        names = self._of_expression(expression, steps, index, 0)
        if names is None:
            return None
        if isinstance(value, list):
            here = [one for one in value if one is not None]
            return [*here, *(name for name in names if name not in here)]
        if value is _ABSENT and isinstance(expression, Mapping) and len(names) == 1:
            return names[0]
        return None

    def _of_expression(
        self, expression: Any, steps: Steps, index: str, depth: int
    ) -> list[str] | None:
        self.budget.spend()
        if not isinstance(expression, Mapping) or depth > _DEEPEST:
            return None
        constant = expression.get("constant_value")
        if constant is not None:
            listed = constant if isinstance(constant, list) else [constant]
            return [str(one) for one in listed]
        names: list[str] = []
        references = [str(one) for one in rows(expression.get("references"))]
        for one in references:
            longer = any(
                two != one and two.startswith((f"{one}.", f"{one}[")) for two in references
            )
            if longer:
                continue
            found = self._of_reference(one, steps, index, depth + 1)
            if found is None:
                return None
            names.extend(found)
        return names or None

    def _of_reference(self, text: str, steps: Steps, index: str, depth: int) -> list[str] | None:
        parts = _INDEX.sub("", text).split(".")
        if parts[0] == "var" and len(parts) > 1:
            return self._of_variable(parts[1], steps, depth)
        if parts[0] == "module" and len(parts) > 2:
            call = _INDEX.search(text.partition(".")[2].partition(".")[0])
            inner: Steps = (*steps, (parts[1], call[0] if call else ""))
            output = _table(_table(self._module(inner).get("outputs")).get(parts[2]))
            return self._of_expression(output.get("expression"), inner, index, depth)
        if not parts[0].startswith("aws_") or len(parts) < 2:
            return None
        attribute = parts[2] if len(parts) > 2 else "id"
        instances = self._instances(steps, f"{parts[0]}.{parts[1]}")
        named = _INDEX.search(text)
        wanted = named[0].strip('[]"') if named else index
        exact = [one for one in instances if str(one.get("index", "")) == wanted]
        chosen = exact if len(exact) == 1 else instances
        if len(chosen) != 1:
            return None
        return [self._name(chosen[0], attribute)]

    def _of_variable(self, name: str, steps: Steps, depth: int) -> list[str] | None:
        if not steps:
            value = _table(self.variables.get(name)).get("value")
            listed = value if isinstance(value, list) else [value]
            texts = [one for one in listed if isinstance(one, str)]
            return texts if len(texts) == len(listed) else None
        call = _table(_table(self._module(steps[:-1]).get("module_calls")).get(steps[-1][0]))
        given = _table(call.get("expressions")).get(name)
        return self._of_expression(given, steps[:-1], steps[-1][1].strip('[]"'), depth)

    def _instances(self, steps: Steps, name: str) -> list[Mapping[str, Any]]:
        """The instances of a resource in a module; an index that is not said fits any."""
        return [
            one
            for (module, known), instances in self.resources.items()
            if known == name and _fits(_steps(module), steps)
            for one in instances
        ]

    @staticmethod
    def _name(one: Mapping[str, Any], attribute: str) -> str:
        values = {k: v for k, v in _table(one.get("values")).items() if v is not None}
        found = Found(str(one.get("type")), str(one.get("address")), values)
        return found.attribute("arn" if attribute in _COMPUTED else attribute)


_ABSENT: Any = object()


def _fits(steps: Steps, wanted: Steps) -> bool:
    return len(steps) == len(wanted) and all(
        mine[0] == theirs[0] and (mine[1] == theirs[1] or not theirs[1])
        for mine, theirs in zip(steps, wanted, strict=True)
    )


def _steps(module: str) -> Steps:
    return tuple((match[1], match[2] or "") for match in _STEP.finditer(module))


def _resources(module: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every managed resource of a module and those inside, with its module's address."""
    for one in rows(module.get("resources")):
        if isinstance(one, Mapping) and one.get("mode") != "data":
            yield str(module.get("address", "")), one
    for child in rows(module.get("child_modules")):
        if isinstance(child, Mapping):
            yield from _resources(child)


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
