"""The check at the end of every test of jobs that cost something."""

from generation.operations import job_books
from tests.billing import books


def assert_books_balance() -> None:
    """Wallets agree with their entries, bought grants with their payments, and jobs with their holds."""
    books.assert_books_balance()
    assert list(job_books.differences()) == []
