"""Indexes for the usage page and the admin's lists, built while the site runs."""

from typing import ClassVar

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False

    dependencies: ClassVar = [("generation", "0002_gallery")]

    operations: ClassVar = [
        AddIndexConcurrently(
            "job",
            models.Index(
                fields=["user", "-finished_at", "-id"],
                name="job_usage",
                include=["checkpoint", "charged_ms"],
                condition=Q(finished_at__isnull=False),
            ),
        ),
        AddIndexConcurrently("job", models.Index(fields=["-created_at", "-id"], name="job_recent")),
        AddIndexConcurrently(
            "job",
            models.Index(
                fields=["-created_at", "-id"], name="job_failed", condition=Q(status="failed")
            ),
        ),
        AddIndexConcurrently(
            "image", models.Index(fields=["-created_at", "-id"], name="image_recent")
        ),
    ]
