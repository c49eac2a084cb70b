"""Emails about API keys, in the active language."""

from collections.abc import Callable, Mapping
from functools import partial

from django.utils.translation import gettext as _

from accounts.emails import Email, link
from accounts.models import ApiKey, Window
from billing.templatetags.amounts import credits, gpu_time


def budget_used(*, key: ApiKey, percent: int, spent: int) -> Email:
    """`spent` is in the key's unit and includes amounts on hold."""
    return Email(
        subject=_("%(percent)d%% of the budget of your API key is used") % {"percent": percent},
        paragraphs=[
            _(
                "Of the budget that you gave the key “%(name)s”, %(percent)d%% is used. Once it is "
                "used up, the key makes no more pictures until the budget starts anew."
            )
            % {"name": key.name, "percent": percent}
        ],
        facts=[
            (_("Key"), f"{key.name} ({key.prefix}…)"),
            (_("Used"), amount(spent, key=key)),
            (_("Budget"), f"{amount(key.budget or 0, key=key)}, {Window(key.window).label}"),
        ],
        action=(_("Look at your keys"), link("developer")),
    )


def key_made(*, key: ApiKey) -> Email:
    return Email(
        subject=_("A new API key of yours can spend"),
        paragraphs=[
            _(
                "Somebody, likely you, made the key “%(name)s” on your account, or gave it a new "
                "secret. Programs that have it make pictures at your expense."
            )
            % {"name": key.name}
        ],
        facts=[(_("Key"), f"{key.name} ({key.prefix}…)")],
        action=(_("Look at your keys"), link("developer")),
        after=[_("If this was not you, revoke the key and choose a new password at once.")],
    )


def amount(number: int, *, key: ApiKey) -> str:
    """An amount in the key's unit: "12.5 credits", "4 min 58 s"."""
    if key.pays_in_credits:
        return _("%(credits)s credits") % {"credits": credits(number)}
    return gpu_time(number)


_SAMPLE_KEY = ApiKey(name="Shop", prefix="sk-3fa9c1d2", budget=100_000, window=Window.MONTH)
# An example of each email, for previews and tests.
SAMPLES: Mapping[str, Callable[[], Email]] = {
    "budget_used": partial(budget_used, key=_SAMPLE_KEY, percent=80, spent=81_500),
    "key_made": partial(key_made, key=_SAMPLE_KEY),
}
