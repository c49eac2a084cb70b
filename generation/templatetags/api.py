"""Amounts of API keys and calls, in the unit that the key pays in."""

from django import template

from accounts.models import ApiKey
from billing.templatetags.amounts import credits, gpu_time
from generation import emails
from generation.models import Job
from generation.models.api import Call

register = template.Library()


@register.filter
def spending(amount: int, key: ApiKey) -> str:
    """An amount in the key's unit: "12.5 credits", "4 min 58 s"."""
    return emails.amount(amount, key=key)


@register.filter
def cost(call: Call) -> str:
    """Cost of the call's jobs, or their holds while jobs are running."""
    jobs = call.jobs
    if not jobs:
        return ""
    amount = sum(map(_amount, jobs))
    return credits(amount) if jobs[0].pays_in_credits else gpu_time(amount)


def _amount(job: Job) -> int:
    return job.price if job.charged is None else job.charged
