from django.urls import path

from generation.live.consumer import LiveConsumer

websocket_urlpatterns = [path("ws/jobs/", LiveConsumer.as_asgi())]
