from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GenerationConfig(AppConfig):
    name = "generation"
    verbose_name = _("Generation")

    def ready(self) -> None:
        from django.conf import settings

        from accounts import exports
        from generation import checks, exported, receivers  # noqa: F401  # registers them
        from generation.engine import catalogue

        catalogue.look_in(lambda: settings.CHECKPOINTS_DIR)
        exports.contribute(count=exported.count, write=exported.write)
