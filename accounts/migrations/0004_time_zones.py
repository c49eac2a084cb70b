from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_api_keys")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="time_zone",
            field=models.CharField(
                blank=True, db_default="", max_length=63, verbose_name="time zone"
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="browser_time_zone",
            field=models.CharField(blank=True, db_default="", editable=False, max_length=63),
        ),
    ]
