from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        # Importing checks and receivers registers them.
        from accounts import checks, export, exports, receivers  # noqa: F401, PLC0415  # app registry: they import models

        exports.contribute(count=export.count, write=export.write)
