from django.urls import path

from accounts import languages, views

app_name = "accounts"

urlpatterns = [
    path("settings/", views.settings, name="settings"),
    path("language/", languages.choose, name="language"),
]
