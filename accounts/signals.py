"""Signals about accounts, for the apps above this one. The sender is the class User."""

from functools import partial

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.dispatch import Signal

# A session ended, a password changed, or the account was deactivated or reactivated: receivers check again
# what they allowed. Sent after the commit, with `user`.
access_changed = Signal()

# The account is being erased: receivers delete the data of `user`, and undo what they began elsewhere. It is
# sent again until all receivers have returned, so each must be safe to repeat. A receiver that raises
# `deletion.NotYet`, or any error, is called again later.
erasing = Signal()


def send_access_changed(user: AbstractBaseUser) -> None:
    transaction.on_commit(partial(access_changed.send, sender=type(user), user=user))
