"""No route shows one person's data to another; routes are listed, so that a new one cannot be forgotten."""

import pytest
from allauth.usersessions.models import UserSession
from django.urls import URLResolver, get_resolver, reverse

from accounts import exports, keys
from generation import jobs
from generation.gallery import boards, shares
from generation.images import library
from generation.models import Status
from generation.models.api import Delivery
from generation.studio import history
from tests.billing import provider
from tests.generation.rows import make_draft, make_image, make_job, make_request, make_upload

pytestmark = pytest.mark.django_db
METHODS = ["get", "post", "put", "patch", "delete"]
METHOD_NOT_ALLOWED = 405


def a_job(owner):
    return jobs.submit(owner, make_request()).pk


def a_picture(owner):
    return make_image(make_job(owner)).pk


def a_draft(owner):
    request = make_request(num_inference_steps=20, num_images=8, draft_steps=6)
    return make_draft(make_job(owner, request=request)).pk


def a_deleted_picture(owner):
    id = a_picture(owner)
    library.delete(owner, [id])
    return id


def a_board(owner):
    return boards.make(owner, name="Houses").pk


def a_link(owner):
    return shares.make(make_image(make_job(owner)), shows_prompt=False).pk


def a_checkout(owner):
    return provider.check_out_once(owner)


def a_payment(owner):
    return provider.buy(owner).pk


def an_invoice(owner):
    return provider.buy(owner).invoice_id


def an_upload(owner):
    return make_upload(owner).digest


def a_preset(owner):
    return history.keep_preset(owner, "Mine", {"prompt": "a red house"}).pk


def a_key(owner):
    return keys.make(owner, name="Shop")[0].pk


def a_delivery(owner):
    return Delivery.objects.create(
        api_key_id=a_key(owner), job=make_job(owner), url="https://example.com", event="job.failed"
    ).pk


def a_session(owner):
    return UserSession.objects.create(
        user=owner, session_key=f"session-of-{owner.pk}", ip="127.0.0.1", user_agent="Mozilla/5.0"
    ).pk


def an_export(owner):
    export = exports.request(owner)
    exports.make(str(export.pk))
    return export.pk


# Routes that take the id of something owned, and how to come by one.
OWNED = {
    "accounts:session_end": a_session,
    "accounts:export_download": an_export,
    "job": a_job,
    "job_card": a_job,
    "job_cancel": a_job,
    "job_retry": a_job,
    "branch": a_picture,
    "draft_preview": a_draft,
    "finish_draft": a_draft,
    "image": a_picture,
    "image_file": a_picture,
    "image_jpeg": a_picture,
    "image_webp": a_picture,
    "image_thumbnail": a_picture,
    "image_download": a_picture,
    "job_receipt": a_job,
    "billing:pay": a_payment,
    "billing:invoice": a_payment,
    "trash_thumbnail": a_deleted_picture,
    "board": a_board,
    "board_delete": a_board,
    "delete_preset": a_preset,
    "key": a_key,
    "key_rotate": a_key,
    "key_revoke": a_key,
    "webhook_send_again": a_delivery,
    "share_make": a_picture,
    "share_revoke": a_link,
    "upload_file": an_upload,
    "upload_image": a_picture,
    "billing:sandbox_checkout": a_checkout,
    "billing:sandbox_bank": a_checkout,
    "billing:sandbox_invoice": an_invoice,
    "billing:sandbox_invoice_pdf": an_invoice,
}
# Routes whose argument belongs to no user, with the argument.
NOT_OWNED = {
    "accounts:session_end": a_session,
    "accounts:export_download": an_export,
    "share": "a secret that its owner hands out",
    "share_file": "a secret that its owner hands out",
    "model": "a checkpoint of the catalogue",
    "use": "a use that everybody is shown",
    "billing:checkout": "a plan of the catalogue",
    "billing:change": "a plan of the catalogue",
    "billing:buy": "a pack of the catalogue",
    "account_reset_password_from_key": "a secret that was mailed to its owner",
}
# Routes of the API, which know no session. With a key, each is tried in tests/generation/api.
BY_KEY = {
    "api:job",
    "api:job_cancel",
    "api:job_events",
    "api:job_receipt",
    "api:picture",
    "openai_model",
    "stability_generate",
    "stability_image_to_image",
    "stability_masking",
    "stability_result",
    "stability_text_to_image",
    "stability_upscale",
}
# Ids that travel in the query: no resolver knows of them.
IN_QUERY = {
    ("studio", "job"): a_job,
    ("studio", "image"): a_picture,
    ("studio", "from"): a_picture,
    ("studio", "own"): a_preset,
    ("gallery", "board"): a_board,
    ("billing:success", "checkout"): a_checkout,
}


