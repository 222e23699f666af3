"""Knows INSERT … ON CONFLICT, which SQLite and PostgreSQL spell alike. Knows no table.

Statements are made once for each table and set of columns: to make one costs more than to run it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Connection, Executable, Table, bindparam, update
from sqlalchemy.dialects import postgresql, sqlite


def insert_new(tx: Connection, table: Table, values: dict[str, Any]) -> bool:
    """Insert a row where no unique key stands against it; whether it was inserted."""
    return tx.execute(_new(tx.dialect.name, table, tuple(values)), values).first() is not None


def put(tx: Connection, table: Table, values: dict[str, Any]) -> None:
    """Insert a row, or overwrite the one with the same primary key."""
    tx.execute(_put(tx.dialect.name, table, tuple(values)), values)


def change(tx: Connection, table: Table, where: dict[str, Any], values: dict[str, Any]) -> int:
    """Update the rows whose columns are as `where` says, none of them null; how many."""
    given = {f"at_{name}": value for name, value in where.items()}
    return tx.execute(_change(table, tuple(where), tuple(values)), values | given).rowcount


@cache
def _new(dialect: str, table: Table, names: tuple[str, ...]) -> Executable:
    key = next(iter(table.primary_key))
    return _insert(dialect, table, names).on_conflict_do_nothing().returning(key)


@cache
def _put(dialect: str, table: Table, names: tuple[str, ...]) -> Executable:
    keys = [column.name for column in table.primary_key]
    insert = _insert(dialect, table, names)
    rest = {name: insert.excluded[name] for name in names if name not in keys}
    return insert.on_conflict_do_update(index_elements=keys, set_=rest)


@cache
def _change(table: Table, where: tuple[str, ...], names: tuple[str, ...]) -> Executable:
    same = [table.c[name] == bindparam(f"at_{name}", type_=table.c[name].type) for name in where]
    values = {name: bindparam(name, type_=table.c[name].type) for name in names}
    return update(table).where(*same).values(values)


def _insert(
    dialect: str, table: Table, names: tuple[str, ...]
) -> sqlite.Insert | postgresql.Insert:
    values = {name: bindparam(name, type_=table.c[name].type) for name in names}
    made = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    return made.values(values)
