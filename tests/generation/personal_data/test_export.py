"""The zip that a person takes along: everything of theirs, nothing of others, and no secrets."""

import json
from io import BytesIO
from zipfile import ZipFile

import pytest
from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialToken
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.core.files.storage import default_storage
from django.db.models import ManyToManyField

from accounts import exports, keys
from accounts.models import ApiKey, Export, Mail, Told, User
from billing.models import (
    Customer,
    Entry,
    Grant,
    Hold,
    OwedCancellation,
    Payment,
    Subscription,
    Wallet,
)
from generation.gallery import boards, shares
from generation.images import library
from generation.models import Image, Job, KeptState, StudioPreset, Upload
from generation.models.api import Call, Delivery, KeyDay, Order
from generation.models.boards import Board, BoardPicture, Share
from generation.models.jobs import Transition
from generation.models.refusals import Refusal
from generation.personal_data import export as part
from generation.studio import history
from tests.billing import provider
from tests.generation.rows import make_image, make_job, make_upload

pytestmark = pytest.mark.django_db

# Every model whose rows belong to a person, and the file that has them.
EXPORTED = {
    ApiKey: "account.json",
    Authenticator: "account.json",
    Board: "boards.json",
    BoardPicture: "boards.json",
    Call: "calls.json",
    Customer: "wallets.json",
    Delivery: "webhooks.json",
    EmailAddress: "account.json",
    Entry: "ledger.json",
    Grant: "grants.json",
    Image: "jobs.json",
    Job: "jobs.json",
    Order: "jobs.json",
    Payment: "payments.json",
    Refusal: "refusals.json",
    Share: "shared_links.json",
    SocialAccount: "account.json",
    StudioPreset: "presets.json",
    Subscription: "subscription.json",
    Told: "account.json",
    Upload: "uploads.json",
    User: "account.json",
    UserSession: "account.json",
    Wallet: "wallets.json",
}
LEFT_OUT = {
    EmailConfirmation: "a secret",
    Export: "an earlier zip like this one",
    Hold: "the ledger has what became of it",
    KeptState: "noise of a picture that is in it, for a day",
    KeyDay: "sums of jobs",
    LogEntry: "what operators did",
    Mail: "has codes, and is gone once it is sent",
    OwedCancellation: "the subscription tells what it comes to",
    SocialToken: "a secret",
    Transition: "jobs have the times of their start and end",
}
URL = "https://shop.example.com/hooks?shop=7"


def belongs_to_a_person(model, seen=()):
    if model is User:
        return True
    links = [field for field in model._meta.get_fields() if field.many_to_one or field.one_to_one]
    owners = {
        field.related_model
        for field in links
        if field.concrete and not isinstance(field, ManyToManyField)
    }
    return any(belongs_to_a_person(each, (*seen, model)) for each in owners - {*seen, model})


def files_of(user):
    export = exports.request(user)
    assert exports.make(str(export.pk))
    export.refresh_from_db()
    with default_storage.open(export.file) as file, ZipFile(BytesIO(file.read())) as zip:
        return {name: zip.read(name) for name in zip.namelist()}


def stored(key):
    with default_storage.open(key) as file:
        return file.read()


@pytest.fixture
def key(alice):
    return keys.make(alice, name="Shop")[0]


def test_every_model_about_a_person_is_exported_or_left_out_for_a_reason():
    theirs = {
        model for model in apps.get_models() if belongs_to_a_person(model) and not model._meta.proxy
    }

    assert theirs == EXPORTED.keys() | LEFT_OUT.keys()


def test_uploads_are_in_it_with_their_files(alice):
    upload = make_upload(alice)

    files = files_of(alice)

    name = f"uploads/{upload.digest}.png"
    assert [each["file"] for each in json.loads(files["uploads.json"])] == [name]
    assert files[name] == stored(upload.file)


def test_the_trash_is_in_it_apart_from_other_pictures(alice):
    image = make_image(make_job(alice))
    library.delete(alice, [image.pk])
    image.refresh_from_db()

    files = files_of(alice)

    (row,) = json.loads(files["trash.json"])
    assert row["file"] == f"trash/2026-01/{image.pk}.png"
    assert row["job"] == str(image.job_id)
    assert row["removed_at"] > row["deleted_at"]
    assert files[row["file"]] == stored(image.file)


def test_boards_are_in_it_with_the_names_of_their_pictures(alice):
    image, deleted = make_image(make_job(alice)), make_image(make_job(alice))
    board = boards.make(alice, name="Houses")
    boards.add(board, [image.pk, deleted.pk])
    library.delete(alice, [deleted.pk])

    files = files_of(alice)

    (row,) = json.loads(files["boards.json"])
    assert (row["name"], row["pictures"]) == ("Houses", [f"pictures/2026-01/{image.pk}.png"])


