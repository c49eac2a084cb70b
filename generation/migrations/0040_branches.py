from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("generation", "0039_kept_states")]

    operations = [
        AddIndexConcurrently(
            "job",
            models.Index(
                condition=models.Q(("branched_from__isnull", False)),
                fields=["branched_from"],
                name="job_branches",
            ),
        ),
    ]
