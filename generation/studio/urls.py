from django.urls import path, re_path

from generation.studio import branch_views, defaults_views, job_views, tool_views, views

urlpatterns = [
    path("studio/", views.studio, name="studio"),
    path("studio/quote/", views.quote, name="quote"),
    path("studio/tokens/", tool_views.count_tokens, name="count_tokens"),
    path("studio/read/", tool_views.read_picture, name="read_picture"),
    path("studio/prompts/", tool_views.past_prompts, name="past_prompts"),
    path("studio/presets/", tool_views.keep_preset, name="keep_preset"),
    path("studio/presets/<uuid:preset_id>/delete/", tool_views.delete_preset, name="delete_preset"),
    path("uploads/", tool_views.upload, name="upload"),
    path("uploads/<uuid:image_id>/", tool_views.upload_image, name="upload_image"),
    re_path(r"^uploads/(?P<digest>[0-9a-f]{64})\.png$", tool_views.upload_file, name="upload_file"),
    path("account/studio/", defaults_views.studio_defaults, name="studio_defaults"),
    path("images/<uuid:image_id>/branch/", branch_views.branch, name="branch"),
    path("drafts/<uuid:state_id>/finish/", branch_views.finish_draft, name="finish_draft"),
    path("drafts/<uuid:state_id>/preview.webp", branch_views.draft_preview, name="draft_preview"),
    path("jobs/active.json", job_views.jobs_active, name="jobs_active"),
    path("jobs/strip/", job_views.jobs_strip, name="jobs_strip"),
    path("jobs/<uuid:job_id>/", job_views.job, name="job"),
    path("jobs/<uuid:job_id>/card/", job_views.job_card, name="job_card"),
    path("jobs/<uuid:job_id>/receipt.json", job_views.job_receipt, name="job_receipt"),
    path("jobs/<uuid:job_id>/retry/", views.retry, name="job_retry"),
    path("jobs/<uuid:job_id>/cancel/", job_views.job_cancel, name="job_cancel"),
]
