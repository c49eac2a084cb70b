"""System checks of the sign-in configuration."""

from typing import Any

from django.conf import settings
from django.core import checks


@checks.register
def providers_have_secrets(**kwargs: Any) -> list[checks.CheckMessage]:
    return [
        checks.Error(
            f"Signing in with {provider} has an id, but no secret.",
            hint=f"Set {_PREFIXES[provider]}_CLIENT_SECRET, or unset {_PREFIXES[provider]}_CLIENT_ID.",
            id="accounts.E001",
        )
        for provider, values in settings.SOCIALACCOUNT_PROVIDERS.items()
        if not values["APPS"][0]["secret"]
    ]


_PREFIXES = {"google": "GOOGLE", "github": "GITHUB", "openid_connect": "OIDC"}
