"""Parked and relaxed jobs, jobs paid in credits, what the margin is made of."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("generation", "0005_studio_preset"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Uptime",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("device", models.CharField(max_length=100)),
                ("day", models.DateField()),
                ("ms", models.PositiveBigIntegerField(default=0)),
            ],
            options={
                "verbose_name": "margin",
                "verbose_name_plural": "margin",
            },
        ),
        migrations.RemoveConstraint(
            model_name="speed",
            name="speed_one_per_device",
        ),
        migrations.RemoveIndex(
            model_name="job",
            name="job_queue",
        ),
        migrations.RemoveIndex(
            model_name="job",
            name="job_queue_warm",
        ),
        migrations.RemoveIndex(
            model_name="job",
            name="job_active_rank",
        ),
        migrations.RemoveIndex(
            model_name="job",
            name="job_rank_end",
        ),
        migrations.AddField(
            model_name="job",
            name="charged_credits",
            field=models.PositiveBigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="credits",
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="job",
            name="device_ms",
            field=models.PositiveBigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="is_relaxed",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="job",
            name="plan",
            field=models.CharField(blank=True, max_length=20),
        ),
        migrations.AddField(
            model_name="job",
            name="unit",
            field=models.CharField(
                choices=[("gpu_ms", "GPU milliseconds"), ("credits", "thousandths of a credit")],
                default="gpu_ms",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="speed",
            name="error",
            field=models.FloatField(default=0),
        ),
        migrations.AddField(
            model_name="speed",
            name="mode",
            field=models.CharField(default="text_to_image", max_length=20),
        ),
        migrations.AlterField(
            model_name="job",
            name="status",
            field=models.CharField(
                choices=[
                    ("parked", "Parked"),
                    ("queued", "Queued"),
                    ("running", "Running"),
                    ("succeeded", "Finished"),
                    ("failed", "Failed"),
                    ("canceled", "Canceled"),
                ],
                default="queued",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="transition",
            name="became",
            field=models.CharField(
                choices=[
                    ("parked", "Parked"),
                    ("queued", "Queued"),
                    ("running", "Running"),
                    ("succeeded", "Finished"),
                    ("failed", "Failed"),
                    ("canceled", "Canceled"),
                ],
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="transition",
            name="was",
            field=models.CharField(
                blank=True,
                choices=[
                    ("parked", "Parked"),
                    ("queued", "Queued"),
                    ("running", "Running"),
                    ("succeeded", "Finished"),
                    ("failed", "Failed"),
                    ("canceled", "Canceled"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("status", "queued")),
                fields=["is_relaxed", "rank"],
                name="job_line",
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("status", "queued")),
                fields=["checkpoint", "is_relaxed", "rank"],
                name="job_line_warm",
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("is_relaxed", True), ("status", "queued")),
                fields=["queued_at"],
                name="job_relaxed",
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("status__in", ["queued", "running"])),
                fields=["is_relaxed", "rank"],
                name="job_active_line",
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(fields=["is_relaxed", "rank_end"], name="job_line_end"),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("status", "parked")), fields=["user"], name="job_parked"
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("finished_at__isnull", False)),
                fields=["finished_at"],
                name="job_finished",
            ),
        ),
        migrations.AddConstraint(
            model_name="speed",
            constraint=models.UniqueConstraint(
                fields=("checkpoint", "mode", "device"), name="speed_one_per_mode"
            ),
        ),
        migrations.AddConstraint(
            model_name="uptime",
            constraint=models.UniqueConstraint(fields=("day", "device"), name="uptime_once_a_day"),
        ),
    ]
