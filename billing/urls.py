from django.urls import path

from billing import meter_views, sandbox_views, views, webhooks

app_name = "billing"

urlpatterns = [
    path("plans/", views.plans, name="plans"),
    path("usage/movements/", views.usage, name="usage"),
    path("usage/meter/", meter_views.meter, name="meter"),
    path("billing/checkout/<slug:plan_id>/", views.checkout, name="checkout"),
    path("billing/success/", views.success, name="success"),
    path("billing/change/<slug:plan_id>/", views.change, name="change"),
    path("billing/cancel/", views.cancel, name="cancel"),
    path("billing/resume/", views.resume, name="resume"),
    path("billing/portal/", views.portal, name="portal"),
    path("billing/webhook/", webhooks.webhook, name="webhook"),
    path(
        "billing/sandbox/checkout/<slug:checkout_id>/",
        sandbox_views.checkout,
        name="sandbox_checkout",
    ),
    path("billing/sandbox/portal/", sandbox_views.portal, name="sandbox_portal"),
]
