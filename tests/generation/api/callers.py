"""API clients with a key."""

import json

from accounts import keys
from accounts.keys import Limits
from accounts.models import ApiKey, Pays
from generation.jobs import admission
from tests.billing import provider
from tests.generation.rows import make_request

# A small image, which a worker makes quickly.
WISH = {"prompt": "a red house", "width": 128, "height": 128, "num_inference_steps": 30, "seed": 7}
PRICE = admission.credits(
    make_request(**{name: value for name, value in WISH.items() if name != "prompt"})
)


class Caller:
    """An API client with its own key; each call returns Django's response."""

    def __init__(self, client, user, *, name="Tests", pays_in=Pays.CREDITS, **limits):
        self._client = client
        self.key, self.secret = keys.make(user, name=name, pays_in=pays_in, limits=Limits(**limits))

    @property
    def headers(self):
        return {"Authorization": f"Bearer {self.secret}"}

    def get(self, path, query=None, **headers):
        return self._client.get(path, query or {}, headers={**self.headers, **headers})

    def post(self, path, body=None, **headers):
        return self._client.post(
            path,
            json.dumps(body if body is not None else {}),
            content_type="application/json",
            headers={**self.headers, **headers},
        )

    def send(self, path, fields, **headers):
        """Post a form with files."""
        return self._client.post(path, fields, headers={**self.headers, **headers})

    def reloaded(self):
        return ApiKey.objects.get(pk=self.key.pk)


def buy_credits(user):
    provider.buy(user, "credits-2900")
    return user
