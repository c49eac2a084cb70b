"""What billing tells the apps above it, and the mails. Each is sent inside the transaction that made it so.

A receiver may write rows with that transaction, and lets whatever else it does wait for its commit.
"""

from django.dispatch import Signal

# wallet: more can be held than before, by a grant, a release, a capture below its hold, or a refund that
# was undone. A second call of the same verb sends nothing.
balance_rose = Signal()
# user, payment: sent once for each payment.
invoice_paid = Signal()
# user, payment: sent once for each try of the card for a renewal.
renewal_failed = Signal()
