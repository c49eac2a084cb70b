import smtplib
import threading
from datetime import timedelta

import pytest
from django.core import mail as django_mail
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import get_language

from accounts import bells, outbox, tasks
from accounts.emails import Email
from accounts.models import Mail, Told
from tests import factories

pytestmark = pytest.mark.django_db

EMAIL = Email(
    subject="Hello",
    paragraphs=["One & two"],
    code="WXKD-PLRM",
    facts=[("Size", "1 MB")],
    action=("Open <it>", "https://example.com/?a=1&b=2"),
    after=["Small print"],
)


def write():
    return EMAIL


def send(**values):
    return outbox.send(write, **{"to": "alice@example.com", **values})


@pytest.fixture
def refusing(monkeypatch):
    """A mail server that refuses all emails."""

    def refuse(self, fail_silently=False):
        raise smtplib.SMTPServerDisconnected("gone")

    monkeypatch.setattr(django_mail.EmailMessage, "send", refuse)


def test_a_mail_has_what_the_letter_says_as_text_and_as_html(mailoutbox):
    outbox.deliver(send().pk)

    [sent] = mailoutbox
    [(html, kind)] = sent.alternatives
    assert sent.to == ["alice@example.com"]
    assert sent.subject == "Hello"
    assert kind == "text/html"
    for part in ("One & two", "WXKD-PLRM", "Size: 1 MB", "https://example.com/?a=1&b=2"):
        assert part in sent.body
    for part in ("One &amp; two", "WXKD-PLRM", "1 MB", "https://example.com/?a=1&amp;b=2"):
        assert part in html


def test_what_was_sent_is_kept_nowhere():
    mail = send()

    outbox.deliver(mail.pk)

    assert not Mail.objects.exists()


def test_a_mail_is_sent_once(mailoutbox):
    mail = send()

    results = [outbox.deliver(mail.pk) for _time in range(2)]

    assert results == [True, False]
    assert len(mailoutbox) == 1


def test_copies_of_one_mail_can_be_told(mailoutbox):
    mail = send()
    first, second = (outbox._message(mail) for _time in range(2))

    assert first.message()["Message-ID"] == second.message()["Message-ID"]


def test_nobody_answers_to_a_machine(mailoutbox):
    outbox.deliver(send().pk)

    assert mailoutbox[0].message()["Auto-Submitted"] == "auto-generated"


def test_a_server_that_refuses_is_asked_again_later(refusing):
    mail = send()

    first, at_once = outbox.deliver(mail.pk), outbox.deliver(mail.pk)

    mail.refresh_from_db()
    assert (first, at_once) == (False, False)
    assert mail.attempts == 1
    assert mail.error == "SMTPServerDisconnected: gone"
    wait = mail.due_at - timezone.now()
    assert timedelta(seconds=20) < wait <= timedelta(seconds=30)


def test_the_waits_grow_and_have_an_end(refusing):
    mail = send()
    waits = []
    for _try in range(Mail.MAX_ATTEMPTS + 2):
        Mail.objects.update(due_at=timezone.now() - timedelta(1))
        if str(mail.pk) in Mail.objects.ids():
            outbox.deliver(mail.pk)
            mail.refresh_from_db()
            waits.append(round((mail.due_at - timezone.now()).total_seconds()))

    assert len(waits) == Mail.MAX_ATTEMPTS
    assert waits == sorted(waits)
    assert sum(waits) > timedelta(days=1).total_seconds()
    assert waits[-1] <= Mail.LONGEST_RETRY.total_seconds()


def test_what_was_given_up_on_goes_after_a_month():
    for age in (10, 40):
        send()
        Mail.objects.filter(attempts=0).update(
            attempts=Mail.MAX_ATTEMPTS, due_at=timezone.now() - timedelta(days=age)
        )

    outbox.prune()

    assert Mail.objects.count() == 1


def test_a_mail_belongs_to_the_change_that_it_tells_of():
    with transaction.atomic():
        send()
        transaction.set_rollback(True)

    assert not Mail.objects.exists()


def test_the_bell_rings_after_the_commit(monkeypatch, django_capture_on_commit_callbacks):
    rung = []
    monkeypatch.setattr(bells, "ring", lambda *call: rung.append(call))

    with django_capture_on_commit_callbacks(execute=True):
        mail = send()
        before = list(rung)

    assert before == []
    assert rung == [(tasks.send_mail.name, str(mail.pk))]


def test_a_lost_bell_is_rung_again(monkeypatch):
    rung = []
    monkeypatch.setattr(tasks.send_mail, "delay", rung.append)
    mail = send()

    tasks.send_mails()

    assert rung == [str(mail.pk)]


def test_letters_come_in_the_persons_language(alice):
    languages = []

    def write():
        languages.append(get_language())
        return EMAIL

    for language in ("zh-hans", ""):
        alice.language = language
        outbox.send(write, to=alice.email, user=alice)
    outbox.send(write, to="nobody@example.com", language="zh-hans")

    assert languages == ["zh-hans", "en", "zh-hans"]


def test_the_same_is_told_once(alice, bob):
    before = Mail.objects.count()

    news = [
        outbox.send_once(write, user=user, key=key)
        for user, key in ((alice, "a"), (alice, "a"), (alice, "b"), (bob, "a"))
    ]

    assert news == [True, False, True, True]
    assert Mail.objects.count() - before == 3


def test_what_was_told_long_ago_is_forgotten(alice):
    outbox.send_once(write, user=alice, key="a")
    Told.objects.filter(key="a").update(at=timezone.now() - timedelta(days=500))

    outbox.prune()

    assert not Told.objects.filter(key="a").exists()


@pytest.mark.django_db(transaction=True)
def test_of_ten_that_tell_the_same_at_once_one_does():
    user = factories.make_user("alice@example.com")
    news = []

    def tell():
        news.append(outbox.send_once(write, user=user, key="a"))
        connection.close()

    threads = [threading.Thread(target=tell) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(news) == [False] * 9 + [True]
    assert Mail.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_ten_workers_one_sends(mailoutbox):
    mail = send()
    results = []

    def deliver():
        results.append(outbox.deliver(mail.pk))
        connection.close()

    threads = [threading.Thread(target=deliver) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(results) == [False] * 9 + [True]
    assert len(mailoutbox) == 1
