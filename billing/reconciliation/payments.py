"""Bought grants against the payments that brought them."""

from collections.abc import Iterator

from billing.reconciliation.statements import name_rows

# Each bought grant with its payment, which is named by the grant's reference: `payments._grant_reference`.
_BOUGHT = """
WITH named AS (
    SELECT given.id, given.source, given.reference, given.amount, given.refunded, wallet.user_id,
        substring(given.reference from '^payment:(.+):[0-9]{1,5}$') AS payment,
        substring(given.reference from '^payment:.+:([0-9]{1,5})$')::int AS number
    FROM billing_grant AS given JOIN billing_wallet AS wallet ON wallet.id = given.wallet_id
    WHERE given.source IN ('plan', 'topup', 'pack')
), bought AS (
    SELECT named.*, paid.id AS payment_id, paid.months, paid.cents,
        least(paid.cents, paid.refunded_cents + paid.disputed_cents) AS returned
    FROM named LEFT JOIN billing_payment AS paid ON paid.reference = named.payment
        AND paid.user_id = named.user_id AND paid.paid_at IS NOT NULL
        AND named.number < paid.grants_given
)
"""
# Plans' grants from before payments were stored are named after their invoice.
_WITHOUT_PAYMENT = """
SELECT id, reference, source, user_id FROM bought
WHERE payment_id IS NULL AND NOT (source = 'plan' AND starts_with(reference, 'invoice:'))
ORDER BY id
"""
_WITHOUT_GRANTS = """
SELECT paid.reference, paid.grants_given, count(bought.id) AS found
FROM billing_payment AS paid LEFT JOIN bought ON bought.payment_id = paid.id
GROUP BY paid.id HAVING count(bought.id) <> paid.grants_given ORDER BY paid.id
"""
# A purchase has no months: the provider's session says its amount.
_OTHER_AMOUNT = """
, promised AS (
    SELECT bought.*, (months -> number ->> 'gpu_ms')::bigint AS paid_for FROM bought
)
SELECT id, reference, amount, paid_for FROM promised WHERE amount <> paid_for ORDER BY id
"""
_OTHER_REFUND = """
, owed AS (
    SELECT bought.*, div(amount::numeric * returned, cents) AS owed FROM bought WHERE cents > 0
)
SELECT id, reference, refunded, owed FROM owed WHERE refunded <> owed ORDER BY id
"""
_COMPARISONS = (
    (
        _WITHOUT_PAYMENT,
        "grant {id} ({reference}, {source}): no payment of user {user_id} brought it",
    ),
    (
        _WITHOUT_GRANTS,
        "payment {reference}: it brought {grants_given} grants, {found} are there",
    ),
    (
        _OTHER_AMOUNT,
        "grant {id} ({reference}): its amount is {amount}, {paid_for} was paid for",
    ),
    (
        _OTHER_REFUND,
        "grant {id} ({reference}): {refunded} of it was refunded, its payment's share is {owed}",
    ),
)


def differences() -> Iterator[str]:
    """Each comparison is one statement, so both of its sides are of one moment."""
    for statement, sentence in _COMPARISONS:
        yield from name_rows(statement, sentence, common=_BOUGHT)
