"""Waits of queued jobs, as `Job.waited_ms` has them for running ones: earlier attempts don't count."""

from datetime import timedelta

from django.db.models import (
    Case,
    DateTimeField,
    DurationField,
    F,
    Max,
    OuterRef,
    Q,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.utils import timezone

from generation.models import Job, JobQuerySet, Status, Transition


def with_waited(jobs: JobQuerySet) -> JobQuerySet:
    """Annotate queued jobs with `waited`, a timedelta, in the query that reads them."""
    since = Value(timezone.now(), output_field=DateTimeField()) - F("queued_at")
    # Most have no attempt behind them, and cost no look at their transitions.
    waited = Case(
        When(attempt=0, then=since),
        default=since - Coalesce(_ran_before(), timedelta(0), output_field=DurationField()),
        output_field=DurationField(),
    )
    return jobs.annotate(waited=waited)


def waited_of(job: Job) -> timedelta:
    """The annotation of a job from `with_waited`."""
    waited: timedelta = vars(job)["waited"]
    return waited


def longest_wait(jobs: JobQuerySet) -> timedelta:
    """The wait of the job that has waited longest among queued ones; zero without a job."""
    longest: timedelta | None = with_waited(jobs).aggregate(longest=Max("waited"))["longest"]
    return longest or timedelta(0)


def _ran_before() -> Subquery:
    """The time between each claim and the next return to the queue, of a job that is there."""
    # Each way out of the line has its way back, so that it doesn't matter from which moment both are counted.
    moment = Value(timezone.now(), output_field=DateTimeField())
    ran = Sum(
        Case(
            When(became=Status.RUNNING, then=moment - F("at")),
            When(was=Status.RUNNING, then=F("at") - moment),
            output_field=DurationField(),
        )
    )
    moves = Transition.objects.filter(Q(was=Status.RUNNING) | Q(became=Status.RUNNING))
    of_job = moves.filter(job=OuterRef("pk")).order_by().values("job")
    return Subquery(of_job.annotate(ran=ran).values("ran"), output_field=DurationField())
