"""/trailwatch setup …: plan, apply and look at the pipeline. Reading AWS happens in jobs."""

from __future__ import annotations

from handlers.access import Role
from handlers.audit import note
from handlers.blocks.options import options_message
from handlers.commands import setup_life
from handlers.commands.command import Command
from handlers.commands.grammar import Invocation
from handlers.deps import Deps
from handlers.planning import discard_plan, start_apply
from handlers.request import Reply, Request
from handlers.starting import start_job
from setup import adopt
from setup.survey import RETAINED
from trailwatch.errors import NotFound
from trailwatch.routers.router import TITLES, RouterName
from trailwatch.site_options import changed, written


def places(deps: Deps, site: str) -> str:
    """Where what a site needs stands. In Jira Service Management people make it by hand."""
    config = deps.sites.config_or_blank(site)
    both = RouterName.OPSGENIE in (config.router, config.beside)
    return f"AWS and {TITLES[RouterName.OPSGENIE]}" if both else "AWS"


def plan(deps: Deps, request: Request, call: Invocation) -> Reply:
    """Start a plan; it is posted in the channel when what stands has been read."""
    pack = call.options.get("pack")
    if pack is not None and pack not in deps.catalogue.packs:
        raise NotFound.of("pack", pack, deps.catalogue.packs)
    for option in ("add", "drop"):
        for detection_id in filter(None, call.options.get(option, "").split(",")):
            deps.catalogue[detection_id]  # raises NotFound with near ids
    site = chosen_site(deps, request, call)
    if "set" in call.options:
        changed(deps.sites.config_or_blank(site), written(call.options["set"]))
    adopt.asked(call.options.get("adopt", ""))
    adopt.touched(call.options.get("touch", ""))
    asked = {k: v for k, v in call.options.items() if v and k != "site"}
    start(deps, request, "setup.plan", site, **asked)
    return Reply(f"Reading what stands in {places(deps, site)}; the plan comes into this channel.")


def options(deps: Deps, request: Request, call: Invocation) -> Reply:
    """What can be chosen, what is chosen, and where that comes from."""
    site = chosen_site(deps, request, call)
    message = options_message(deps.sites.choices(site), site)
    return Reply(message.text, message.blocks)


def destroy(deps: Deps, request: Request, call: Invocation) -> Reply:
    """Start a plan that takes the pipeline down; what holds records stays unless it is named."""
    include = [kind for kind in call.options.get("include", "").split(",") if kind]
    for kind in include:
        if kind not in RETAINED:
            raise NotFound.of("kind of resource that stays", kind, RETAINED)
    asked = {"include": ",".join(include), "why": call.options.get("why", "")}
    site = chosen_site(deps, request, call)
    start(deps, request, "setup.plan", site, purpose="destroy", **asked)
    return Reply("Reading what stands; the plan comes into this channel. Nothing is removed yet.")


def apply(deps: Deps, request: Request, call: Invocation) -> Reply:
    """The same as the plan's button."""
    start_apply(deps, request, call.words[0], call.options.get("confirm", ""))
    return Reply(f"Applying plan {call.words[0]}; the plan's message shows how far it is.")


def discard(deps: Deps, request: Request, call: Invocation) -> Reply:
    """The same as the plan's button."""
    discard_plan(deps, request, call.words[0])
    return Reply(f"Plan {call.words[0]} is discarded.")


def status(deps: Deps, request: Request, call: Invocation) -> Reply:
    """Start reading what stands; the answer comes in private."""
    site = chosen_site(deps, request, call)
    start(deps, request, "setup.status", site)
    return Reply(f"Reading what stands in {places(deps, site)}…")


def rotate_secret(deps: Deps, request: Request, call: Invocation) -> Reply:
    """Start giving the webhook a new secret."""
    start(deps, request, "setup.rotate_secret", chosen_site(deps, request, call))
    return Reply("Making a new secret for the webhook…")


def chosen_site(deps: Deps, request: Request, call: Invocation) -> str:
    """The site that a command means; raises NotFound."""
    return deps.sites.chosen(call.options.get("site"), request.channel)


def start(deps: Deps, request: Request, kind: str, site: str, **arguments: str) -> None:
    """Start a job of that kind for a site; the audit log says who asked for what."""
    with deps.db.transaction() as tx:
        job = start_job(deps, tx, request, kind, site=site, **arguments)
        detail = {key: value for key, value in arguments.items() if value}
        note(deps, tx, request, kind, site, "started", job=job, **detail)


COMMANDS = (
    Command(
        "setup plan",
        "setup plan [--pack PACK] [--add ID,…] [--drop ID,…] [--set NAME=VALUE,…] "
        "[--adopt yes|none|KIND=NAME,…] [--touch KIND,…] [--why TEXT] [--site SITE]",
        "setup plan --pack cis", "Show what would be made or changed; nothing is touched yet",
        Role.ADMIN, plan, options=("pack", "add", "drop", "set", "adopt", "touch", "why", "site"),
        several=("add", "drop", "set", "adopt", "touch"), sentences=("why",),
    ),
    Command(
        "setup options", "setup options [--site SITE]", "setup options",
        "What `setup plan --set` can change, the values, and who chose them", Role.VIEWER,
        options, options=("site",),
    ),
    Command(
        "setup apply", "setup apply PLAN [--confirm SITE]", "setup apply k3v9x2ma",
        "Build what a plan shows; the same as its button. One that destroys wants the site's name",
        Role.ADMIN, apply, least=1, most=1, options=("confirm",),
    ),
    Command(
        "setup discard", "setup discard PLAN", "setup discard k3v9x2ma",
        "Throw a plan away; the same as its button", Role.ADMIN, discard, least=1, most=1,
    ),
    Command(
        "setup status", "setup status [--site SITE]", "setup status",
        "What stands, what differs, and how to mend it", Role.VIEWER, status, options=("site",),
    ),
    Command(
        "setup rotate-secret", "setup rotate-secret [--site SITE]", "setup rotate-secret",
        "Give the on-call service's webhook a new secret", Role.ADMIN, rotate_secret,
        options=("site",),
    ),
    Command(
        "setup destroy", "setup destroy [--include KIND,…] [--why TEXT] [--site SITE]",
        "setup destroy",
        "Show what taking the pipeline down would remove; bucket, log group and KMS key stay "
        "unless they are included (bucket, log_group, kms_key)",
        Role.ADMIN, destroy, options=("include", "why", "site"), several=("include",),
        sentences=("why",),
    ),
    *setup_life.COMMANDS,
)  # fmt: skip
