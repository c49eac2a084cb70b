"""Social sign-in, with a local server as the provider."""

import copy
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount
from django.urls import reverse

from accounts import checks
from accounts.models import User
from billing import ledger
from billing.models import Unit
from billing.plans import TRIAL
from tests.accounts import mailbox
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db

LOGIN = reverse("account_login")
OIDC = reverse("openid_connect_login", args=["oidc"])
CALLBACK = reverse("openid_connect_callback", args=["oidc"])
CONNECTIONS = reverse("socialaccount_connections")
DORA = {"sub": "1", "email": "dora@example.com", "email_verified": True, "name": "Dora"}


class Provider(BaseHTTPRequestHandler):
    """An OpenID provider that signs in `person`."""

    person = DORA

    def do_GET(self):
        base = f"http://127.0.0.1:{self.server.server_port}"
        answers = {
            "/.well-known/openid-configuration": {
                "issuer": base,
                "authorization_endpoint": f"{base}/authorize",
                "token_endpoint": f"{base}/token",
                "userinfo_endpoint": f"{base}/userinfo",
                "jwks_uri": f"{base}/jwks",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
            },
            "/userinfo": self.person,
        }
        self._answer(answers[self.path])

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer({"access_token": "token", "token_type": "Bearer"})

    def _answer(self, data):
        body = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def provider(settings, monkeypatch):
    monkeypatch.setattr(Provider, "person", DORA)
    with HTTPServer(("127.0.0.1", 0), Provider) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        providers = copy.deepcopy(settings.SOCIALACCOUNT_PROVIDERS)
        [app] = providers["openid_connect"]["APPS"]
        app["settings"] = {"server_url": f"http://127.0.0.1:{server.server_port}"}
        settings.SOCIALACCOUNT_PROVIDERS = providers
        yield Provider
        server.shutdown()
        thread.join()


def go_through(client, **query):
    """Click the button, consent at the provider, and return."""
    leaving = client.post(f"{OIDC}?process={query.pop('process', 'login')}")
    state = parse_qs(urlsplit(leaving.url).query)["state"][0]
    return client.get(CALLBACK, {"state": state, "code": "code", **query})


def signed_in(client):
    return client.session.get("_auth_user_id")


@pytest.mark.parametrize(
    ("url", "origin", "client_id"),
    [
        (reverse("google_login"), "https://accounts.google.com", "google-id"),
        (reverse("github_login"), "https://github.com", "github-id"),
    ],
)
def test_the_buttons_lead_to_the_provider(client, url, origin, client_id):
    response = client.post(f"{url}?process=login")

    there = urlsplit(response.url)
    assert f"{there.scheme}://{there.netloc}" == origin
    assert parse_qs(there.query)["client_id"] == [client_id]


def test_the_browser_may_go_there_from_our_forms(client):
    policy = client.get(LOGIN)["Content-Security-Policy"]

    [targets] = [each for each in policy.split(";") if "form-action" in each]
    for origin in ("https://accounts.google.com", "https://github.com", "https://id.example.com"):
        assert origin in targets


def test_a_link_leads_nowhere_without_a_question(client):
    assert client.get(reverse("github_login")).status_code == 200


@pytest.mark.parametrize("page", [LOGIN, reverse("account_signup")])
def test_what_is_set_up_is_offered(client, page):
    text = client.get(page).text

    for name in ("Google", "GitHub", "Example ID"):
        assert f"Go on with {name}" in text


@pytest.mark.parametrize("page", [LOGIN, reverse("account_signup")])
def test_without_settings_nothing_is_offered(client, settings, page):
    settings.SOCIALACCOUNT_PROVIDERS = {}

    assert "Go on with" not in client.get(page).text


def test_without_settings_there_is_no_tab_either(as_alice, settings):
    with_it = as_alice.get(reverse("accounts:settings")).text
    settings.SOCIALACCOUNT_PROVIDERS = {}

    assert CONNECTIONS in with_it
    assert CONNECTIONS not in as_alice.get(reverse("accounts:settings")).text


def test_who_comes_for_the_first_time_has_an_account_and_the_trial(client, provider):
    response = go_through(client)

    user = User.objects.get()
    assert response.url == reverse("studio")
    assert signed_in(client) == str(user.pk)
    assert user.email == "dora@example.com"
    assert not user.has_usable_password()
    assert ledger.available(user, Unit.GPU_MS) == TRIAL.gpu_ms


def test_who_comes_again_has_the_same_account(client, provider):
    go_through(client)
    client.logout()

    go_through(client)

    assert signed_in(client) == str(User.objects.get().pk)


def test_an_address_that_the_provider_did_not_check_is_checked_here(client, provider):
    provider.person = {**DORA, "email_verified": False}

    response = go_through(client)

    assert response.url == reverse("account_email_verification_sent")
    assert signed_in(client) is None
    assert mailbox.code("dora@example.com")


def test_a_provider_of_the_operators_choice_does_not_open_existing_accounts(
    client, provider, alice
):
    provider.person = {**DORA, "email": alice.email}

    response = go_through(client)

    assert response.url == reverse("account_email_verification_sent")
    assert signed_in(client) is None
    assert mailbox.subjects(alice.email)[-1] == "You have an account already"


def test_one_that_knows_its_addresses_does(client, provider, alice, settings):
    settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["EMAIL_AUTHENTICATION"] = True
    provider.person = {**DORA, "email": alice.email}

    go_through(client)

    assert signed_in(client) == str(alice.pk)
    assert SocialAccount.objects.get().user == alice


def test_who_turns_back_has_changed_nothing(client, provider):
    response = go_through(client, error="access_denied", code="")

    assert response.url == reverse("socialaccount_login_cancelled")
    assert client.get(response.url).status_code == 200
    assert not User.objects.exists()


def test_a_made_up_return_is_an_error_page(client, provider):
    response = client.get(CALLBACK, {"state": "made up", "code": "code"})

    assert "That did not work" in response.text
    assert signed_in(client) is None


def test_an_account_is_connected_and_disconnected(as_alice_proven, alice, provider):
    go_through(as_alice_proven, process="connect")
    account = SocialAccount.objects.get()
    shown = as_alice_proven.get(CONNECTIONS).text

    as_alice_proven.post(CONNECTIONS, {"account": account.pk})

    assert account.user == alice
    assert "Example ID" in shown
    assert not SocialAccount.objects.exists()
    assert mailbox.subjects(alice.email)[-2:] == [
        "Another way to sign in was added",
        "A way to sign in was removed",
    ]


def test_connections_of_others_cannot_be_removed(client, alice, bob, provider):
    account = SocialAccount.objects.create(user=alice, provider="oidc", uid="1")
    client.post(LOGIN, {"login": bob.email, "password": PASSWORD})
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})

    client.post(CONNECTIONS, {"account": account.pk})

    assert SocialAccount.objects.get() == account


def test_connections_are_for_those_who_signed_in(client):
    assert client.get(CONNECTIONS).url == f"{LOGIN}?next={CONNECTIONS}"


def test_who_has_no_other_way_in_keeps_the_last_one(client, provider):
    go_through(client)
    account = SocialAccount.objects.get()

    response = client.post(CONNECTIONS, {"account": account.pk})

    assert response.context["form"].errors
    assert SocialAccount.objects.get() == account


def test_an_id_without_a_secret_is_a_mistake(settings):
    settings.SOCIALACCOUNT_PROVIDERS = {"github": {"APPS": [{"client_id": "x", "secret": ""}]}}

    [error] = checks.providers_have_secrets()

    assert error.id == "accounts.E001"
    assert "GITHUB_CLIENT_SECRET" in error.hint
