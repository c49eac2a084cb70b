import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_key_defaults"),
        ("generation", "0038_pauses"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="KeptState",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("index", models.PositiveSmallIntegerField()),
                ("step", models.PositiveSmallIntegerField()),
                ("digest", models.CharField(max_length=64)),
                ("file", models.CharField(max_length=200)),
                ("preview", models.CharField(blank=True, max_length=200)),
                ("bytes", models.PositiveBigIntegerField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("expires_at", models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name="job",
            name="branched_from",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="branches",
                to="generation.job",
            ),
        ),
        migrations.AddField(
            model_name="keptstate",
            name="image",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.RESTRICT,
                related_name="kept_states",
                to="generation.image",
            ),
        ),
        migrations.AddField(
            model_name="keptstate",
            name="job",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.RESTRICT,
                related_name="kept_states",
                to="generation.job",
            ),
        ),
        migrations.AddField(
            model_name="keptstate",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="kept_states",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="keptstate",
            index=models.Index(fields=["user", "digest"], name="state_by_digest"),
        ),
        migrations.AddIndex(
            model_name="keptstate",
            index=models.Index(fields=["user", "-created_at"], name="state_of_user"),
        ),
        migrations.AddIndex(
            model_name="keptstate",
            index=models.Index(fields=["created_at"], include=("bytes",), name="state_by_age"),
        ),
        migrations.AddIndex(
            model_name="keptstate",
            index=models.Index(fields=["expires_at"], name="state_sweep"),
        ),
    ]
