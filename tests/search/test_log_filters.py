"""What is remembered of metric filters: one reading serves all, and none is too old."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from trailwatch.log_filters import AGE, MISSED, LogFilter, LogFilters


class Account:
    """The filters that there are, and how often they were read."""

    def __init__(self) -> None:
        self.filters = [named("a")]
        self.readings = 0
        self.now = 1000.0
        self.away = False

    def read(self) -> Sequence[LogFilter]:
        self.readings += 1
        if self.away:
            raise OSError("no answer")
        return list(self.filters)


def named(name: str, pattern: str = "{ $.x = 1 }") -> LogFilter:
    return LogFilter(name, pattern, frozenset({("Trailwatch", name)}))


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def filters(account: Account) -> LogFilters:
    return LogFilters(lambda: account.now)


def pattern(filters: LogFilters, account: Account, name: str, group: str = "g") -> str | None:
    found = filters.find(group, lambda one: one.name == name, account.read)
    return found[0].pattern if found else None


def test_many_who_ask_at_once_read_once(filters: LogFilters, account: Account) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: pattern(filters, account, "a"), range(40)))
    assert set(answers) == {"{ $.x = 1 }"} and account.readings == 1


def test_a_changed_filter_is_seen_before_long(filters: LogFilters, account: Account) -> None:
    pattern(filters, account, "a")
    account.filters = [named("a", "{ $.x = 2 }")]
    account.now += AGE
    assert pattern(filters, account, "a") == "{ $.x = 2 }"


def test_a_filter_that_is_missed_is_looked_for_anew(filters: LogFilters, account: Account) -> None:
    pattern(filters, account, "a")
    account.filters.append(named("new"))
    assert pattern(filters, account, "new") is None
    account.now += MISSED
    assert pattern(filters, account, "new") == "{ $.x = 1 }"
    assert pattern(filters, account, "never") is None and account.readings == 2


def test_log_groups_are_apart(filters: LogFilters, account: Account) -> None:
    pattern(filters, account, "a", "one")
    account.filters = []
    assert pattern(filters, account, "a", "two") is None
    assert pattern(filters, account, "a", "one") == "{ $.x = 1 }"


def test_an_error_is_not_remembered(filters: LogFilters, account: Account) -> None:
    account.away = True
    with pytest.raises(OSError, match="no answer"):
        pattern(filters, account, "a")
    account.away = False
    assert pattern(filters, account, "a") == "{ $.x = 1 }"
