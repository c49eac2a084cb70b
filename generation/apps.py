from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GenerationConfig(AppConfig):
    name = "generation"
    verbose_name = _("Generation")

    def ready(self) -> None:
        from django.conf import settings

        from accounts import exports
        from generation import checks, receivers  # noqa: F401  # registers them
        from generation.engine.checkpoints import catalogue
        from generation.personal_data import export  # registers it

        catalogue.set_root(lambda: settings.CHECKPOINTS_DIR)
        exports.contribute(count=export.count, write=export.write)
