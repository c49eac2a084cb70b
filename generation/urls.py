from django.urls import include, path

from generation import defaults_views, detection_views, usage_views, views

urlpatterns = [
    path("", include("generation.showcase_urls")),
    path("", include("generation.studio_urls")),
    path("", include("generation.gallery_urls")),
    path("", include("generation.api.urls")),
    path("account/studio/", defaults_views.studio_defaults, name="studio_defaults"),
    path("jobs/active.json", views.jobs_active, name="jobs_active"),
    path("jobs/strip/", views.jobs_strip, name="jobs_strip"),
    path("jobs/<uuid:job_id>/", views.job, name="job"),
    path("jobs/<uuid:job_id>/card/", views.job_card, name="job_card"),
    path("jobs/<uuid:job_id>/receipt.json", views.job_receipt, name="job_receipt"),
    path("jobs/<uuid:job_id>/cancel/", views.job_cancel, name="job_cancel"),
    path("usage/", usage_views.usage, name="usage"),
    path("usage/usage.csv", usage_views.usage_export, name="usage_export"),
    path("detect/", detection_views.detect, name="detect"),
]
