"""What keys and their jobs cost, in what they pay with."""

from django import template

from accounts.models import ApiKey
from billing.templatetags.amounts import credits, gpu_time
from generation import api_letters
from generation.models import Job

register = template.Library()


@register.filter
def spending(amount: int, key: ApiKey) -> str:
    """An amount of what the key spends: "12.5 credits", "4 min 58 s"."""
    return api_letters.amount(amount, key=key)


@register.filter
def cost(job: Job) -> str:
    """What the job cost, or what is set aside for it while it is not known."""
    if job.pays_in_credits:
        return credits(job.credits if job.charged_credits is None else job.charged_credits)
    return gpu_time(job.hold_ms if job.charged_ms is None else job.charged_ms)
