from django.contrib import admin
from django.urls import include, path

from sdsite import health, metrics

handler500 = "sdsite.errors.server_error"

urlpatterns = [
    path("", include("generation.urls")),
    path("", include("billing.urls")),
    path("accounts/", include("allauth.urls")),
    path("account/", include("accounts.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("admin/", admin.site.urls),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
]
