"""What happens to an account, for the apps above this one. Senders are the class User."""

from functools import partial

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.dispatch import Signal

# A session ended, a password changed, or the account was switched on or off: what was allowed on its
# strength has to be looked at again. Sent after the commit, with `user`.
access_changed = Signal()

# The account is being deleted: remove what you keep of `user`, and undo what you began elsewhere. It is
# asked for again until all receivers have returned, so each is safe to repeat; raise `deletion.NotYet`,
# or whatever went wrong, to be asked again later.
erasing = Signal()


def tell_access_changed(user: AbstractBaseUser) -> None:
    transaction.on_commit(partial(access_changed.send, sender=type(user), user=user))
