from datetime import UTC, datetime, timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.auth import get_user
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import sessions
from accounts.signals import access_changed
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db

URL = reverse("accounts:sessions")
END_OTHERS = reverse("accounts:sessions_end_others")
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"


def sign_in(user, agent=FIREFOX):
    client = Client(headers={"user-agent": agent})
    client.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})
    return client


def is_signed_in(client):
    return get_user(client).is_authenticated


def session_of(client):
    return UserSession.objects.get(session_key=client.session.session_key)


@pytest.fixture
def changed():
    """Users for whom `access_changed` was sent."""
    users = []

    def note(user, **kwargs):
        users.append(user)

    access_changed.connect(note)
    yield users
    access_changed.disconnect(note)


@pytest.fixture
def laptop(alice):
    return sign_in(alice)


@pytest.fixture
def phone(alice):
    return sign_in(alice, "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0) Version/19.0 Safari/604.1")


def test_the_page_lists_where_one_is_signed_in(laptop, phone):
    listed = laptop.get(URL).context["sessions"]

    assert [(each["name"], each["is_current"]) for each in listed] == [
        ("Firefox on Windows", True),
        ("Safari on iPhone", False),
    ]


def test_a_device_is_signed_out(laptop, phone):
    response = laptop.post(reverse("accounts:session_end", args=[session_of(phone).pk]))

    assert response.url == URL
    assert not is_signed_in(phone)
    assert is_signed_in(laptop)


def test_ones_own_can_be_signed_out_too(laptop, phone):
    laptop.post(reverse("accounts:session_end", args=[session_of(laptop).pk]))

    assert not is_signed_in(laptop)
    assert is_signed_in(phone)


def test_all_others_are_signed_out_at_once(laptop, phone, alice):
    tablet = sign_in(alice)

    laptop.post(END_OTHERS)

    assert [is_signed_in(each) for each in (laptop, phone, tablet)] == [True, False, False]


def test_devices_of_others_are_not_found(laptop, bob):
    response = sign_in(bob).post(reverse("accounts:session_end", args=[session_of(laptop).pk]))

    assert response.status_code == 404
    assert is_signed_in(laptop)


def test_others_stay_signed_in(laptop, bob):
    sign_in(bob).post(END_OTHERS)

    assert is_signed_in(laptop)


@pytest.mark.parametrize("url", [END_OTHERS, reverse("accounts:session_end", args=[1])])
def test_a_link_signs_nobody_out(laptop, url):
    assert laptop.get(url).status_code == 405


def test_the_page_is_only_read(laptop):
    assert laptop.post(URL).status_code == 405


@pytest.mark.parametrize("url", [URL, END_OTHERS, reverse("accounts:session_end", args=[1])])
def test_visitors_are_sent_to_sign_in(client, url):
    assert client.post(url).url == f"{reverse('account_login')}?next={url}"


def test_allauths_own_page_leads_here(laptop):
    assert laptop.get("/accounts/sessions/").url == URL


def test_who_signs_out_is_no_longer_listed(
    laptop, phone, alice, changed, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        phone.post(reverse("account_logout"))

    assert [each.pk for each in sessions.live(alice)] == [session_of(laptop).pk]
    assert changed == [alice]


def test_a_new_password_signs_the_others_out(
    laptop, phone, alice, changed, django_capture_on_commit_callbacks
):
    new = "another horse battery staple"

    with django_capture_on_commit_callbacks(execute=True):
        laptop.post(
            reverse("account_change_password"),
            {"oldpassword": PASSWORD, "password1": new, "password2": new},
        )

    alice.refresh_from_db()
    assert [is_signed_in(each) for each in (laptop, phone)] == [True, False]
    assert [each.pk for each in sessions.live(alice)] == [session_of(laptop).pk]
    assert alice in changed


def test_a_password_that_an_operator_changes_signs_all_out(laptop, alice):
    alice.set_password("another horse battery staple")
    alice.save()

    assert not is_signed_in(laptop)
    assert sessions.live(alice) == []


def test_a_session_that_ran_out_is_not_listed(laptop, phone, alice):
    key = phone.session.session_key
    Session.objects.filter(pk=key).update(expire_date=timezone.now() - timedelta(1))

    listed = sessions.live(alice)
    sessions.prune()

    assert [each.session_key for each in listed] == [laptop.session.session_key]
    assert UserSession.objects.count() == 1


def test_many_devices_take_as_many_queries_as_one(laptop, alice, django_assert_num_queries):
    with django_assert_num_queries(2):
        sessions.live(alice)
    for _ in range(3):
        sign_in(alice)

    with django_assert_num_queries(2):
        assert len(sessions.live(alice)) == 4


@pytest.mark.parametrize(
    ("change", "is_told"),
    [
        ({"password": "x"}, True),
        ({"is_active": False}, True),
        ({"language": "en"}, False),
        ({"last_login": datetime(2026, 1, 1, tzinfo=UTC)}, False),
    ],
    ids=str,
)
@pytest.mark.parametrize("named", [True, False], ids=["named fields", "all fields"])
def test_it_is_told_when_what_a_session_rests_on_changes(
    alice, changed, change, is_told, named, django_capture_on_commit_callbacks
):
    for name, value in change.items():
        setattr(alice, name, value)

    with django_capture_on_commit_callbacks(execute=True):
        alice.save(update_fields=list(change) if named else None)

    assert changed == ([alice] if is_told else [])


# Many at once -----------------------------------------------------------------------------------


def keys_of(*clients):
    return {each.session.session_key: int(get_user(each).pk) for each in clients}


def test_those_that_sign_in_are_found_by_two_queries(laptop, phone, bob, django_assert_num_queries):
    wanted = keys_of(laptop, phone, sign_in(bob))

    with django_assert_num_queries(2):
        assert sessions.signing_in(wanted) == set(wanted)


def test_nobody_is_signed_in_by_somebody_elses_session(laptop, bob):
    assert sessions.signing_in({laptop.session.session_key: bob.pk}) == set()


def end_it(client, user):
    sessions.end(session_of(client))


def let_it_expire(client, user):
    Session.objects.update(expire_date=timezone.now())


def change_the_password(client, user):
    user.set_password("another horse battery staple")
    user.save()


def switch_the_account_off(client, user):
    user.is_active = False
    user.save()


@pytest.mark.parametrize(
    "over",
    [end_it, let_it_expire, change_the_password, switch_the_account_off],
    ids=lambda function: function.__name__,
)
def test_what_is_over_signs_nobody_in(laptop, alice, over):
    wanted = keys_of(laptop)

    over(laptop, alice)

    assert sessions.signing_in(wanted) == set()


def test_a_session_outlives_a_new_secret_key_as_long_as_the_old_one_is_a_fallback(
    laptop, alice, settings
):
    wanted = keys_of(laptop)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key, as long as a key is wanted to be, and then some"

    assert sessions.signing_in(wanted) == set(wanted)
    assert len(sessions.live(alice)) == 1

    settings.SECRET_KEY_FALLBACKS = []
    assert sessions.signing_in(wanted) == set()
