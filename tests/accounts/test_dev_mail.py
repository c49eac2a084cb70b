import email
import email.policy
from pathlib import Path

import pytest
from django.core.mail import EmailMessage

from accounts.dev_mail import FolderBackend


@pytest.fixture
def folder(tmp_path: Path, settings) -> Path:
    settings.EMAIL_FILE_PATH = tmp_path / "mail"
    return tmp_path / "mail"


def test_each_mail_is_a_file_that_a_mail_program_opens(folder):
    mails = [
        EmailMessage("Grüße", "Hello", "site@example.com", [f"{name}@example.com"])
        for name in ("alice", "bob")
    ]

    sent = FolderBackend().send_messages(mails)

    read = [
        email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        for path in folder.glob("*.eml")
    ]
    assert sent == 2
    assert {mail["To"] for mail in read} == {"alice@example.com", "bob@example.com"}
    assert {mail["Subject"] for mail in read} == {"Grüße"}


def test_the_subject_and_the_links_are_printed(folder, capsys, settings):
    body = f"Choose: http://127.0.0.1:8000/accounts/password/abc:1/\nor don't.\n{settings.SITE_URL}"

    FolderBackend().send_messages([EmailMessage("Hi", body, None, ["alice@example.com"])])

    assert capsys.readouterr().out.splitlines() == [
        "mail to alice@example.com: Hi",
        "mail to alice@example.com: http://127.0.0.1:8000/accounts/password/abc:1/",
    ]


def test_only_the_owner_may_read_the_folder(folder):
    FolderBackend().send_messages([EmailMessage("Hi", "Hello", None, ["alice@example.com"])])

    assert folder.stat().st_mode & 0o777 == 0o700


def test_only_the_owner_may_read_a_mail(folder):
    FolderBackend().send_messages([EmailMessage("Hi", "Hello", None, ["alice@example.com"])])

    assert [path.stat().st_mode & 0o777 for path in folder.iterdir()] == [0o600]
