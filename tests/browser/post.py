"""Emails of the running site, which its worker writes to its data folder."""

import email
import email.policy
import re

from tests.running import wait_for


def mails(site, address):
    """Emails to this address, oldest first."""
    paths = sorted((site.data / "mail").glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
    read = [
        email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in paths
    ]
    return [mail for mail in read if mail["To"] == address]


def next_mail(site, address, *, subject):
    """Wait for the newest email with these words in its subject."""
    found = []

    def has_come():
        found[:] = [mail for mail in mails(site, address) if subject in mail["Subject"]]
        return found

    wait_for(has_come)
    return found[-1]


def code(site, address):
    """The latest emailed code."""
    return re.match(r"\S+", next_mail(site, address, subject="is your code")["Subject"])[0]


def link(site, address, *, subject):
    """The first link of the email with this subject."""
    text = next_mail(site, address, subject=subject).get_body(("plain",)).get_content()
    return re.search(r"https?://\S+", text)[0]
