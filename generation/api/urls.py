from django.urls import path

from generation.api.native import api

urlpatterns = [
    path("api/v1/", api.urls),
]
