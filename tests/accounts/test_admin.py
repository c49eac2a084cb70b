import re

import pytest
from allauth.account.models import EmailAddress
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse

from accounts import admin_tools
from accounts.models import User
from generation.models import Job
from tests import factories
from tests.accounts.test_closing import is_signed_in, sign_in

pytestmark = pytest.mark.django_db

URL = reverse("admin:accounts_user_changelist")


@pytest.fixture
def staff(client):
    """A staff user who may change users, but is no superuser."""
    staff = factories.make_user("staff@example.com", is_staff=True)
    names = ("view_user", "change_user")
    staff.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(staff)
    return staff


def act(client, action, *users):
    """Run an action of the list on the users; returns the page's messages."""
    data = {"action": action, "_selected_action": [user.pk for user in users]}
    return client.post(URL, data, follow=True).text


def listed(client, **query):
    page = client.get(URL, query).text
    return re.findall(r"([\w.]+@example\.com)</a></th>", page)


# The list ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("root")
def test_people_are_listed_the_latest_first(client, alice, bob):
    assert listed(client) == ["bob@example.com", "alice@example.com", "root@example.com"]


@pytest.mark.usefixtures("root", "alice", "bob")
@pytest.mark.parametrize("term", ["ali", "ALICE@example.com", " alice "])
def test_a_person_is_found_by_how_the_address_begins(client, term):
    assert listed(client, q=term) == ["alice@example.com"]


@pytest.mark.usefixtures("root", "bob")
def test_a_person_is_found_by_number(client, alice):
    assert listed(client, q=alice.pk) == ["alice@example.com"]


@pytest.mark.usefixtures("root", "alice")
@pytest.mark.parametrize("term", ["lice", "%", "nobody", "9" * 30])
def test_what_is_not_there_is_not_found(client, term):
    assert listed(client, q=term) == []


@pytest.mark.usefixtures("root")
def test_nobody_asks_how_a_password_is_kept(client, alice):
    assert client.get(URL, {"password__startswith": alice.password[:9]}).status_code == 400


@pytest.mark.usefixtures("root")
def test_it_is_seen_who_confirmed_the_address(client, alice, bob):
    EmailAddress.objects.filter(user=bob).update(verified=False)

    page = client.get(URL).text

    marks = re.findall(r'field-is_verified"><img src="[^"]+" alt="(\w+)"', page)
    assert marks == ["False", "True", "True"]


@pytest.mark.usefixtures("root")
def test_a_person_leads_to_all_that_is_theirs(client, alice):
    page = client.get(reverse("admin:accounts_user_change", args=[alice.pk])).text

    for model in ("generation_job", "generation_image", "billing_wallet", "billing_subscription"):
        url = f"{reverse(f'admin:{model}_changelist')}?user__id__exact={alice.pk}"
        assert url in page
        assert client.get(url).status_code == 200


@pytest.mark.usefixtures("root")
def test_many_people_take_as_many_queries_as_one(
    client, django_assert_num_queries, django_assert_max_num_queries
):
    client.get(URL)
    with django_assert_max_num_queries(8) as few:
        client.get(URL)
    for n in range(29):
        factories.make_user(f"user{n}@example.com")

    with django_assert_num_queries(len(few.captured_queries)):
        client.get(URL)


@pytest.mark.usefixtures("root")
def test_a_long_list_is_counted_no_further_than_needed(
    client, monkeypatch, django_assert_max_num_queries
):
    monkeypatch.setattr(admin_tools, "COUNTED", 4)
    for n in range(9):
        factories.make_user(f"user{n}@example.com")

    with django_assert_max_num_queries(12) as queries:
        page = client.get(URL).text

    counts = [query["sql"] for query in queries.captured_queries if "COUNT(" in query["sql"]]
    assert len(counts) == 1
    assert "LIMIT 4" in counts[0]
    assert "The first 4 users." in page


