from django.urls import path

from generation import detection_views, gallery_views, views

urlpatterns = [
    path("", views.home, name="home"),
    path("studio/", views.studio, name="studio"),
    path("studio/quote/", views.quote, name="quote"),
    path("jobs/active.json", views.jobs_active, name="jobs_active"),
    path("jobs/strip/", views.jobs_strip, name="jobs_strip"),
    path("jobs/<uuid:job_id>/", views.job, name="job"),
    path("jobs/<uuid:job_id>/card/", views.job_card, name="job_card"),
    path("jobs/<uuid:job_id>/cancel/", views.job_cancel, name="job_cancel"),
    path("gallery/", gallery_views.gallery, name="gallery"),
    path("detect/", detection_views.detect, name="detect"),
    path("images/<uuid:image_id>/", gallery_views.image, name="image"),
    path("images/<uuid:image_id>/file.png", gallery_views.image_file, name="image_file"),
    path(
        "images/<uuid:image_id>/thumbnail.webp",
        gallery_views.image_thumbnail,
        name="image_thumbnail",
    ),
    path("images/<uuid:image_id>/download/", gallery_views.image_download, name="image_download"),
]
