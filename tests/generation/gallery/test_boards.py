import threading

import pytest
from django.db import connection

from generation.gallery import boards, search
from generation.gallery.filters import GalleryFilter
from generation.images import library
from generation.models import Board, BoardPicture
from tests.generation.rows import make_image, make_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def board(alice):
    return boards.make(alice, name="Houses")


@pytest.fixture
def images(alice):
    return [make_image(make_job(alice)) for _ in range(3)]


def on(board, **filters):
    return search.find(board.user, GalleryFilter(board=board.pk, **filters), limit=10)


def ids(images):
    return [image.pk for image in images]


def test_pictures_hang_on_a_board_newest_first(board, images):
    boards.add(board, ids(images[:1]))
    boards.add(board, ids(images[2:]))

    assert on(board) == on(board, words="house") == [images[2], images[0]]


def test_a_picture_hangs_on_several_boards(alice, board, images):
    other = boards.make(alice, name="Red")
    for each in (board, other):
        boards.add(each, ids(images[:1]))

    boards.remove(board, ids(images))

    assert on(board) == on(board, words="house") == []
    assert on(other) == on(other, words="house") == images[:1]


def test_hanging_it_twice_hangs_it_once(board, images):
    for _ in range(2):
        boards.add(board, ids(images))

    assert BoardPicture.objects.count() == 3


def test_only_the_owners_pictures_hang_there(board, bob, images):
    foreign = make_image(make_job(bob))

    with pytest.raises(library.NotYours):
        boards.add(board, ids([*images, foreign]))

    assert on(board) == []


def test_deleting_a_board_leaves_its_pictures(alice, board, images):
    boards.add(board, ids(images))

    boards.delete(board)

    assert search.find(alice, GalleryFilter(), limit=10) == images[::-1]


def test_a_new_board_has_nothing_of_a_deleted_one(alice, board, images):
    boards.add(board, ids(images))
    boards.delete(board)

    fresh = boards.make(alice, name="Houses")

    assert on(fresh) == on(fresh, words="house") == []


def test_names_are_the_owners_own(alice, bob, board):
    other = boards.make(alice, name="Other")

    with pytest.raises(boards.NameTaken):
        boards.make(alice, name="Houses")
    with pytest.raises(boards.NameTaken):
        boards.rename(other, name="Houses")

    boards.rename(board, name="Homes")
    assert boards.make(bob, name="Homes").user == bob


def test_there_is_a_limit(alice, board, monkeypatch):
    monkeypatch.setattr(boards, "MAX_BOARDS", 1)

    with pytest.raises(boards.TooManyBoards):
        boards.make(alice, name="One too many")


@pytest.mark.django_db(transaction=True)
def test_nobody_slips_past_the_limit(alice, monkeypatch):
    monkeypatch.setattr(boards, "MAX_BOARDS", 3)
    start = threading.Barrier(8)

    def make(number):
        start.wait()
        try:
            boards.make(alice, name=f"Board {number}")
        except boards.TooManyBoards:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=make, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Board.objects.count() == 3
