"""Odd files: whatever stands where something else is expected, the lint answers or refuses."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setup.lint.document import read_document
from setup.lint.file import chain_in
from setup.lint.rules import judge
from setup.lint.sarif import sarif
from trailwatch.errors import UsageError

FILES = Path(__file__).parent / "lint_files"
DOCUMENTS = {
    path.name: read_document(path.read_text("utf-8"), path.name) for path in FILES.iterdir()
}
JUNK: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**20), 10**20),
        st.floats(),
        st.text(max_size=8),
        st.sampled_from(["${x}", "${", "{ $.", "%", "arn:aws:sns:::", "(A)", "aws_sns_topic.a"]),
    ),
    lambda below: st.one_of(
        st.lists(below, max_size=3),
        st.dictionaries(
            st.sampled_from(["Ref", "Fn::Sub", "Fn::GetAtt", "Fn::Join", "Fn::Select", "a", ""]),
            below,
            max_size=2,
        ),
    ),
    max_leaves=6,
)


def slots(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a document: the object or list, and the key in it."""
    found: list[tuple[Any, Any]] = []
    keys = value.keys() if isinstance(value, dict) else range(len(value))
    for key in keys:
        found.append((value, key))
        if isinstance(value[key], dict | list):
            found.extend(slots(value[key]))
    return found


@pytest.mark.parametrize("name", DOCUMENTS)
@settings(max_examples=30, deadline=None)
@given(st.data())
def test_junk_anywhere_is_judged_or_refused(name: str, data: st.DataObject) -> None:
    document = json.loads(json.dumps(copy.deepcopy(DOCUMENTS[name])))
    for _ in range(data.draw(st.integers(1, 3))):
        places = slots(document)
        holder, key = places[data.draw(st.integers(0, len(places) - 1))]
        holder[key] = data.draw(JUNK)
    text = json.dumps(document)
    try:
        chain = chain_in(text.encode(), "x.json")
    except UsageError:
        return
    found = judge(chain)
    json.dumps(sarif({"x.json": found}, "1.0.0"))
    assert all(one.message and one.mend for one in found)


@settings(max_examples=30, deadline=None)
@given(st.text(st.sampled_from("{}[]:,\"'!&*-|>#% \n\tRefResources0.1\\u\x00é"), max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for name in ("a.yaml", "a.json", "a.tf.json"):
        try:
            judge(chain_in(text.encode(), name))
        except UsageError as error:
            assert error.what


def laughing_yaml() -> str:
    """Ten levels, each of ten aliases of the one before."""
    levels = ["  l0: &l0 x"]
    levels += [f"  l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 10)]
    topic = "  A:\n    Type: AWS::SNS::Topic\n    Properties: {Subscription: *l9}\n"
    return "\n".join(["Mappings:", *levels, "Resources:", topic])


def laughing_module() -> str:
    names = {f"l{n}": [f"${{local.l{n - 1}}}"] * 10 for n in range(1, 10)}
    topic = {"aws_sns_topic": {"a": {"name": "${local.l9}"}}}
    return json.dumps({"locals": {"l0": "x", **names}, "resource": topic})


@pytest.mark.parametrize(
    ("name", "text"), [("a.yaml", laughing_yaml()), ("a.tf.json", laughing_module())]
)
def test_what_grows_without_end_is_refused(name: str, text: str) -> None:
    with pytest.raises(UsageError, match="grow beyond all measure"):
        judge(chain_in(text.encode(), name))
