"""What billing tells the apps above it, and the mails. Each is sent inside the transaction that made it so."""

from django.dispatch import Signal

# user, payment (a `stripe_objects.Payment`): it was paid. May be sent again for the same one.
invoice_paid = Signal()
# user, payment, subscription: the card was refused, and is tried again. May be sent again for the same one.
renewal_failed = Signal()
