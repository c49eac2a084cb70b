"""Fills a running site, and prints as JSON how to see it: see `fill`.

python -m tests.showing     in the environment of one of the site's processes
"""

import json
import sys

import django


def main() -> None:
    django.setup()
    from tests.showing.fill import fill  # noqa: PLC0415  # app registry: models

    json.dump(fill(), sys.stdout)


if __name__ == "__main__":
    main()
