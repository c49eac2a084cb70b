from django.apps import AppConfig

from sdsite import logs


class SiteConfig(AppConfig):
    name = "sdsite"

    def ready(self) -> None:
        from sdsite import checks  # noqa: F401, PLC0415  # app registry: registers the checks

        logs.configure_structlog()
