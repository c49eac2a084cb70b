"""Operator alerts about workers, waits and failures."""

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.admin_tools import Concern, Urgency, list_url
from generation.models import Job, Status
from generation.queue import forecast
from generation.queue.forecast import QueueForecast
from generation.queue.wait_reason import WaitReason

# The longest wait without an alert.
WAIT = timedelta(minutes=5)
FAILED_SHARE = 0.1
FAILURE_WINDOW = timedelta(hours=1)


def concerns() -> Iterator[Concern]:
    now = forecast.look()
    yield from _workers(now)
    yield from _waiting(now)
    yield from _failures()


def _workers(now: QueueForecast) -> Iterator[Concern]:
    url = reverse("admin:queue")
    if not now.num_alive:
        urgency = Urgency.ERROR if now.depth else Urgency.WARNING
        yield Concern(urgency=urgency, text=_("No worker is running."), url=url)
    for worker in now.workers:
        if worker.heartbeat and not worker.heartbeat.sees_media:
            text = _("The worker %(name)s takes no jobs: it does not see the pictures of the site.")
            yield Concern(urgency=Urgency.ERROR, text=text % {"name": worker.name}, url=url)
        if worker.heartbeat is None and now.num_alive:
            yield Concern(
                urgency=Urgency.WARNING,
                text=_("The worker %(name)s has jobs, but says nothing.") % {"name": worker.name},
                url=url,
            )


def _waiting(now: QueueForecast) -> Iterator[Concern]:
    unserved = [each.job for each in now.waiting if each.reason == WaitReason.NO_MODEL]
    if unserved:
        text = _("No worker has the models of waiting jobs: %(models)s.")
        yield Concern(
            urgency=Urgency.ERROR,
            text=text % {"models": ", ".join(sorted({job.checkpoint for job in unserved}))},
            url=reverse("admin:queue"),
        )
    if now.longest_wait > WAIT:
        text = ngettext(
            "%(depth)d job waits, for %(minutes)d minutes.",
            "%(depth)d jobs wait, the first for %(minutes)d minutes.",
            now.depth,
        )
        minutes = now.longest_wait // timedelta(minutes=1)
        yield Concern(
            urgency=Urgency.WARNING,
            text=text % {"depth": now.depth, "minutes": minutes},
            url=reverse("admin:queue"),
        )


def _failures() -> Iterator[Concern]:
    recent = Job.objects.filter(created_at__gt=timezone.now() - FAILURE_WINDOW)
    counts = recent.aggregate(all=Count("pk"), failed=Count("pk", filter=Q(status=Status.FAILED)))
    if counts["failed"] > counts["all"] * FAILED_SHARE:
        yield Concern(
            urgency=Urgency.WARNING,
            text=_("%(failed)d of the %(all)d jobs of the last hour failed.") % counts,
            url=list_url(Job, status__exact=Status.FAILED),
        )
