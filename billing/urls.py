from django.urls import path

from billing import checkout_views, meter_views, plan_change_views, views, webhooks
from billing.providers.sandbox import views as sandbox_views

app_name = "billing"

urlpatterns = [
    path("plans/", views.plans, name="plans"),
    path("usage/movements/", views.usage, name="usage"),
    path("usage/meter/", meter_views.meter, name="meter"),
    path("billing/", views.plan, name="plan"),
    path("billing/payments/<int:payment_id>/pay/", views.pay, name="pay"),
    path("billing/payments/<int:payment_id>/invoice/", views.invoice, name="invoice"),
    path(
        "billing/checkout/<slug:plan_id>/<slug:interval>/",
        checkout_views.checkout,
        name="checkout",
    ),
    path("billing/buy/<slug:product_id>/", checkout_views.buy, name="buy"),
    path("billing/success/", checkout_views.success, name="success"),
    path("billing/portal/", checkout_views.portal, name="portal"),
    path("billing/change/<slug:plan_id>/<slug:interval>/", plan_change_views.change, name="change"),
    path("billing/keep/", plan_change_views.keep, name="keep"),
    path("billing/cancel/", plan_change_views.cancel, name="cancel"),
    path("billing/cancel/confirm/", plan_change_views.confirm_cancel, name="confirm_cancel"),
    path("billing/end/confirm/", plan_change_views.confirm_end, name="confirm_end"),
    path("billing/resume/", plan_change_views.resume, name="resume"),
    path("billing/end/", plan_change_views.end, name="end"),
    path("billing/webhook/", webhooks.webhook, name="webhook"),
    path(
        "billing/sandbox/checkout/<slug:checkout_id>/",
        sandbox_views.checkout,
        name="sandbox_checkout",
    ),
    path("billing/sandbox/bank/<slug:checkout_id>/", sandbox_views.bank, name="sandbox_bank"),
    path("billing/sandbox/portal/", sandbox_views.portal, name="sandbox_portal"),
    path(
        "billing/sandbox/invoices/<slug:invoice_id>/", sandbox_views.invoice, name="sandbox_invoice"
    ),
    path(
        "billing/sandbox/invoices/<slug:invoice_id>/pdf/",
        sandbox_views.invoice_pdf,
        name="sandbox_invoice_pdf",
    ),
]
