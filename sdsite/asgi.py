"""HTTP and websockets."""

import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sdsite.settings")

# Loads the apps; consumers import models, so they come after it.
http = get_asgi_application()

from generation.api.delivery import NoteDelivery  # noqa: E402
from generation.live.routing import websocket_urlpatterns  # noqa: E402
from sdsite.request_bodies import LimitBodies  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": LimitBodies(NoteDelivery(http)),
        "websocket": AllowedHostsOriginValidator(
            AuthMiddlewareStack(URLRouter(websocket_urlpatterns))
        ),
    }
)
