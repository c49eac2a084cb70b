from allauth.account import views as account_views
from allauth.account.decorators import reauthentication_required
from django.contrib import admin
from django.urls import include, path
from django.views.generic.base import RedirectView

from sdsite import health, indexing, metrics

# Somebody who finds a browser open must not set a password on an account without one.
set_password = reauthentication_required(account_views.password_set, app="allauth.account")

handler429 = "accounts.rate_limits.too_many_requests"
handler500 = "sdsite.errors.server_error"

urlpatterns = [
    path("", include("generation.urls")),
    path("", include("billing.urls")),
    # allauth's sessions page can only sign out all sessions.
    path("accounts/sessions/", RedirectView.as_view(pattern_name="accounts:sessions")),
    path("accounts/password/set/", set_password, name="account_set_password"),
    path("accounts/", include("allauth.urls")),
    path("account/", include("accounts.urls")),
    path("admin/", admin.site.urls),
    path("robots.txt", indexing.robots, name="robots"),
    path("llms.txt", indexing.llms, name="llms"),
    path("sitemap.xml", indexing.sitemap, name="sitemap"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("workerz", health.workerz, name="workerz"),
    path("metrics", metrics.metrics, name="metrics"),
]
