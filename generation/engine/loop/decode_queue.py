"""Decode queue: images with finished latents, in the order in which they finished."""

from generation.engine.loop.ticket import PendingImage, Ticket

# Pixels decoded between two steps, so that no run's next step waits long for another's images.
MAX_PIXELS_PER_TURN = 1024 * 1024


class DecodeQueue:
    """Not thread-safe: the engine's loop owns it."""

    def __init__(self) -> None:
        self._pending: list[PendingImage] = []

    def add(self, ticket: Ticket) -> None:
        """Append every image of a ticket whose last denoising step is done."""
        self._pending += ticket.pending_images()

    def remove(self, ticket: Ticket) -> None:
        """Drop the ticket's images; a ticket without any has no effect."""
        self._pending = [image for image in self._pending if image.ticket is not ticket]

    def next_batch(self) -> list[PendingImage]:
        """Take the first image and all others of its batch key that fit into one turn.

        The first is taken even if it alone exceeds `MAX_PIXELS_PER_TURN`.
        """
        taken: list[PendingImage] = []
        for image in self._pending:
            pixels = image.ticket.request.pixels * (len(taken) + 1)
            if not taken or (
                image.run.batch_key == taken[0].run.batch_key and pixels <= MAX_PIXELS_PER_TURN
            ):
                taken.append(image)
        self._pending = [image for image in self._pending if image not in taken]
        return taken
