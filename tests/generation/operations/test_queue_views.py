import re

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from tests import factories
from tests.generation.carrying import claim, submit
from tests.generation.workers import say

pytestmark = pytest.mark.django_db

URL = reverse("admin:queue")


@pytest.fixture
def operator(db):
    return factories.make_user("root@example.com", is_staff=True, is_superuser=True)


def waiting(page):
    return re.findall(r'<tr data-reason="(\w+)">', page)


def test_it_shows_the_line_and_the_workers(client, operator, alice, bob):
    running, _next, _last = submit(alice), submit(alice), submit(bob)
    claim()
    say("machine:1", running=[running], slots=1)
    client.force_login(operator)

    page = client.get(URL).text

    assert waiting(page) == ["in_line", "in_line"]
    assert 'data-station="machine:1"' in page
    assert "step 7 of 20" in page
    assert "75 %" in page
    assert reverse("admin:generation_job_change", args=[running.pk]) in page
    assert reverse("admin:accounts_user_change", args=[alice.pk]) in page
    assert "<dd data-depth>2</dd>" in page


def test_workers_on_the_same_cores_are_named(client, operator):
    say("machine:1", device="cpu 2 cores")
    say("machine:2", device="cpu 2 cores")
    say("another:3", device="cpu 2 cores")
    say("machine:4", device="GPU")
    client.force_login(operator)

    page = client.get(URL).text

    assert re.findall(r"Shares its cores with ([^:]+:\d)", page) == ["machine:2", "machine:1"]


def test_prompts_are_nobodys_business(client, operator, alice):
    submit(alice, prompt="something private")
    client.force_login(operator)

    assert "something private" not in client.get(URL).text


def test_it_says_that_no_worker_runs(client, operator, alice):
    submit(alice)
    client.force_login(operator)

    page = client.get(URL).text

    assert waiting(page) == ["no_worker"]
    assert "No worker is running." in page


def test_a_script_is_sent_only_what_changes(client, operator):
    client.force_login(operator)

    page = client.get(URL, headers={"X-Fragment": "1"}).text

    assert "Nobody waits." in page
    assert "<html" not in page


def test_visitors_are_sent_to_sign_in(client):
    response = client.get(URL, follow=True)

    assert response.redirect_chain[-1][0].startswith(reverse("account_login"))


def test_customers_may_not_see_it(client, alice):
    client.force_login(alice)

    assert client.get(URL, follow=True).status_code == 403


def test_staff_may_see_it_who_may_see_jobs(client):
    staff = factories.make_user("staff@example.com", is_staff=True)
    client.force_login(staff)
    before = client.get(URL).status_code

    staff.user_permissions.add(Permission.objects.get(codename="view_job"))

    assert (before, client.get(URL).status_code) == (403, 200)


def test_it_is_only_read(client, operator):
    client.force_login(operator)

    assert client.post(URL).status_code == 405


def test_a_long_line_takes_as_many_queries_as_a_short_one(
    client, operator, alice, bob, django_assert_num_queries, django_assert_max_num_queries
):
    client.force_login(operator)
    say()
    submit(alice)
    client.get(URL)
    with django_assert_max_num_queries(14) as few:
        client.get(URL)
    for _ in range(15):
        submit(alice)
        submit(bob)
    for _ in range(3):
        claim()

    with django_assert_num_queries(len(few.captured_queries)):
        client.get(URL)
