"""Jobs against the ledger's holds, and budgets of API keys against jobs."""

from collections.abc import Iterator

from billing.reconciliation.statements import name_rows

# Each job with its hold, if it has one, and the wallet of that. `Job.hold_reference` is the key.
_JOBS = """
WITH jobs AS (
    SELECT job.id, job.user_id, job.unit, job.status, job.is_relaxed,
        job.status IN ('succeeded', 'failed', 'canceled') AS has_ended,
        CASE job.unit WHEN 'credits' THEN job.charged_credits ELSE job.charged_ms END AS charged,
        CASE job.unit WHEN 'credits' THEN job.charged_ms ELSE job.charged_credits END AS charged_otherwise,
        CASE job.unit WHEN 'credits' THEN job.credits ELSE job.hold_ms END AS price,
        hold.id AS hold_id, hold.status AS hold_status, hold.amount AS held,
        coalesce(hold.captured, 0) AS captured,
        wallet.user_id AS payer_id, wallet.unit AS paid_unit
    FROM generation_job AS job
    LEFT JOIN billing_hold AS hold ON hold.reference = 'job:' || job.id::text
    LEFT JOIN billing_wallet AS wallet ON wallet.id = hold.wallet_id
)
"""
_OTHER_CHARGE = """
SELECT id, status, unit, charged, captured FROM jobs
WHERE has_ended AND charged IS DISTINCT FROM captured ORDER BY id
"""
_OTHER_UNIT = """
SELECT id, unit, charged_otherwise FROM jobs WHERE coalesce(charged_otherwise, 0) <> 0 ORDER BY id
"""
_CHARGED_BEFORE_END = """
SELECT id, status, charged FROM jobs WHERE NOT has_ended AND charged IS NOT NULL ORDER BY id
"""
_OTHER_PAYER = """
SELECT id, user_id, unit, payer_id, paid_unit FROM jobs
WHERE payer_id <> user_id OR paid_unit <> unit ORDER BY id
"""
# Relaxed jobs are free, and parked ones get their hold when they leave parking.
_WITHOUT_HOLD = """
SELECT id, status, price FROM jobs
WHERE status IN ('queued', 'running') AND NOT is_relaxed
    AND (hold_status IS DISTINCT FROM 'open' OR held <> price)
ORDER BY id
"""
# An adjustment places its hold and captures it in one transaction: what is open is a job's.
_HOLD_WITHOUT_JOB = """
SELECT hold.id, hold.reference, hold.amount,
    CASE WHEN jobs.id IS NULL THEN 'there is no such job' ELSE 'its job is ' || jobs.status END AS reason
FROM billing_hold AS hold LEFT JOIN jobs ON jobs.hold_id = hold.id
WHERE hold.status = 'open' AND (jobs.id IS NULL OR jobs.has_ended OR jobs.status = 'parked')
ORDER BY hold.id
"""
# A job counts with its price until it ends, on the UTC day of its submission: `jobs.budgets`. The erasure of a
# closed account deletes the jobs first and the keys last.
_OTHER_BUDGET = """
, days AS (
    SELECT job.api_key_id, (job.queued_at AT TIME ZONE 'UTC')::date AS day,
        sum(CASE WHEN jobs.has_ended THEN coalesce(jobs.charged, 0) ELSE jobs.price END) AS spent
    FROM jobs JOIN generation_job AS job USING (id)
    WHERE job.api_key_id IS NOT NULL GROUP BY 1, 2
)
SELECT api_key_id, day, coalesce(key_day.spent, 0) AS counted, coalesce(days.spent, 0) AS spent
FROM generation_keyday AS key_day FULL JOIN days USING (api_key_id, day)
JOIN accounts_apikey AS key ON key.id = api_key_id
JOIN accounts_user AS owner ON owner.id = key.user_id AND owner.closed_at IS NULL
WHERE coalesce(key_day.spent, 0) <> coalesce(days.spent, 0) ORDER BY 1, 2
"""
_COMPARISONS = (
    (
        _OTHER_CHARGE,
        "job {id} ({status}): {charged} {unit} was charged, {captured} was captured of its hold",
    ),
    (_OTHER_UNIT, "job {id}: it is paid in {unit}, and {charged_otherwise} was charged otherwise"),
    (_CHARGED_BEFORE_END, "job {id} ({status}): {charged} was charged before its end"),
    (
        _OTHER_PAYER,
        "job {id} ({unit} of user {user_id}): its hold is {paid_unit} of user {payer_id}",
    ),
    (_WITHOUT_HOLD, "job {id} ({status}): it has no open hold of {price}"),
    (_HOLD_WITHOUT_JOB, "hold {id} ({reference}): {amount} is open, and {reason}"),
    (
        _OTHER_BUDGET,
        "API key {api_key_id} on {day}: {counted} counts against its budget, its jobs sum to {spent}",
    ),
)


def differences() -> Iterator[str]:
    """Each comparison is one statement, so both of its sides are of one moment."""
    for statement, sentence in _COMPARISONS:
        yield from name_rows(statement, sentence, common=_JOBS)
