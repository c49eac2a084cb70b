"""What keys and their jobs cost, in what they pay with."""

from django import template

from accounts.models import ApiKey
from billing.templatetags.amounts import credits, gpu_time
from generation import emails
from generation.models import Job
from generation.models.api import Call

register = template.Library()


@register.filter
def spending(amount: int, key: ApiKey) -> str:
    """An amount of what the key spends: "12.5 credits", "4 min 58 s"."""
    return emails.amount(amount, key=key)


@register.filter
def cost(call: Call) -> str:
    """What the request's jobs cost, or what is set aside for them while it is not known."""
    jobs = call.jobs
    if not jobs:
        return ""
    amount = sum(map(_amount, jobs))
    return credits(amount) if jobs[0].pays_in_credits else gpu_time(amount)


def _amount(job: Job) -> int:
    return job.price if job.charged is None else job.charged
