from django.urls import path

from accounts import data_views, languages, views

app_name = "accounts"

urlpatterns = [
    path("settings/", views.settings, name="settings"),
    path("language/", languages.choose, name="language"),
    path("devices/", views.sessions, name="sessions"),
    path("devices/end-others/", views.sessions_end_others, name="sessions_end_others"),
    path("devices/<int:session_id>/end/", views.session_end, name="session_end"),
    path("data/", data_views.data, name="data"),
    path("data/export/", data_views.export, name="export"),
    path("data/export/card/", data_views.export_card, name="export_card"),
    path("data/export/<uuid:export_id>/", data_views.export_download, name="export_download"),
    path("delete/", data_views.delete, name="delete"),
    path("deleted/", data_views.deleted, name="deleted"),
]
