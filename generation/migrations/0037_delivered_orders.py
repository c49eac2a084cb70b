from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("generation", "0036_media_marker")]

    operations = [
        migrations.AddField(
            model_name="order",
            name="delivered_at",
            field=models.DateTimeField(null=True),
        ),
    ]
