from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BillingConfig(AppConfig):
    name = "billing"
    verbose_name = _("Billing")

    def ready(self) -> None:
        from accounts import exports  # noqa: PLC0415  # app registry: models
        from billing import checks, export, receivers  # noqa: F401, PLC0415  # app registry: models, signals

        exports.contribute(count=export.count, write=export.write)
