from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        # app registry: these import models, and register checks and receivers
        from accounts import checks, export, exports, receivers  # noqa: F401

        exports.contribute(count=export.count, write=export.write)
