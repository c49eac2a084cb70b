from django.urls import path

from generation.consumers import LiveConsumer

websocket_urlpatterns = [path("ws/jobs/", LiveConsumer.as_asgi())]
