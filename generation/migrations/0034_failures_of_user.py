from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("generation", "0033_measured_quotes"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("status", "failed")),
                fields=["user", "finished_at"],
                name="job_failed_of_user",
            ),
        ),
    ]
