from django.urls import path, re_path

from generation import studio_views, views

urlpatterns = [
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
]
