"""Open websockets close within seconds after a session ends, a password changes or an account closes."""

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from accounts import sessions
from generation.live import messages, session_watch
from tests.factories import PASSWORD
from tests.generation.carrying import submit
from tests.generation.live.test_consumer import Browser, in_thread

pytestmark = pytest.mark.django_db(transaction=True)

# The interval of the session checks.
LOOK = session_watch.LOOK_SECONDS
# More frequent checks: see the last test.
SECONDS = 4
NEW = "another horse battery staple"


class Device(Browser):
    """A signed-in browser with one page open."""

    def __init__(self, user):
        self.user = user
        self.client = Client()
        self.post("account_login", login=user.email, password=PASSWORD)
        super().__init__(self.client)

    def post(self, name, *args, **data):
        return self.client.post(reverse(name, args=args), data)

    async def hears_of_jobs(self):
        """True if the websocket is open and receives events."""
        job = await in_thread(submit)(self.user)
        message = await self.until("job.status")
        return message["job"] == str(job.pk)


@pytest.fixture
async def open_device():
    devices = []

    async def open_device(user):
        device = await in_thread(Device)(user)
        devices.append(device)
        assert await device.connect()
        await device.until("jobs.snapshot")
        return device

    yield open_device
    for device in devices:
        await device.disconnect()


@pytest.fixture
async def laptop(alice, open_device):
    return await open_device(alice)


@pytest.fixture(autouse=True)
def _eager(monkeypatch):
    monkeypatch.setattr(session_watch, "LOOK_SECONDS", 0.2)


@pytest.fixture
def _deaf(monkeypatch):
    """Drops the message that a session ended."""
    monkeypatch.setattr(messages, "session_changed", lambda _user: None)


def sign_out(device):
    device.post("account_logout")


def sign_out_from_another_device(device):
    Device(device.user).post("accounts:sessions_end_others")


def change_the_password_elsewhere(device):
    Device(device.user).post(
        "account_change_password", oldpassword=PASSWORD, password1=NEW, password2=NEW
    )


def have_an_operator_change_it(device):
    device.user.set_password(NEW)
    device.user.save()


def be_switched_off_by_an_operator(device):
    device.user.is_active = False
    device.user.save()


def delete_the_account(device):
    device.post("account_reauthenticate", password=PASSWORD)
    device.post("accounts:delete", email=device.user.email)


ENDS = [
    sign_out,
    sign_out_from_another_device,
    change_the_password_elsewhere,
    have_an_operator_change_it,
    be_switched_off_by_an_operator,
    delete_the_account,
]


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
async def test_the_sockets_of_a_session_that_ends_are_closed(laptop, end):
    await in_thread(end)(laptop)

    assert await laptop.is_closed(seconds=SECONDS)


@pytest.mark.usefixtures("_deaf")
@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
async def test_untold_they_would_stay_open(laptop, end):
    """Control: without the message, the websockets of the tests above stay open."""
    await in_thread(end)(laptop)

    with pytest.raises(TimeoutError):
        await laptop.is_closed(seconds=SECONDS)


@pytest.mark.usefixtures("_deaf")
async def test_if_the_message_is_lost_the_socket_finds_out_by_itself(
    alice, open_device, monkeypatch
):
    monkeypatch.setattr(session_watch, "SESSION_CHECK_SECONDS", 1.0)
    laptop = await open_device(alice)

    await in_thread(be_switched_off_by_an_operator)(laptop)

    assert await laptop.is_closed(seconds=SECONDS)


async def test_other_devices_stay_open(laptop, open_device):
    phone = await open_device(laptop.user)

    await in_thread(sign_out)(phone)

    assert await phone.is_closed(seconds=SECONDS)
    assert await laptop.hears_of_jobs()


async def test_other_people_stay_open(laptop, bob, open_device):
    bobs = await open_device(bob)

    await in_thread(be_switched_off_by_an_operator)(laptop)

    assert await laptop.is_closed(seconds=SECONDS)
    assert await bobs.hears_of_jobs()


async def test_whose_session_is_over_opens_none(laptop):
    await in_thread(sessions.end_all)(laptop.user)
    again = Browser(laptop.client)

    assert settings.SESSION_COOKIE_NAME in laptop.client.cookies
    assert not await again.connect()


def test_in_all_it_takes_seconds():
    # Read at import, before the tests shorten it.
    assert LOOK + session_watch.SIGN_OUT_SECONDS <= 10
