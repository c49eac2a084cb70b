"""The app's configuration: checks, receivers, the catalogue's folder, the data export, reconciliation."""

from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from generation.engine.checkpoints import catalogue


class GenerationConfig(AppConfig):
    name = "generation"
    verbose_name = _("Generation")

    def ready(self) -> None:
        from accounts import exports  # noqa: PLC0415  # app registry: has models
        from billing import reconciliation  # noqa: PLC0415  # app registry: has models

        # Importing checks and receivers registers them.
        from generation import receivers  # noqa: F401, PLC0415  # app registry: has models
        from generation.operations import (  # noqa: PLC0415  # app registry: have models
            checks,  # noqa: F401
            job_books,
        )
        from generation.personal_data import erasure, export  # noqa: F401, PLC0415  # app registry: have models

        catalogue.set_root(lambda: settings.CHECKPOINTS_DIR)
        exports.contribute(count=export.count, write=export.write)
        reconciliation.contribute(job_books.differences)
