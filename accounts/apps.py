from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        from accounts import checks, export, exports, receivers  # noqa: F401  # registers them

        exports.contribute(count=export.count, write=export.write)
