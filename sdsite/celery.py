"""The Celery application. A task message is a bell, never the truth: see `generation.jobs`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sdsite.settings")

app = Celery("sdsite")
app.config_from_object("django.conf:settings", namespace="CELERY")
# Pool threads look the application up anew; without a default they find an unconfigured one and drop work.
app.set_default()
app.autodiscover_tasks()
