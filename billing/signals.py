"""Signals of billing, sent inside the transaction that causes them.

A receiver may write rows in that transaction. Everything else has to wait for the commit.
"""

from django.dispatch import Signal

# wallet: more can be held than before, by a grant, a release, a capture below its hold, or a refund that
# was undone. A second call of the same verb sends nothing.
balance_rose = Signal()
# user, payment: sent once for each payment.
invoice_paid = Signal()
# user, payment: sent once for each failed charge of a renewal.
renewal_failed = Signal()
