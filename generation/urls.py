from django.urls import include, path

from generation.api import developer_views
from generation.usage import views as usage_views

urlpatterns = [
    path("", include("generation.public.urls")),
    path("", include("generation.studio.urls")),
    path("", include("generation.gallery.urls")),
    path("", include("generation.api.urls")),
    path("account/api/", developer_views.developer, name="developer"),
    path("account/api/calls/", developer_views.developer_calls, name="developer_calls"),
    path("account/api/keys/new/", developer_views.key_make, name="key_make"),
    path("account/api/keys/<uuid:key_id>/", developer_views.key, name="key"),
    path("account/api/keys/<uuid:key_id>/rotate/", developer_views.key_rotate, name="key_rotate"),
    path("account/api/keys/<uuid:key_id>/revoke/", developer_views.key_revoke, name="key_revoke"),
    path(
        "account/api/webhooks/<uuid:delivery_id>/send/",
        developer_views.webhook_send_again,
        name="webhook_send_again",
    ),
    path("usage/", usage_views.usage, name="usage"),
    path("usage/usage.csv", usage_views.usage_export, name="usage_export"),
]
