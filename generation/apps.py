from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GenerationConfig(AppConfig):
    name = "generation"
    verbose_name = _("Generation")

    def ready(self) -> None:
        from accounts import exports
        from generation import exported, receivers  # noqa: F401  # connects them

        exports.contribute(count=exported.count, write=exported.write)
