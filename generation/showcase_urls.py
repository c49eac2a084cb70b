from django.urls import path

from generation import showcase_views

urlpatterns = [
    path("", showcase_views.home, name="home"),
    path("begin/", showcase_views.begin, name="begin"),
    path("uses/", showcase_views.uses, name="uses"),
    path("uses/<slug:preset_id>/", showcase_views.use, name="use"),
    path("models/", showcase_views.models, name="models"),
    path("models/<str:checkpoint_id>/", showcase_views.model, name="model"),
]
