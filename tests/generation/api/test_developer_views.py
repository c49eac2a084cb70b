import json
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import keys
from accounts.keys import Limits
from accounts.models import ApiKey, Mail, Pays, Scope
from generation.models import Status
from generation.models.api import Call, Delivery
from tests.generation.api.callers import WISH, Caller, buy_credits
from tests.generation.installed import put
from tests.generation.rows import make_job

pytestmark = pytest.mark.django_db
FORM = {
    "name": "Shop",
    "pays_in": "credits",
    "scopes": ["generate", "read"],
    "budget": "12.5",
    "window": "week",
    "max_pixels": str(512 * 512),
}


@pytest.fixture
def alices(client, alice):
    client.force_login(alice)
    return client


def make(user, **limits):
    return keys.make(user, name="Shop", **limits)[0]


def test_a_key_is_made_with_its_limits_and_shown_once(alices, alice):
    response = alices.post(reverse("key_make"), FORM)

    key = ApiKey.objects.get()
    secret = response.context["secret"]
    assert response.status_code == 200
    assert secret.startswith(key.prefix)
    assert keys.find(secret) == key
    assert (key.user, key.scopes, key.budget, key.window, key.max_pixels) == (
        alice,
        ["generate", "read"],
        12_500,
        "week",
        512 * 512,
    )
    assert secret not in alices.get(reverse("developer")).content.decode()
    assert secret not in str(ApiKey.objects.values().get())


@pytest.mark.parametrize(
    ("window", "shown"),
    [("day", "today"), ("week", "this week"), ("month", "this month"), ("total", "in all")],
)
def test_a_key_without_a_budget_shows_what_was_used(alices, alice, window, shown):
    key = make(alice, limits=Limits(window=window))

    for page in (reverse("developer"), reverse("key", args=[key.pk])):
        assert f"0 credits used {shown}" in alices.get(page).text


def test_the_owner_is_written_to(alices, alice):
    alices.post(reverse("key_make"), FORM)

    assert "Shop" in Mail.objects.filter(to=alice.email).latest("created_at").text


def test_a_key_keeps_its_default_model_and_its_websites(alices):
    origins = "https://App.example:443/ http://localhost:5173 https://app.example"

    alices.post(
        reverse("key_make"), {**FORM, "default_checkpoint": "sketchbook", "origins": origins}
    )

    key = ApiKey.objects.get()
    assert key.default_checkpoint == "sketchbook"
    assert key.origins == ["https://app.example", "http://localhost:5173"]
    page = alices.get(reverse("key", args=[key.pk])).text
    assert 'value="https://app.example http://localhost:5173"' in page


def test_a_default_model_is_one_that_the_key_may_use(alices, settings, tmp_path):
    settings.CHECKPOINTS_DIR = tmp_path
    put(tmp_path, "sd-1.5")
    form = {**FORM, "checkpoints": ["sketchbook"], "default_checkpoint": "sd-1.5"}

    response = alices.post(reverse("key_make"), form)

    assert "default_checkpoint" in response.context["form"].errors
    assert not ApiKey.objects.exists()


def test_a_budget_in_minutes_is_kept_in_milliseconds(alices):
    alices.post(reverse("key_make"), {**FORM, "pays_in": "gpu_ms", "budget": "2"})

    key = ApiKey.objects.get()
    assert (key.pays_in, key.budget) == (Pays.GPU_MS, 120_000)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("scopes", []),
        ("scopes", ["root"]),
        ("budget", "-1"),
        ("budget", "NaN"),
        ("window", "hour"),
        ("expires_on", str(date.today() - timedelta(days=1))),  # noqa: DTZ011  # a person's day
        ("checkpoints", ["unknown"]),
        ("default_checkpoint", "unknown"),
        ("origins", "app.example"),
        ("origins", "https://app.example/page"),
        ("origins", "https://" + 200 * "a"),
    ],
)
def test_what_is_no_limit_makes_no_key(alices, field, value):
    response = alices.post(reverse("key_make"), {**FORM, field: value})

    assert field in response.context["form"].errors
    assert not ApiKey.objects.exists()


def test_a_key_is_changed(alices, alice):
    key = make(alice)

    response = alices.post(reverse("key", args=[key.pk]), {**FORM, "name": "Bakery"})

    key.refresh_from_db()
    assert response.url == reverse("developer")
    assert (key.name, key.budget, key.scopes) == ("Bakery", 12_500, ["generate", "read"])


def test_replacing_a_key_shuts_the_old_one_out(alices, alice):
    key, old = keys.make(alice, name="Shop")

    response = alices.post(reverse("key_rotate", args=[key.pk]))

    assert keys.find(old) is None
    assert keys.find(response.context["secret"]) == key


