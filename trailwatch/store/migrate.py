"""Brings a database's tables to this version's in one transaction. Holds no step itself."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, select, table
from sqlalchemy import column as named

from trailwatch.errors import ConfigError

HEAD = "0012"
"""The newest step; a test holds it against the folder of steps."""

SCRIPTS = Path(__file__).parent / "migrations"


def version(tx: Connection) -> str | None:
    """The step that the database has reached; None for an empty one."""
    if not inspect(tx).has_table("alembic_version"):
        return None
    return tx.scalar(select(named("version_num")).select_from(table("alembic_version")))


def migrate(tx: Connection) -> None:
    """Create or upgrade the tables inside the caller's transaction.

    Raises ConfigError where the database was written by a newer version.
    """
    reached = version(tx)
    if reached == HEAD:
        return
    # Alembic costs a tenth of a second to import: only an upgrade pays for it.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    known = {step.revision for step in ScriptDirectory.from_config(config).walk_revisions()}
    if reached is not None and reached not in known:
        raise ConfigError(
            f"The database is at step {reached}, which this version does not know.",
            f"This version knows steps up to {HEAD}: a newer trailwatch has used the database.",
            "Run the newer version, or restore a backup made before the upgrade.",
        )
    config.attributes["connection"] = tx
    command.upgrade(config, "head")
