import http.client
import time
from urllib.parse import urlsplit

import pytest

from generation.images import marker
from generation.models import MediaMarker
from tests.running import serving, wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
# Common HTTP clients keep an idle connection for this long.
PAUSE_SECONDS = 5


def test_a_connection_outlives_a_pause_between_two_requests():
    with serving() as url:
        connection = http.client.HTTPConnection(urlsplit(url).netloc)
        for pause in (0, PAUSE_SECONDS + 1):
            time.sleep(pause)
            connection.request("GET", "/readyz")
            response = connection.getresponse()
            response.read()

            assert response.status == 200
            assert not response.will_close
        connection.close()


def test_a_web_process_marks_the_media_store_for_the_workers():
    MediaMarker.objects.all().delete()

    with serving():
        wait_for(marker.is_visible)
