"""Knows what kind of file holds a chain, and reads it. Changes nothing and asks no AWS."""

from __future__ import annotations

from setup.lint.chain import Chain
from setup.lint.cloudformation import chain_of_template, is_template
from setup.lint.document import MAX_BYTES, read_document
from setup.lint.terraform_json import chain_of_module, is_module
from setup.lint.terraform_plan import chain_of_plan, is_plan
from trailwatch.errors import UsageError


def chain_in(data: bytes, name: str) -> Chain:
    """The chain in a file's content; `name` is what it is called. Raises UsageError."""
    if len(data) > MAX_BYTES:
        raise UsageError(f"{name} is larger than {MAX_BYTES // 2**20} MB.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        fix = "A plan is printed as JSON: terraform show -json PLAN > plan.json"
        raise UsageError(f"{name} cannot be read: it is no text.", fix=fix) from error
    if name.endswith(".tf"):
        raise _not_hcl(name)
    document = read_document(text, name)
    if is_template(document):
        return chain_of_template(document, name)
    if is_plan(document):
        return chain_of_plan(document, name)
    if is_module(document):
        return chain_of_module(document, name)
    raise UsageError(
        f"{name} is nothing that can be checked.",
        "It is no CloudFormation template, no Terraform plan in JSON and no *.tf.json.",
        "Give it a template, or what terraform show -json prints.",
    )


def _not_hcl(name: str) -> UsageError:
    return UsageError(
        f"{name} is written in Terraform's own language, which is not read.",
        "Only Terraform itself knows what its variables, loops and modules come to.",
        "terraform plan -out plan && terraform show -json plan > plan.json",
    )
