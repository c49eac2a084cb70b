"""Finished latents are decoded in order, as many at once as one turn may take."""

import pytest

from generation.engine.loop import decode_queue
from generation.engine.loop.decode_queue import DecodeQueue
from generation.engine.loop.ticket import PendingImage
from tests.engine.driving import a_request
from tests.engine.tickets import an_encoded_ticket

PIXELS = 32 * 32


@pytest.fixture(autouse=True)
def three_images_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode_queue, "MAX_PIXELS_PER_TURN", 3 * PIXELS)


def names(images: list[PendingImage]) -> list[tuple[str, int]]:
    return [(image.ticket.key, image.index) for image in images]


def test_an_empty_queue_has_no_batch() -> None:
    assert DecodeQueue().next_batch() == []


def test_every_image_is_taken_once_and_in_order() -> None:
    queue = DecodeQueue()
    queue.add(an_encoded_ticket("a", request=a_request(num_images=2)))
    queue.add(an_encoded_ticket("b", request=a_request(num_images=2)))

    assert names(queue.next_batch()) == [("a", 0), ("a", 1), ("b", 0)]
    assert names(queue.next_batch()) == [("b", 1)]
    assert queue.next_batch() == []


def test_an_image_larger_than_a_turn_is_decoded_alone() -> None:
    queue = DecodeQueue()
    queue.add(an_encoded_ticket("large", request=a_request(width=128, num_images=2)))

    assert names(queue.next_batch()) == [("large", 0)]
    assert names(queue.next_batch()) == [("large", 1)]


def test_images_of_other_batch_keys_keep_their_place() -> None:
    queue = DecodeQueue()
    queue.add(an_encoded_ticket("a", batch_key="one"))
    queue.add(an_encoded_ticket("b", batch_key="other"))
    queue.add(an_encoded_ticket("c", batch_key="one"))

    assert names(queue.next_batch()) == [("a", 0), ("c", 0)]
    assert names(queue.next_batch()) == [("b", 0)]


def test_a_removed_tickets_images_are_dropped() -> None:
    queue = DecodeQueue()
    gone = an_encoded_ticket("gone", request=a_request(num_images=2))
    queue.add(gone)
    queue.add(an_encoded_ticket("stays"))

    queue.remove(gone)
    queue.remove(an_encoded_ticket("never there"))

    assert names(queue.next_batch()) == [("stays", 0)]
