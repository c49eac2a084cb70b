"""API keys in the path, for clients that cannot send headers: /a1111/KEY/sdapi/...

The key is moved to the Authorization header before any other code reads or logs the path.
"""

import re

from django.http import HttpRequest

from generation.api.request_middleware import changing

_WITH_KEY = re.compile(r"/a1111/([^/]+)(/(?:sdapi|internal|controlnet)/.*)", re.DOTALL)


def move_key(request: HttpRequest) -> None:
    """Move a key from the request's path to its headers. Safe to call twice."""
    if found := _WITH_KEY.fullmatch(request.path_info):
        key, path = found.groups()
        request.path = request.path_info = request.META["PATH_INFO"] = path
        request.META["HTTP_AUTHORIZATION"] = f"Bearer {key}"


# Must run before any middleware that logs the path.
take_key_out = changing(move_key)
