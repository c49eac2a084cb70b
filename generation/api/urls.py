"""Every wire's addresses, and an answer in the wire's own words for all others below them."""

from django.urls import include, path, re_path

from generation.api import native, openai

urlpatterns = [
    path("api/v1/", include((native.urls(), "api"), namespace="api")),
    path("v1/models", openai.models, name="openai_models"),
    path("v1/models/<str:model_id>", openai.model, name="openai_model"),
    path("v1/images/generations", openai.generations, name="openai_generations"),
    path("v1/images/edits", openai.edits, name="openai_edits"),
    path("v1/images/variations", openai.variations, name="openai_variations"),
    re_path("^v1/", openai.wire.nothing_here(), name="openai_nothing"),
]
