"""What billing tells the apps above it, and the mails. Each is sent inside the transaction that made it so.

A receiver may write rows with that transaction, and lets whatever else it does wait for its commit.
"""

from django.dispatch import Signal

# user, unit: more can be held than before, whatever brought it (a grant, a release, what a capture left).
balance_rose = Signal()
# user, percent (20 or 5), left_ms: a capture took the minutes below this part of the latest full balance.
minutes_threshold = Signal()
# user, payment: sent once for each payment.
invoice_paid = Signal()
# user, payment, subscription: sent once for each try of the card.
renewal_failed = Signal()
