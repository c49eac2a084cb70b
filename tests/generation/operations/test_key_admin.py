"""Admin pages of API keys."""

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from accounts import keys
from accounts.keys import Limits
from accounts.models import ApiKey, Pays, Scope, Window
from tests import factories
from tests.generation.api.callers import PRICE, WISH

pytestmark = pytest.mark.django_db
URL = reverse("admin:accounts_apikey_changelist")
LOOKUPS = ["", "__startswith", "__regex"]


@pytest.fixture
def looker(client):
    """Staff who may view keys, without other permissions."""
    staff = factories.make_user("staff@example.com", is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="view_apikey"))
    client.force_login(staff)
    return staff


def page_of(key):
    return reverse("admin:accounts_apikey_change", args=[key.pk])


def cells(client, **query):
    """The rows of the list, as cells by name."""
    page = client.get(URL, query).text
    body = page[page.index("<tbody>") :] if "<tbody>" in page else ""
    rows = [
        re.findall(r'class="field-(\w+)[^"]*">(.*?)</t[dh]>', row) for row in body.split("<tr>")
    ]
    return [{name: re.sub("<[^>]+>", "", text) for name, text in row} for row in rows if row]


def revoke(client, *chosen):
    data = {"action": "revoke", "_selected_action": [key.pk for key in chosen]}
    return client.post(URL, data, follow=True)


def test_a_key_is_listed_with_what_it_may_and_has_spent(caller, buyer, client, root):
    limits = Limits(
        scopes=[Scope.GENERATE, Scope.READ],
        budget=PRICE * 4,
        window=Window.WEEK,
        expires_at=timezone.now() + timedelta(days=1),
    )
    keys.change(caller.key, name="Shop", limits=limits)
    assert caller.post("/api/v1/jobs", WISH).status_code == 202

    (row,) = cells(client)

    assert (row["prefix"], row["name"], row["owner"]) == (caller.key.prefix, "Shop", buyer.email)
    assert row["may"] == "Make pictures, Look at its jobs and pictures"
    assert row["allowance"] == f"{PRICE * 4 / 1_000:g} credits a week"
    assert row["spent"] == f"{PRICE / 1_000:g} credits"
    assert row["last_used_at"] != "-"
    assert row["expires_at"] != "-"
    assert row["revoked_at"] == "-"


def test_a_key_that_spends_minutes_is_shown_in_minutes(alice, client, root):
    keys.make(alice, name="Shop", pays_in=Pays.GPU_MS, limits=Limits(budget=120_000))

    (row,) = cells(client)

    assert (row["allowance"], row["spent"]) == ("2 min 0 s a month", "0.0 s")


@pytest.mark.parametrize("page", ["list", "row", "search"])
def test_no_page_has_the_secret_its_sum_or_that_of_its_webhooks(alice, client, root, page):
    key, secret = keys.make(alice, name="Shop")
    address = {"list": URL, "row": page_of(key), "search": f"{URL}?q={key.prefix}"}[page]

    text = client.get(address).text

    assert key.prefix in text
    assert not any(each in text for each in (secret, key.digest, key.webhook_secret))


def test_a_sum_finds_no_key(alice, client, root):
    key, secret = keys.make(alice, name="Shop")

    assert cells(client, q=key.digest) == cells(client, q=secret) == []


@pytest.mark.parametrize("field", ["digest", "webhook_secret"])
def test_nobody_guesses_piece_by_piece(alice, client, root, field):
    key, _secret = keys.make(alice, name="Shop")

    answers = [client.get(URL, {f"{field}{how}": getattr(key, field)}) for how in LOOKUPS]

    assert {answer.status_code for answer in answers} == {400}


def test_a_key_is_found_by_how_pages_show_its_beginning(alice, client, root):
    key, _secret = keys.make(alice, name="Shop")
    keys.make(alice, name="Other")

    assert [row["name"] for row in cells(client, q=f"{key.prefix}…")] == ["Shop"]


@pytest.mark.parametrize(
    ("state", "names"), [("live", {"live"}), ("expired", {"old"}), ("revoked", {"gone"})]
)
def test_keys_are_filtered_by_whether_they_work(alice, client, root, state, names):
    keys.make(alice, name="live")
    keys.make(alice, name="old", limits=Limits(expires_at=timezone.now() - timedelta(days=1)))
    keys.revoke(keys.make(alice, name="gone")[0])

    assert {row["name"] for row in cells(client, state=state)} == names


def test_a_key_is_revoked_and_that_is_noted(alice, client, root):
    key, secret = keys.make(alice, name="Shop")
    other, others = keys.make(alice, name="Other")

    page = revoke(client, key)

    assert "1 key was revoked." in page.text
    assert keys.find(secret) is None
    assert keys.find(others) == other
    (entry,) = LogEntry.objects.all()
    assert (entry.user, entry.object_id, entry.change_message) == (root, str(key.pk), "revoked")


def test_a_key_that_is_revoked_already_stays_so(alice, client, root):
    key = keys.make(alice, name="Shop")[0]
    keys.revoke(key)
    at = ApiKey.objects.get().revoked_at

    page = revoke(client, key)

    assert "0 keys were revoked." in page.text
    assert ApiKey.objects.get().revoked_at == at


def test_who_may_only_look_revokes_nothing(alice, client, looker):
    key, secret = keys.make(alice, name="Shop")

    revoke(client, key)

    assert client.get(page_of(key)).status_code == 200
    assert keys.find(secret) == key


def test_a_key_leads_to_its_jobs_and_its_owner_to_the_key(caller, anothers, client, root):
    job = caller.post("/api/v1/jobs", WISH).json()["id"]
    other = anothers.post("/api/v1/jobs", WISH).json()["id"]
    link = re.search(
        r'href="([^"]+api_key__id__exact=[^"]+)"', client.get(page_of(caller.key)).text
    )

    listed = client.get(link[1]).text

    assert job in listed
    assert other not in listed
    owner = reverse("admin:accounts_user_change", args=[caller.key.user_id])
    assert f"{URL}?user__id__exact={caller.key.user_id}" in client.get(owner).text
