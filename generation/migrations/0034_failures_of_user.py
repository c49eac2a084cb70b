from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # The site goes on while a large table is indexed.
    atomic = False
    dependencies = [
        ("generation", "0033_measured_quotes"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="job",
            index=models.Index(
                condition=models.Q(("status", "failed")),
                fields=["user", "finished_at"],
                name="job_failed_of_user",
            ),
        ),
    ]
