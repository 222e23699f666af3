"""Knows what a button is: one row of the table that routes clicks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handlers.access import Role
from handlers.request import Click, Reply

if TYPE_CHECKING:
    from handlers.deps import Deps


@dataclass(frozen=True)
class Action:
    """A button or menu: its action id, who may use it, and what it does.

    `run` validates, commits and returns; `wish` completes "You need the role … to …". `only_looks`:
    whether a click changes nothing, such as on a link, so that every viewer may.
    """

    id: str
    role: Role
    wish: str
    run: Callable[[Deps, Click], Reply]
    only_looks: Callable[[Click], bool] = lambda click: False
