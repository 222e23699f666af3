"""The button of setup import: writes what was found into the site's settings."""

from __future__ import annotations

from handlers.access import Role
from handlers.actions.action import Action
from handlers.blocks.imports import WRITE
from handlers.deps import Deps
from handlers.jobs.setup_import import write
from handlers.request import Click, Reply


def write_settings(deps: Deps, click: Click) -> Reply:
    """Write it; the message says so."""
    write(deps, click, click.value)
    return Reply()


ACTION = Action(WRITE, Role.ADMIN, "change the site's settings", write_settings)
