"""Accounts at a provider, as `Gateway.account` names them: "ID MODE", the mode alone, or nothing.

Ids of customers and subscriptions are known in one account and mode only. The mode stands alone while a key may
not read its account's id. Rows of earlier releases have an empty account, until they are first used.
"""

from django.db.models import Q

LENGTH = 80


def may_be_same(one: str, other: str) -> bool:
    """Compares the modes only, if one of the ids is unknown."""
    if not one or not other:
        return True
    if _has_id(one) and _has_id(other):
        return one == other
    return _mode(one) == _mode(other)


def are_certain(one: str, other: str) -> bool:
    """True if both ids are known, so that `may_be_same` compared them."""
    return _has_id(one) and _has_id(other)


def may_be(account: str) -> Q:
    """Rows whose `account` may be the given one."""
    same = Q(account__in={"", account, _mode(account)})
    if account and not _has_id(account):
        same |= Q(account__endswith=f" {account}")
    return same


def _has_id(account: str) -> bool:
    return " " in account


def _mode(account: str) -> str:
    return account.rpartition(" ")[2]
