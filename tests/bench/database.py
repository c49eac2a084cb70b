"""The site's code on a database of the measurement's own, as the tests have it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def empty_database() -> Iterator[None]:
    """Nothing that needs models may be imported before it."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django  # noqa: PLC0415  # app registry: after django.setup()
    from django.test.utils import setup_test_environment, teardown_test_environment  # noqa: PLC0415  # app registry: after django.setup()

    django.setup()
    from django.db import connection, connections  # noqa: PLC0415  # app registry: after django.setup()

    setup_test_environment(debug=False)
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield
    finally:
        connections.close_all()
        connection.close_pool()
        # Also while a process that was killed is still connected: the next measurement begins anew.
        with connection._nodb_cursor() as cursor:
            cursor.execute(f'DROP DATABASE "{connection.settings_dict["NAME"]}" WITH (FORCE)')
        teardown_test_environment()
