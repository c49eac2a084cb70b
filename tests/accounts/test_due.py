"""Rows that workers retry until they succeed, shown with mails and exports."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.due import AT_ONCE
from accounts.models import Export, Mail


def make_mail(**values):
    return Mail.objects.create(to="a@example.com", subject="Hello", text="", html="", **values)


def let_lapse(row):
    type(row).objects.filter(pk=row.pk).update(due_at=timezone.now() - timedelta(seconds=1))


@pytest.mark.django_db(transaction=True)
def test_one_of_several_workers_gets_the_row():
    mail = make_mail()
    claimed, start = [], threading.Barrier(4)

    def claim():
        start.wait()
        claimed.append(Mail.objects.claim(mail.pk))
        connection.close()

    threads = [threading.Thread(target=claim) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [row for row in claimed if row] == [mail]
    mail.refresh_from_db()
    assert mail.attempts == 1


@pytest.mark.django_db
def test_a_claimed_row_is_held_for_the_lease():
    mail = Mail.objects.claim(make_mail().pk)

    remaining = mail.due_at - timezone.now()
    assert Mail.LEASE - timedelta(seconds=10) < remaining <= Mail.LEASE
    assert Mail.objects.claim(mail.pk) is None
    assert Mail.objects.ids() == []


@pytest.mark.django_db
def test_a_lease_that_lapses_makes_the_row_due_again():
    mail = Mail.objects.claim(make_mail().pk)

    let_lapse(mail)

    assert Mail.objects.ids() == [str(mail.pk)]
    assert Mail.objects.claim(mail.pk).attempts == 2


@pytest.mark.django_db
def test_a_row_that_is_not_due_or_not_there_is_not_claimed():
    later = make_mail(due_at=timezone.now() + timedelta(hours=1))
    gone = make_mail()
    gone_id = gone.pk
    gone.delete()

    assert Mail.objects.claim(later.pk) is None
    assert Mail.objects.claim(gone_id) is None
    later.refresh_from_db()
    assert later.attempts == 0


@pytest.mark.django_db
def test_the_pause_doubles_up_to_the_longest():
    pauses = []
    for attempts in range(1, Mail.MAX_ATTEMPTS + 1):
        mail = make_mail(attempts=attempts)
        mail.postpone(error="down")
        mail.refresh_from_db()
        pauses.append(round((mail.due_at - timezone.now()) / timedelta(seconds=10)) * 10)

    assert pauses[:4] == [30, 60, 120, 240]
    assert pauses[-1] == Mail.LONGEST_RETRY.total_seconds()
    assert mail.error == "down"


@pytest.mark.django_db
def test_a_row_without_attempts_left_is_given_up():
    mail = make_mail(attempts=Mail.MAX_ATTEMPTS)

    assert Mail.objects.claim(mail.pk) is None
    assert Mail.objects.ids() == []
    assert list(Mail.objects.due()) == [mail]


@pytest.mark.django_db
def test_the_longest_due_come_first_and_not_all_at_once():
    now = timezone.now()
    mails = [make_mail(due_at=now - timedelta(seconds=n)) for n in range(1, AT_ONCE + 3)]

    ids = Mail.objects.ids()

    assert ids == [str(mail.pk) for mail in reversed(mails)][:AT_ONCE]


def test_a_claim_sets_more_in_the_same_update_and_names_the_columns(
    alice, django_assert_num_queries
):
    export = Export.objects.create(user=alice, done=7)

    with django_assert_num_queries(2):
        claimed = Export.objects.select_related("user").claim(
            export.pk, status=Export.Status.RUNNING, done=0
        )
        assert claimed.user == alice

    assert (claimed.status, claimed.attempt, claimed.done) == ("running", 1, 0)


def test_a_row_that_is_closed_is_not_claimed(alice):
    export = Export.objects.create(user=alice, status=Export.Status.FAILED)

    assert Export.objects.claim(export.pk) is None
    assert Export.objects.ids() == []
