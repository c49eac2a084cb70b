from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("generation", "0037_delivered_orders")]

    operations = [
        migrations.AddField(
            model_name="job",
            name="paused_step",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="job",
            name="paused_for",
            field=models.CharField(
                blank=True,
                choices=[
                    ("paid_first", "It made room for a paid picture."),
                    ("small_first", "It made room for a small picture that had been waiting."),
                    ("worker_ended", "Its machine was shut down."),
                    ("worker_lost", "We lost contact with its machine."),
                ],
                db_default="",
                default="",
                max_length=20,
            ),
        ),
    ]