# Actions ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("root")
def test_an_account_can_be_closed(client, alice):
    device = sign_in(alice)

    page = act(client, "deactivate", alice)

    assert "1 account was closed." in page
    assert not User.objects.get(pk=alice.pk).is_active
    assert not is_signed_in(device)
    assert LogEntry.objects.get().get_change_message() == "deactivated"


@pytest.mark.usefixtures("root")
def test_an_account_can_be_opened_again(client, alice):
    User.objects.filter(pk=alice.pk).update(is_active=False)

    page = act(client, "reactivate", alice)

    assert "1 account is open." in page
    assert User.objects.get(pk=alice.pk).is_active


@pytest.mark.usefixtures("root")
def test_somebody_can_be_signed_out_everywhere(client, alice, bob):
    device, elsewhere = sign_in(alice), sign_in(bob)

    page = act(client, "sign_out_everywhere", alice)

    assert "1 session was ended." in page
    assert not is_signed_in(device)
    assert is_signed_in(elsewhere)
    assert User.objects.get(pk=alice.pk).is_active


@pytest.mark.usefixtures("root")
def test_an_address_can_be_taken_for_confirmed(client, alice, bob):
    EmailAddress.objects.filter(user=alice).update(verified=False)

    page = act(client, "confirm_address", alice, bob)

    assert "1 address is confirmed." in page
    assert EmailAddress.objects.get(user=alice).verified
    assert LogEntry.objects.filter(object_id=alice.pk).exists()


def test_nobody_closes_the_own_account(client, root, alice):
    page = act(client, "deactivate", root, alice)

    assert "1 account was left alone" in page
    assert User.objects.get(pk=root.pk).is_active
    assert not User.objects.get(pk=alice.pk).is_active


def test_staff_may_close_customers_but_not_each_other(client, staff, alice):
    other = factories.make_user("other@example.com", is_staff=True)

    act(client, "deactivate", other, staff, alice)

    active = set(User.objects.filter(is_active=True).values_list("email", flat=True))
    assert active == {"staff@example.com", "other@example.com"}


def test_staff_do_not_give_themselves_rights(client, staff):
    url = reverse("admin:accounts_user_change", args=[staff.pk])

    response = client.post(url, {"is_superuser": "on", "is_staff": "on", **EMPTY_INLINES})

    assert response.status_code == 302
    assert not User.objects.get(pk=staff.pk).is_superuser


def test_a_superuser_gives_rights(client, root, alice):
    url = reverse("admin:accounts_user_change", args=[alice.pk])

    client.post(url, {"is_staff": "on", **EMPTY_INLINES})

    alice.refresh_from_db()
    assert (alice.is_staff, alice.email, alice.is_active) == (True, "alice@example.com", True)


EMPTY_INLINES = {
    f"{name}-{field}": 0
    for name in ("emailaddress_set", "usersession_set")
    for field in ("TOTAL_FORMS", "INITIAL_FORMS")
}


@pytest.mark.usefixtures("root")
def test_people_are_neither_made_nor_deleted_here(client, alice):
    delete = reverse("admin:accounts_user_delete", args=[alice.pk])

    assert client.get(reverse("admin:accounts_user_add")).status_code == 403
    assert client.post(delete, {"post": "yes"}).status_code == 403
    assert "delete_selected" not in client.get(URL).text


@pytest.mark.parametrize("permissions", [[], ["view_user"]])
def test_who_may_only_look_does_nothing(client, alice, permissions):
    staff = factories.make_user("staff@example.com", is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(staff)

    act(client, "deactivate", alice)

    assert User.objects.get(pk=alice.pk).is_active


def test_customers_and_visitors_do_not_get_in(client, alice, bob):
    act(client, "deactivate", alice)
    client.force_login(bob)
    act(client, "deactivate", alice)

    assert User.objects.get(pk=alice.pk).is_active
    assert client.get(URL, follow=True).status_code == 403


@pytest.mark.usefixtures("root")
def test_allauths_own_lists_are_not_offered(client):
    page = client.get(reverse("admin:index")).text

    assert "emailaddress" not in page
    assert "usersession" not in page
    assert Job._meta.model_name in page
