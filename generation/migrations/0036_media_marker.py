from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("generation", "0035_excused_lapses"),
    ]

    operations = [
        migrations.CreateModel(
            name="MediaMarker",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(blank=True, max_length=200)),
                ("written_at", models.DateTimeField(auto_now=True)),
            ],
        ),
    ]
