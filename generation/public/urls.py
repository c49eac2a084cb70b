from django.urls import path

from generation.public import detection_views, views

urlpatterns = [
    path("", views.home, name="home"),
    path("begin/", views.begin, name="begin"),
    path("uses/", views.uses, name="uses"),
    path("uses/<slug:preset_id>/", views.use, name="use"),
    path("models/", views.models, name="models"),
    path("models/<str:checkpoint_id>/", views.model, name="model"),
    path("detect/", detection_views.detect, name="detect"),
]
