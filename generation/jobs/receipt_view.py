"""A job's receipt beside the ledger: phases, rate, the grants that paid, and the total."""

from dataclasses import dataclass
from typing import Any

from billing import ledger
from billing.models import Grant
from generation.models import Job
from generation.models.receipts import Receipt


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A receipt with the grants that paid it. The amounts in `used` add up to the charge."""

    job: Job
    receipt: Receipt
    used: tuple[tuple[Grant, int], ...]

    @property
    def charged(self) -> int:
        """In the job's unit: GPU milliseconds, or thousandths of a credit."""
        return self.job.charged or 0

    def to_dict(self) -> dict[str, Any]:
        """The statement as JSON. Times are ISO 8601; amounts are integers in `unit`."""
        job = self.job
        return {
            "job": str(job.pk),
            "status": job.status,
            "checkpoint": job.checkpoint,
            "created_at": job.created_at.isoformat(),
            "finished_at": job.finished_at.isoformat() if job.finished_at else None,
            "unit": job.unit,
            "relaxed": job.is_relaxed,
            "quote": {"likely_ms": job.quote_ms, "ceiling_ms": job.hold_ms, "credits": job.credits},
            "rate": self.rate,
            "lines": [
                {
                    "phase": line.phase,
                    "index": line.index,
                    "ms": line.ms,
                    "billed": line.billed,
                    "why": str(line.reason),
                }
                for line in self.receipt.lines
            ],
            "grants": [
                {
                    "source": grant.source,
                    "amount": amount,
                    "expires_at": grant.expires_at.isoformat() if grant.expires_at else None,
                }
                for grant, amount in self.used
            ],
            "charged": self.charged,
        }

    @property
    def rate(self) -> dict[str, int]:
        """The charge for each billed millisecond, or in credits for the whole job."""
        if self.job.pays_in_credits:
            return {"job": self.job.credits}
        return {"billed_ms": 0 if self.job.is_relaxed else 1}


def build(job: Job) -> Statement:
    """The job's statement, without lines before its end. One query."""
    return Statement(
        job=job,
        receipt=job.parsed_receipt or Receipt(()),
        used=tuple((entry.grant, -entry.amount) for entry in ledger.spent_on(job.hold_reference)),
    )
