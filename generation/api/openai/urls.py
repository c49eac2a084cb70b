"""Paths of OpenAI's API, under /v1."""

from django.urls import path, re_path

from generation.api.openai import views
from generation.api.openai.errors import api_format

urlpatterns = [
    path("v1/models", views.models, name="openai_models"),
    path("v1/models/<str:model_id>", views.model, name="openai_model"),
    path("v1/images/generations", views.generations, name="openai_generations"),
    path("v1/images/edits", views.edits, name="openai_edits"),
    path("v1/images/variations", views.variations, name="openai_variations"),
    re_path("^v1/", api_format.not_found(), name="openai_nothing"),
]
