import queue
from io import BytesIO
from uuid import uuid4

import PIL.Image
import pytest
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

from generation.live import latest
from generation.live import messages as live_messages
from generation.live.messages import Progress
from generation.worker.publisher import Preview, Publisher
from tests.generation.listening import listening
from tests.running import wait_for
from tests.valkey import Valkey

USER, OTHER = 1, 2
JOB = uuid4()


class Cancellations:
    """The ids of the jobs to stop."""

    def __init__(self):
        self.asked = queue.Queue()

    def next(self):
        return self.asked.get(timeout=120)

    def take(self):
        taken = []
        while not self.asked.empty():
            taken.append(self.asked.get())
        return taken


@pytest.fixture
def cancellations():
    return Cancellations()


@pytest.fixture
def publisher(cancellations):
    """A publisher that has not started."""
    publisher = Publisher(on_cancel=cancellations.asked.put)
    yield publisher
    if publisher._thread.is_alive():
        publisher.close()


@pytest.fixture
def valkey(settings):
    """A server of this test alone, which may kill it."""
    with Valkey() as valkey:
        valkey.use(settings)
        yield valkey


def progress(step, *, job=JOB):
    return Progress(job=str(job), seq=step, phase="denoising", step=step, steps=9)


def preview(seq, *, job=JOB, color="teal"):
    return Preview(job=job, seq=seq, image=PIL.Image.new("RGB", (128, 96), color))


def ask_to_stop(job):
    message = {"type": "job.cancel", "job": str(job)}
    async_to_sync(get_channel_layer().group_send)(live_messages.WORKERS, message)


def wait_until_listening(publisher, cancellations):
    """After one message has arrived, all later ones do."""
    publisher.start()
    wait_for(lambda: hears_of(uuid4(), cancellations))


def hears_of(job, cancellations):
    ask_to_stop(job)
    return str(job) in cancellations.take()


def test_progress_goes_to_the_owner_alone(publisher):
    with (
        listening(live_messages.user_group(USER)) as heard,
        listening(live_messages.user_group(OTHER)) as overheard,
    ):
        publisher.start()
        publisher.progress(USER, progress(1))

        assert heard.next() == {"type": "live.message", "message": progress(1).to_message()}
        assert overheard.nothing()


def test_a_preview_is_sent_as_a_jpeg(publisher):
    with listening(live_messages.user_group(USER)) as heard:
        publisher.start()
        publisher.preview(USER, preview(5))

        message = heard.next()
    assert (message["type"], message["job"], message["seq"]) == ("live.preview", str(JOB), 5)
    with PIL.Image.open(BytesIO(message["jpeg"])) as picture:
        assert (picture.format, picture.size) == ("JPEG", (128, 96))


def test_the_newest_wins_while_the_wire_is_busy(publisher):
    another = uuid4()
    for number in range(1, 100):
        publisher.progress(USER, progress(number))
        publisher.preview(USER, preview(number))
        publisher.progress(USER, progress(number, job=another))

    with listening(live_messages.user_group(USER)) as heard:
        publisher.start()

        messages = [heard.next() for _ in range(3)]
        assert heard.nothing()
    assert [each.get("seq") for each in messages] == [99, None, None]
    told = [each["message"] for each in messages[1:]]
    assert told == [progress(99).to_message(), progress(99, job=another).to_message()]


def test_the_latest_is_kept_for_those_who_come_later(publisher):
    publisher.start()

    publisher.progress(USER, progress(3))
    publisher.preview(USER, preview(3))

    wait_for(lambda: latest.preview_of(JOB))
    seq, jpeg = latest.preview_of(JOB)
    assert seq == 3
    with PIL.Image.open(BytesIO(jpeg)) as picture:
        assert picture.format == "JPEG"
    assert latest._get([latest._progress_key(JOB)]) == {latest._progress_key(JOB): progress(3)}


def test_cancellations_are_passed_on(publisher, cancellations):
    wait_until_listening(publisher, cancellations)

    ask_to_stop(JOB)

    while cancellations.next() != str(JOB):
        pass


def test_it_goes_on_after_valkey_was_restarted(valkey, publisher, cancellations):
    wait_until_listening(publisher, cancellations)
    valkey.kill()
    publisher.progress(USER, progress(1))
    publisher.preview(USER, preview(1))

    valkey.start()

    with listening(live_messages.user_group(USER)) as heard:
        wait_for(lambda: reaches(publisher, heard), seconds=60)
    wait_for(lambda: hears_of(JOB, cancellations), seconds=60)


def reaches(publisher, heard):
    publisher.progress(USER, progress(2))
    return not heard.nothing(seconds=0.5)


def test_it_waits_for_a_valkey_that_is_away(valkey, publisher, cancellations):
    valkey.kill()
    publisher.start()
    publisher.progress(USER, progress(1))

    valkey.start()

    wait_for(lambda: hears_of(JOB, cancellations), seconds=60)


def test_closing_ends_its_thread(publisher, cancellations):
    wait_until_listening(publisher, cancellations)
    publisher.progress(USER, progress(1))

    publisher.close()

    assert not publisher._thread.is_alive()
