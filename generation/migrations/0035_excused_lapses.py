from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("generation", "0034_failures_of_user"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="is_excused",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