def routes(patterns=None, *, namespace=""):
    """The name and the number of arguments of each route there is."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from routes(pattern.url_patterns, namespace=inner)
        else:
            yield f"{namespace}{pattern.name or ''}", pattern.pattern.regex.groups


def answers(client, url):
    """The status that each method is answered with, where the route knows the method."""
    statuses = {method: getattr(client, method)(url).status_code for method in METHODS}
    return {method: status for method, status in statuses.items() if status != METHOD_NOT_ALLOWED}


@pytest.fixture
def as_user(client):
    """The client, now signed in as another user."""

    def as_user(user):
        client.logout()
        client.force_login(user)
        return client

    return as_user


def test_every_route_with_an_argument_is_accounted_for():
    with_arguments = {name for name, arguments in routes() if arguments}
    ours = {name for name in with_arguments if not name.startswith("admin:")}

    assert ours == OWNED.keys() | NOT_OWNED.keys() | BY_KEY


@pytest.mark.parametrize("name", sorted(BY_KEY))
def test_a_session_opens_nothing_that_wants_a_key(as_user, alice, name):
    arguments = {"api:picture": a_picture, "stability_result": a_job}.get(
        name, a_job if name.startswith("api:") else lambda _owner: "sd3"
    )
    argument = "fast" if name == "stability_upscale" else arguments(alice)

    statuses = answers(as_user(alice), reverse(name, args=[argument]))

    assert set(statuses.values()) == {401}


def test_the_walk_finds_what_is_there():
    names = {name for name, _arguments in routes()}

    assert {"home", "job", "billing:usage", "account_login", "admin:index", "healthz"} <= names


@pytest.mark.parametrize("name", OWNED)
def test_anothers_id_is_not_found(as_user, alice, bob, name):
    url = reverse(name, args=[OWNED[name](alice)])

    to_bob = answers(as_user(bob), url)
    to_alice = answers(as_user(alice), url)

    assert set(to_bob.values()) == {404}
    assert to_alice.keys() == to_bob.keys()
    assert set(to_alice.values()) <= {200, 201, 302}


@pytest.mark.parametrize("name", OWNED)
def test_an_administrator_is_no_exception(as_user, alice, admin_user, name):
    url = reverse(name, args=[OWNED[name](alice)])

    assert set(answers(as_user(admin_user), url).values()) == {404}


@pytest.mark.parametrize("name", OWNED)
def test_visitors_are_sent_to_sign_in_or_find_nothing(client, alice, name):
    url = reverse(name, args=[OWNED[name](alice)])

    to_nobody = answers(client, url)

    assert to_nobody
    assert set(to_nobody.values()) <= {302, 404}
    for method, status in to_nobody.items():
        if status == 302:
            assert getattr(client, method)(url).url == f"{reverse('account_login')}?next={url}"


@pytest.mark.parametrize("name", OWNED)
def test_anothers_id_is_answered_like_one_that_never_was(as_user, alice, bob, name):
    id = OWNED[name](alice)
    url = reverse(name, args=[id])
    never = url.replace(str(id)[-6:], "000000")
    assert never != url
    bobs = as_user(bob)

    assert answers(bobs, url) == answers(bobs, never)


@pytest.mark.parametrize(("name", "parameter"), IN_QUERY)
def test_anothers_id_in_the_query_is_not_found(as_user, alice, bob, name, parameter):
    query = {parameter: IN_QUERY[name, parameter](alice)}

    assert as_user(bob).get(reverse(name), query).status_code == 404
    assert as_user(alice).get(reverse(name), query).status_code == 200


def test_canceling_anothers_job_leaves_it_alone(as_user, alice, bob):
    job = jobs.submit(alice, make_request())

    as_user(bob).post(reverse("job_cancel", args=[job.pk]))

    job.refresh_from_db()
    assert job.status == Status.QUEUED


def admin_routes():
    return [(name, count) for name, count in routes() if name.startswith("admin:")]


def test_customers_find_no_page_of_the_administrators(as_user, alice, bob):
    bobs = as_user(bob)
    ids = {"generation_job": a_job(alice), "generation_image": a_picture(alice)}
    urls = [reverse("admin:index")]
    for name, arguments in admin_routes():
        model = name.removeprefix("admin:").rpartition("_")[0]
        if arguments == 1 and name.endswith(("_change", "_delete", "_history")):
            urls.append(reverse(name, args=[ids.get(model, 1)]))
        elif arguments == 0 and name.endswith(("_changelist", "_add")):
            urls.append(reverse(name))
    assert len(urls) > 20

    for url in urls:
        response = bobs.get(url)
        assert response.status_code in {302, 403, 404}, url
        if response.status_code == 302:
            assert "login" in response.url, url
