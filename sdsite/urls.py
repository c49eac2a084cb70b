from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

from sdsite import health, indexing

# Administrators sign in like everybody, under the same rate limits.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

handler500 = "sdsite.errors.server_error"

urlpatterns = [
    path("", include("generation.urls")),
    path("", include("billing.urls")),
    path("accounts/", include("allauth.urls")),
    path("account/", include("accounts.urls")),
    path("admin/", admin.site.urls),
    path("robots.txt", indexing.robots, name="robots"),
    path("sitemap.xml", indexing.sitemap, name="sitemap"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
