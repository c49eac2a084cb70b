import pytest
from django.urls import reverse

from generation.gallery import boards
from generation.images import library
from generation.models import Board
from tests.generation.rows import make_image, make_job

pytestmark = pytest.mark.django_db
LIST = reverse("boards")


@pytest.fixture
def board(alice):
    return boards.make(alice, name="Houses")


def url(board, name="board"):
    return reverse(name, args=[board.pk])


def test_a_board_is_made_and_shown(client, alice):
    client.force_login(alice)

    response = client.post(LIST, {"name": "Boats & Co"})

    board = Board.objects.get()
    assert response.url == board.get_absolute_url()
    assert "Boats &amp; Co" in client.get(response.url).text
    assert board.get_absolute_url() in client.get(LIST).text


def test_the_newest_picture_is_its_cover(client, alice, board):
    images = [make_image(make_job(alice)) for _ in range(3)]
    boards.add(board, [image.pk for image in images])
    library.delete(alice, [images[2].pk])
    client.force_login(alice)

    page = client.get(LIST).text

    assert reverse("image_thumbnail", args=[images[1].pk]) in page
    assert page.count("<img") == 1


@pytest.mark.parametrize("name", ["", "  ", "Houses", "x" * 81])
def test_a_name_that_will_not_do_is_told(client, alice, board, name):
    client.force_login(alice)

    response = client.post(LIST, {"name": name})

    assert response.status_code == 200
    assert 'class="errorlist' in response.text
    assert Board.objects.count() == 1


def test_a_board_is_renamed(client, alice, board):
    client.force_login(alice)

    response = client.post(url(board), {"name": "Homes"})

    assert response.url == board.get_absolute_url()
    assert Board.objects.get().name == "Homes"


def test_a_name_that_is_taken_changes_nothing(client, alice, board):
    boards.make(alice, name="Homes")
    client.force_login(alice)

    response = client.post(url(board), {"name": "Homes"})

    assert "already" in response.text
    assert "<h1>Houses</h1>" in response.text


def test_a_board_is_deleted(client, alice, board):
    client.force_login(alice)

    response = client.post(url(board, "board_delete"))

    assert response.url == LIST
    assert not Board.objects.exists()


def test_visitors_are_sent_to_sign_in(client, board):
    responses = [
        client.get(LIST),
        client.post(LIST, {"name": "x"}),
        client.get(url(board)),
        client.post(url(board, "board_delete")),
    ]

    for response in responses:
        assert response.url.startswith(reverse("account_login"))
    assert Board.objects.count() == 1


def test_boards_of_others_are_not_found(client, bob, board):
    client.force_login(bob)

    assert client.get(board.get_absolute_url()).status_code == 404
    assert client.get(url(board)).status_code == 404
    assert client.post(url(board), {"name": "Mine"}).status_code == 404
    assert client.post(url(board, "board_delete")).status_code == 404
    assert "Houses" not in client.get(LIST).text


def test_other_methods_are_refused(client, alice, board):
    client.force_login(alice)

    assert client.delete(LIST).status_code == 405
    assert client.put(url(board)).status_code == 405
    assert client.get(url(board, "board_delete")).status_code == 405


def test_many_boards_take_as_many_queries_as_one(client, alice, board, django_assert_num_queries):
    client.force_login(alice)
    with django_assert_num_queries(7) as few:
        client.get(LIST)
    for number in range(29):
        boards.make(alice, name=f"Board {number}")

    with django_assert_num_queries(len(few)):
        client.get(LIST)
