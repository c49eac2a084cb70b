"""Every email in every language: text and HTML agree, and all of allauth's emails are covered."""

import re
from html import unescape
from io import StringIO
from pathlib import Path

import allauth
import pytest
from django.conf import settings
from django.core.management import call_command

from accounts import allauth_emails
from sdsite.management.commands.letters import SAMPLES, written

LANGUAGES = [language for language, _name in settings.LANGUAGES]
ALL = [
    pytest.param(language, name, email, id=f"{language}-{name}")
    for language in LANGUAGES
    for name, email in written(language)
]
# Emails that allauth does not send with this site's settings.
UNUSED = {"account/email/login_code", "account/email/password_reset_code"}


def words_of(html):
    """The visible text of the HTML."""
    body = re.sub(r"<head>.*?</head>", "", html, flags=re.DOTALL)
    return unescape(re.sub(r"<[^>]+>", " ", body))


@pytest.mark.parametrize(("language", "name", "email"), ALL)
def test_text_and_html_say_the_same(language, name, email):
    text, html = email.text(), words_of(email.html())

    parts = [*email.paragraphs, *email.after, email.code]
    parts += [part for fact in email.facts for part in fact]
    parts += email.action or ()
    for part in filter(None, parts):
        assert part in text
        assert part in html


@pytest.mark.parametrize(("language", "name", "email"), ALL)
def test_nothing_is_left_to_fill_in(language, name, email):
    written = email.subject + email.text()

    assert not re.search(r"%\(|\{\{|\{%|None", written)
    assert "\n" not in email.subject
    assert 0 < len(email.subject) <= 100


@pytest.mark.parametrize(("language", "name", "email"), ALL)
def test_mail_programs_can_show_it(language, name, email):
    html = email.html()

    # No stylesheet, script or remote resource: most email clients would drop them.
    assert not re.search(r"<(style|script|link|img)\b", html)
    assert "class=" not in html


def test_markup_in_a_letter_is_shown_as_text():
    context = {**allauth_emails._SAMPLE_CONTEXT, "user_agent": "", "provider": "<b>Evil</b>"}

    html = allauth_emails.build("socialaccount/email/account_connected", context).html()

    assert "<b>Evil" not in html
    assert "&lt;b&gt;Evil" in html


def test_allauth_sends_nothing_that_has_no_letter():
    templates = Path(allauth.__file__).parent / "templates"
    prefixes = {
        path.relative_to(templates).as_posix().removesuffix("_subject.txt")
        for path in templates.rglob("email/*_subject.txt")
    }

    assert prefixes - UNUSED == allauth_emails.EMAILS.keys()


def test_all_of_them_can_be_looked_at(tmp_path):
    call_command("letters", tmp_path, stdout=StringIO())

    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    assert files == {
        f"{language}/{name}.{kind}"
        for language in LANGUAGES
        for name in SAMPLES
        for kind in ("txt", "html")
    }
