from django.apps import AppConfig

from sdsite import logs


class SiteConfig(AppConfig):
    name = "sdsite"

    def ready(self) -> None:
        from sdsite import checks, client_address  # noqa: F401, PLC0415  # app registry: connects them

        logs.configure_structlog()
