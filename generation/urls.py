from django.urls import path, re_path

from generation import gallery_views, showcase_views, studio_views, views

urlpatterns = [
    path("", showcase_views.home, name="home"),
    path("begin/", showcase_views.begin, name="begin"),
    path("uses/", showcase_views.uses, name="uses"),
    path("uses/<slug:preset_id>/", showcase_views.use, name="use"),
    path("models/", showcase_views.models, name="models"),
    path("models/<str:checkpoint_id>/", showcase_views.model, name="model"),
    path("studio/", views.studio, name="studio"),
    path("studio/quote/", views.quote, name="quote"),
    path("studio/tokens/", studio_views.count_tokens, name="count_tokens"),
    path("studio/read/", studio_views.read_picture, name="read_picture"),
    path("studio/prompts/", studio_views.past_prompts, name="past_prompts"),
    path("studio/presets/", studio_views.keep_preset, name="keep_preset"),
    path(
        "studio/presets/<uuid:preset_id>/delete/", studio_views.delete_preset, name="delete_preset"
    ),
    path("uploads/", studio_views.upload, name="upload"),
    path("uploads/<uuid:image_id>/", studio_views.upload_image, name="upload_image"),
    re_path(
        r"^uploads/(?P<digest>[0-9a-f]{64})\.png$", studio_views.upload_file, name="upload_file"
    ),
    path("jobs/active.json", views.jobs_active, name="jobs_active"),
    path("jobs/strip/", views.jobs_strip, name="jobs_strip"),
    path("jobs/<uuid:job_id>/", views.job, name="job"),
    path("jobs/<uuid:job_id>/card/", views.job_card, name="job_card"),
    path("jobs/<uuid:job_id>/cancel/", views.job_cancel, name="job_cancel"),
    path("gallery/", gallery_views.gallery, name="gallery"),
    path("images/<uuid:image_id>/", gallery_views.image, name="image"),
    path("images/<uuid:image_id>/file.png", gallery_views.image_file, name="image_file"),
    path(
        "images/<uuid:image_id>/thumbnail.webp",
        gallery_views.image_thumbnail,
        name="image_thumbnail",
    ),
    path("images/<uuid:image_id>/download/", gallery_views.image_download, name="image_download"),
]
