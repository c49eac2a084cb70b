"""Outgoing emails, as their receiver would read them."""

import re

from accounts.models import Mail


def mails(address):
    """Emails to this address, oldest first."""
    return list(Mail.objects.filter(to=address).order_by("created_at"))


def subjects(address):
    return [mail.subject for mail in mails(address)]


def code(address):
    """The code in the newest email to this address."""
    return re.match(r"(\w{4}-\w{4}) is your code", mails(address)[-1].subject)[1]


def link(address):
    """The path of the first link in the newest email to this address."""
    return re.search(r"https?://[^/\s]+(/\S+)", mails(address)[-1].text)[1]