def test_a_revoked_key_opens_nothing_and_is_listed_no_more(alices, alice):
    key, secret = keys.make(alice, name="Shop")

    alices.post(reverse("key_revoke", args=[key.pk]))

    assert keys.find(secret) is None
    assert not alices.get(reverse("developer")).context["keys"]
    assert alices.get(reverse("key", args=[key.pk])).status_code == 404


@pytest.mark.parametrize("name", ["key", "key_rotate", "key_revoke"])
def test_anothers_key_is_not_found(alices, bob, name):
    key, secret = keys.make(bob, name="Bob's")

    assert alices.post(reverse(name, args=[key.pk]), FORM).status_code == 404
    assert keys.find(secret) == key


@pytest.mark.parametrize("name", ["developer", "developer_calls", "key_make"])
def test_visitors_sign_in_first(client, name):
    assert client.get(reverse(name)).url.startswith(reverse("account_login"))


@pytest.mark.parametrize("name", ["key_rotate", "key_revoke"])
def test_looking_changes_nothing(alices, alice, name):
    key = make(alice)

    assert alices.get(reverse(name, args=[key.pk])).status_code == 405


def test_the_log_shows_requests_and_what_they_cost(client, alices, alice):
    caller = Caller(client, alice)
    caller.get("/api/v1/jobs")
    caller.post("/api/v1/jobs", {"prompt": ""})

    page = alices.get(reverse("developer_calls")).content.decode()

    assert "GET /api/v1/jobs" in page
    assert "invalid" in page


def test_nobody_sees_anothers_log(client, alices, bob):
    Caller(client, bob).get("/api/v1/balance")

    assert "/api/v1/balance" not in alices.get(reverse("developer_calls")).content.decode()


def test_the_page_asks_as_much_for_many_keys_and_requests_as_for_one(
    alices, alice, django_assert_num_queries
):
    def fill(count):
        for _each in range(count):
            key = make(alice, limits=keys.Limits(budget=1_000))
            job = make_job(alice, status=Status.SUCCEEDED)
            Call.objects.create(
                api_key=key, method="GET", path="/v1/models", status=200, ms=1, job=job
            )
            Delivery.objects.create(
                api_key=key, job=job, url="https://example.com", event="job.succeeded"
            )

    fill(1)
    with CaptureQueriesContext(connection) as asked:
        alices.get(reverse("developer"))
    fill(29)

    with django_assert_num_queries(len(asked.captured_queries)):
        alices.get(reverse("developer"))


def test_a_message_is_sent_again(alices, alice):
    delivery = Delivery.objects.create(
        api_key=make(alice),
        job=make_job(alice),
        url="https://example.com",
        event="job.succeeded",
        status=Delivery.Status.FAILED,
        attempts=18,
    )

    alices.post(reverse("webhook_send_again", args=[delivery.pk]))

    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts) == (Delivery.Status.WAITING, 0)


def test_a_person_can_have_so_many_keys(alices, alice, monkeypatch):
    monkeypatch.setattr(keys, "MOST_KEYS", 1)
    make(alice)

    response = alices.post(reverse("key_make"), FORM)

    assert response.context["form"].non_field_errors()
    assert ApiKey.objects.count() == 1
    assert Scope.GENERATE in ApiKey.objects.get().scopes


@pytest.mark.parametrize(("has_credits", "wallet"), [(False, Pays.GPU_MS), (True, Pays.CREDITS)])
def test_a_new_key_pays_with_what_its_owner_has(alices, alice, has_credits, wallet):
    if has_credits:
        buy_credits(alice)

    form = alices.get(reverse("key_make")).context["form"]

    assert form["pays_in"].value() == wallet


def test_a_new_key_works_at_once(client, charlie):
    client.force_login(charlie)
    page = client.get(reverse("key_make"))
    form = {**FORM, "budget": "", "pays_in": page.context["form"]["pays_in"].value()}

    made = client.post(reverse("key_make"), form)

    assert not made.context["has_nothing"]
    response = client.post(
        "/api/v1/jobs",
        json.dumps(WISH),
        content_type="application/json",
        headers={"Authorization": f"Bearer {made.context['secret']}"},
    )
    assert response.status_code == 202


def test_a_key_that_cannot_pay_says_what_to_do(client, charlie):
    client.force_login(charlie)

    made = client.post(reverse("key_make"), FORM)
    page = client.get(reverse("key", args=[ApiKey.objects.get().pk]))
    response = client.post(
        "/v1/images/generations",
        json.dumps({"prompt": "a tree"}),
        content_type="application/json",
        headers={"Authorization": f"Bearer {made.context['secret']}"},
    )

    plans = reverse("billing:plans")
    assert f'href="{plans}#credits">Buy credits' in made.text
    assert f'href="{plans}#credits">Buy credits' in page.text
    message = response.json()["error"]["message"]
    assert "Buy credits on the page" in message
    assert "pays with your plan’s minutes" in message
