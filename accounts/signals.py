"""What happens to an account, for the apps above this one. Senders are the class User."""

from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction
from django.dispatch import Signal

if TYPE_CHECKING:
    from accounts.models import User

# A session ended: what was allowed on its strength has to be looked at again. Sent after the commit, with
# `user`.
access_changed = Signal()


def tell_access_changed(user: "User") -> None:
    transaction.on_commit(partial(access_changed.send, sender=type(user), user=user))
