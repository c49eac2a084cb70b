from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GenerationConfig(AppConfig):
    name = "generation"
    verbose_name = _("Generation")

    def ready(self) -> None:
        from django.conf import settings

        from generation import checks, receivers  # noqa: F401  # registers them
        from generation.engine import catalogue

        catalogue.look_in(lambda: settings.CHECKPOINTS_DIR)
