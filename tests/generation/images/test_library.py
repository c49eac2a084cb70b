"""Images: keep, mark as favorite, delete, restore, remove, sweep."""

import importlib
from datetime import timedelta

import pytest
from django.apps import apps
from django.core.files.storage import default_storage
from django.utils import timezone

from accounts import bells
from generation import jobs, tasks
from generation.gallery import search
from generation.gallery.filters import GalleryFilter
from generation.images import library
from generation.images.storage import StoredPicture
from generation.models import KEPT_IN_TRASH, Image, Shape
from tests.generation.rows import make_image, make_job, make_request

pytestmark = pytest.mark.django_db


@pytest.fixture
def image(alice):
    return make_image(make_job(alice))


@pytest.fixture
def hers(bob):
    return make_image(make_job(bob))


def found(user, **filters):
    return search.find(user, GalleryFilter(**filters), limit=10)


def stored(index, *, width=64, height=64):
    return StoredPicture(
        index=index,
        seed=index,
        width=width,
        height=height,
        file=f"tests/{index}.png",
        thumbnail=f"tests/{index}.webp",
        bytes=1,
    )


def put_in_trash(image, *, ago):
    Image.objects.filter(pk=image.pk).update(deleted_at=timezone.now() - ago)


def test_kept_pictures_are_found_by_all_that_they_were_made_from(alice):
    job = make_job(alice, request=make_request(prompt="a red house 红色的房子"))

    library.keep(job, [stored(0), stored(1, height=96)])

    square, portrait = Image.objects.order_by("index")
    assert (portrait.prompt, portrait.checkpoint) == (job.request["prompt"], job.checkpoint)
    assert (square.shape, portrait.shape) == (Shape.SQUARE, Shape.PORTRAIT)
    assert found(alice, words="houses 红色", shape="portrait") == [portrait]
    assert found(alice, checkpoint=job.checkpoint, shape="square") == [square]


def test_favorites_come_and_go(alice, image):
    other = make_image(make_job(alice))

    library.set_favorite(alice, [image.pk], favorite=True)
    library.set_favorite(alice, [image.pk], favorite=True)

    assert found(alice, favorite=True) == found(alice, favorite=True, words="house") == [image]
    library.set_favorite(alice, [image.pk], favorite=False)
    assert found(alice, favorite=True) == found(alice, favorite=True, words="house") == []
    assert found(alice) == [other, image]


def test_deleted_pictures_come_back_as_they_were(alice, image):
    library.set_favorite(alice, [image.pk], favorite=True)

    library.delete(alice, [image.pk])
    library.delete(alice, [image.pk])

    assert found(alice) == []
    library.restore(alice, [image.pk])
    assert found(alice, favorite=True, words="house") == [image]


def test_a_second_deletion_does_not_begin_the_days_anew(alice, image):
    put_in_trash(image, ago=timedelta(days=10))
    before = Image.objects.get().deleted_at

    library.delete(alice, [image.pk])

    assert Image.objects.get().deleted_at == before


@pytest.mark.parametrize(
    "verb",
    [
        lambda user, ids: library.set_favorite(user, ids, favorite=True),
        library.delete,
        library.restore,
        library.remove,
    ],
)
def test_one_picture_of_somebody_else_stops_it_all(alice, image, hers, verb):
    before = list(Image.objects.order_by("pk").values())

    with pytest.raises(library.NotYours):
        verb(alice, [image.pk, hers.pk])

    assert list(Image.objects.order_by("pk").values()) == before


def test_the_sweep_removes_what_was_long_enough_in_the_trash(alice, image):
    kept, fresh = make_image(make_job(alice)), make_image(make_job(alice))
    put_in_trash(image, ago=KEPT_IN_TRASH)
    put_in_trash(fresh, ago=KEPT_IN_TRASH - timedelta(minutes=1))

    assert tasks.sweep() == 1

    assert set(Image.objects.all()) == {kept, fresh}
    assert not default_storage.exists(image.file)
    assert not default_storage.exists(image.thumbnail)
    assert default_storage.exists(fresh.file)


def test_the_sweep_takes_any_number(alice, monkeypatch):
    monkeypatch.setattr(library, "SWEPT_AT_ONCE", 2)
    for _ in range(5):
        put_in_trash(make_image(make_job(alice)), ago=KEPT_IN_TRASH)

    assert library.sweep() == 5


def test_a_file_that_the_store_keeps_holds_up_no_other(alice, image, monkeypatch):
    other = make_image(make_job(alice))
    for each in (image, other):
        put_in_trash(each, ago=KEPT_IN_TRASH)
    delete = default_storage.delete

    def refuse(name):
        if name == image.file:
            raise OSError
        delete(name)

    with monkeypatch.context() as patch:
        patch.setattr(default_storage, "delete", refuse)
        assert library.sweep() == 1

    assert Image.objects.get() == image
    assert library.sweep() == 1


def test_what_is_due_can_neither_be_restored_nor_seen_in_the_trash(alice, image):
    put_in_trash(image, ago=KEPT_IN_TRASH)

    with pytest.raises(library.NotYours):
        library.restore(alice, [image.pk])

    assert list(Image.objects.deleted()) == []


@pytest.mark.django_db(transaction=True)
def test_removing_for_good_rings_for_the_sweep(alice, image, monkeypatch):
    other = make_image(make_job(alice))
    library.delete(alice, [image.pk, other.pk])
    rung = []
    monkeypatch.setattr(bells, "ring", rung.append)

    library.remove(alice, [image.pk])

    assert rung == [tasks.sweep.name]
    assert list(Image.objects.deleted()) == [other]
    assert library.sweep() == 1


def test_emptying_the_trash_touches_nothing_else(alice, hers, image):
    kept = make_image(make_job(alice))
    for each in (image, hers):
        put_in_trash(each, ago=timedelta(days=1))

    library.remove(alice)
    library.sweep()

    assert set(Image.objects.all()) == {kept, hers}


def test_finishing_a_job_keeps_its_pictures(alice):
    job = jobs.submit(alice, make_request(prompt="a golden boat"))
    claimed = jobs.claim(worker="test")

    jobs.finish(claimed, [stored(0)], [])

    assert [image.job for image in found(alice, words="boats")] == [job]


def test_pictures_from_before_are_found_after_the_migration(alice):
    images = [
        make_image(make_job(alice, request=make_request(prompt=p))) for p in ("a fox", "小狗")
    ]
    Image.objects.update(prompt="", checkpoint="", terms="")
    migration = importlib.import_module("generation.migrations.0002_gallery")

    migration.copy_from_jobs(apps, None)

    assert found(alice, words="foxes") == [images[0]]
    assert found(alice, words="狗", shape="square") == [images[1]]
    assert found(alice, checkpoint="sketchbook") == images[::-1]