def test_presets_are_in_it(alice):
    history.keep_preset(alice, "Mine", {"prompt": "a red house"})

    (row,) = json.loads(files_of(alice)["presets.json"])

    assert (row["name"], row["values"]["prompt"]) == ("Mine", "a red house")


def test_shared_links_are_in_it_without_their_secret(alice):
    share = shares.make(make_image(make_job(alice)), shows_prompt=True)

    files = files_of(alice)

    (row,) = json.loads(files["shared_links.json"])
    assert row["picture"] == f"pictures/2026-01/{share.image_id}.png"
    assert (row["shows_prompt"], row["revoked_at"]) == (True, None)
    assert share.token.encode() not in b"".join(files.values())


def test_payments_are_in_it_with_what_they_brought(alice):
    payment = provider.buy(alice)

    files = files_of(alice)

    newest, of_the_plan = json.loads(files["payments.json"])
    assert (newest["cents"], newest["currency"]) == (payment.cents, payment.currency)
    assert newest["reference"] == payment.reference
    assert of_the_plan["product"] == "basic"
    assert json.loads(files["grants.json"])
    (customer,) = json.loads(files["wallets.json"])["customers"]
    assert customer["provider_customer_id"]


def test_calls_and_webhook_addresses_are_in_it_without_the_keys_secrets(alice, key):
    job = make_job(alice)
    Order.objects.create(job=job, api_key=key, digest="d" * 64, webhook_url=URL)
    Delivery.objects.create(api_key=key, job=job, url=URL, event="job.failed")
    Call.objects.create(api_key=key, method="POST", path="/v1/images", status=200, ms=5, job=job)

    files = files_of(alice)

    (call,), (hook,) = (json.loads(files[name]) for name in ("calls.json", "webhooks.json"))
    assert (call["path"], call["status"], call["key"]) == ("/v1/images", 200, key.prefix)
    assert (hook["address"], hook["event"]) == (URL, "job.failed")
    assert json.loads(files["jobs.json"])[0]["webhook"] == URL
    everything = b"".join(files.values())
    assert key.webhook_secret.encode() not in everything
    assert key.digest.encode() not in everything


def test_refused_prompts_are_in_it(alice):
    Refusal.objects.create(user=alice, stage="prompt", category="gore", prompt="a red house")

    (row,) = json.loads(files_of(alice)["refusals.json"])

    assert (row["category"], row["prompt"]) == ("gore", "a red house")


def test_nothing_of_anothers_is_in_it(alice, bob):
    image = make_image(make_job(bob))
    make_upload(bob)
    shares.make(image, shows_prompt=True)
    boards.add(boards.make(bob, name="Houses"), [image.pk])
    bobs_key = keys.make(bob, name="Shop")[0]
    Call.objects.create(api_key=bobs_key, method="POST", path="/v1/images", status=200, ms=5)
    bobs_payment = provider.buy(bob)

    files = files_of(alice)

    lists = ("boards", "calls", "jobs", "shared_links", "trash", "uploads", "webhooks")
    assert bobs_payment.reference.encode() not in files["payments.json"]
    assert [json.loads(files[f"{name}.json"]) for name in lists] == [[]] * len(lists)
    assert not [name for name in files if "/" in name]


def test_long_lists_are_read_in_pages_and_progress_counts_them_all(alice, key, monkeypatch):
    monkeypatch.setattr(part, "AT_ONCE", 2)
    for number in range(5):
        Call.objects.create(api_key=key, method="GET", path=f"/{number}", status=200, ms=5)
    images = [make_image(make_job(alice)) for _ in range(5)]
    library.delete(alice, [image.pk for image in images[:3]])
    make_upload(alice)

    files = files_of(alice)

    assert [each["path"] for each in json.loads(files["calls.json"])] == [
        f"/{number}" for number in (4, 3, 2, 1, 0)
    ]
    assert len(json.loads(files["trash.json"])) == 3
    rows = sum(
        len(json.loads(files[name]))
        for name in files
        if name in {"calls.json", "jobs.json", "trash.json", "uploads.json"}
    )
    assert part.count(alice) == rows + len([name for name in files if "/" in name])


def test_rows_of_one_moment_are_all_found(alice, key, monkeypatch):
    monkeypatch.setattr(part, "AT_ONCE", 2)
    at = alice.date_joined
    for _ in range(5):
        Call.objects.create(api_key=key, method="GET", path="/", status=200, ms=5, created_at=at)

    assert len(json.loads(files_of(alice)["calls.json"])) == 5
