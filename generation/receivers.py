"""What becomes of open sockets when a session ends elsewhere."""

from typing import Any

from allauth.account.signals import password_changed, password_reset, password_set
from django.contrib.auth.signals import user_logged_out
from django.db.models.signals import post_save
from django.dispatch import receiver

from accounts.models import User
from accounts.signals import access_changed
from generation import events


@receiver([access_changed, user_logged_out, password_changed, password_reset, password_set])
def look_again(user: User | None, **kwargs: Any) -> None:
    if user is not None:
        events.session_changed(user)


@receiver(post_save, sender=User)
def look_again_at_closed_account(instance: User, **kwargs: Any) -> None:
    if not instance.is_active:
        events.session_changed(instance)
