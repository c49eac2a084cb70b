"""Responses that are compressed, and those that must not be."""

import gzip

import pytest
from django.http import HttpResponse, StreamingHttpResponse
from django.test import RequestFactory
from django.urls import reverse

from sdsite.compression import CompressionMiddleware

TEXT = "step by step " * 100


def answer(response):
    request = RequestFactory().get("/", headers={"accept-encoding": "gzip"})
    return CompressionMiddleware(lambda _: response)(request)


def test_a_page_is_compressed(client, db):
    response = client.get(reverse("home"), headers={"accept-encoding": "gzip"})

    assert response["Content-Encoding"] == "gzip"
    assert b"</html>" in gzip.decompress(response.content)


@pytest.mark.parametrize("kind", ["text/css", "application/json", "image/svg+xml"])
def test_text_is_compressed(kind):
    assert answer(HttpResponse(TEXT, content_type=kind))["Content-Encoding"] == "gzip"


@pytest.mark.parametrize("kind", ["image/png", "image/webp", "application/zip"])
def test_what_is_compressed_already_is_left_alone(kind):
    assert "Content-Encoding" not in answer(HttpResponse(TEXT, content_type=kind))


def test_what_is_sent_piece_by_piece_is_not_held_back():
    response = StreamingHttpResponse(iter([TEXT]), content_type="text/event-stream")

    assert "Content-Encoding" not in answer(response)


def test_a_part_of_a_file_stays_the_part_that_was_asked_for():
    response = HttpResponse(TEXT, content_type="text/css", status=206)

    assert "Content-Encoding" not in answer(response)
