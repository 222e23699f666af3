"""Knows INSERT … ON CONFLICT, which SQLite and PostgreSQL spell alike. Knows no table."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_new(tx: Connection, table: Table, values: dict[str, Any]) -> bool:
    """Insert a row where no unique key stands against it; whether it was inserted."""
    key = next(iter(table.primary_key))
    if tx.dialect.name == "postgresql":
        insert = postgresql.insert(table).values(values).on_conflict_do_nothing()
        return tx.execute(insert.returning(key)).first() is not None
    lite = sqlite.insert(table).values(values).on_conflict_do_nothing()
    return tx.execute(lite.returning(key)).first() is not None


def put(tx: Connection, table: Table, values: dict[str, Any]) -> None:
    """Insert a row, or overwrite the one with the same primary key."""
    keys = [column.name for column in table.primary_key]
    rest = {name: value for name, value in values.items() if name not in keys}
    if tx.dialect.name == "postgresql":
        insert = postgresql.insert(table).values(values)
        tx.execute(insert.on_conflict_do_update(index_elements=keys, set_=rest))
    else:
        lite = sqlite.insert(table).values(values)
        tx.execute(lite.on_conflict_do_update(index_elements=keys, set_=rest))
