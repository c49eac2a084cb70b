from django.forms import modelform_factory

from accounts.models import User

SettingsForm = modelform_factory(User, fields=["language", "theme"])
