"""Create a customer with credits and a key on a running site, and print the key's secret.

python -m tests.generation.api.make_key EMAIL     in the environment of one of the site's processes
"""

import sys

import django


def main() -> None:
    django.setup()
    from accounts import keys  # noqa: PLC0415  # app registry: models
    from billing import ledger  # noqa: PLC0415  # app registry: models
    from billing.models import Grant, Unit  # noqa: PLC0415  # app registry: models
    from tests.factories import make_user  # noqa: PLC0415  # app registry: models

    user = make_user(sys.argv[1])
    ledger.grant(
        user,
        unit=Unit.CREDITS,
        amount=1_000_000,
        source=Grant.Source.PACK,
        reference=f"tests:{user.pk}",
    )
    _key, secret = keys.make(user, name="Tests")
    sys.stdout.write(secret)


if __name__ == "__main__":
    main()
