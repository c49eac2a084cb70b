"""Boards: make, rename, delete, add and remove images. The only writer of boards."""

from collections.abc import Collection
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from generation.images import library, search_terms
from generation.models import Board, BoardPicture, Image, ImageQuerySet

MAX_BOARDS = 100


class NameTaken(Exception):
    """The user already has a board of this name. Nothing was written."""


class TooManyBoards(Exception):
    """The user has MAX_BOARDS boards already. Nothing was written."""


def make(user: User, *, name: str) -> Board:
    """Raises NameTaken or TooManyBoards."""
    with transaction.atomic():
        # Locks the user's row, so that concurrent requests cannot pass the limit.
        User.objects.select_for_update(of=["self"], no_key=True).get(pk=user.pk)
        if Board.objects.for_user(user).count() >= MAX_BOARDS:
            raise TooManyBoards(_("You have %(limit)d boards already.") % {"limit": MAX_BOARDS})
        board = Board(user=user, name=name)
        _save(board)
    return board


def rename(board: Board, *, name: str) -> None:
    """Raises NameTaken."""
    board.name = name
    _save(board)


def delete(board: Board) -> None:
    """Delete the board but not its images. Its lexeme stays in `terms`; ids are never reused."""
    board.delete()


def add(board: Board, ids: Collection[UUID]) -> None:
    """Add images of the board's owner. Locks the board. Safe to call twice. Raises library.NotYours."""
    with transaction.atomic():
        Board.objects.select_for_update().get(pk=board.pk)
        images = _images_of(board, ids)
        BoardPicture.objects.bulk_create(
            [
                BoardPicture(board=board, image=image, created_at=image.created_at)
                for image in images
            ],
            ignore_conflicts=True,
        )
        images.update(terms=search_terms.with_term(search_terms.board(board.pk)))


def remove(board: Board, ids: Collection[UUID]) -> None:
    """Take images off the board. Locks it. Safe to call twice. Raises library.NotYours."""
    with transaction.atomic():
        Board.objects.select_for_update().get(pk=board.pk)
        images = _images_of(board, ids)
        BoardPicture.objects.filter(board=board, image__in=ids).delete()
        images.update(terms=search_terms.without_term(search_terms.board(board.pk)))


def _images_of(board: Board, ids: Collection[UUID]) -> ImageQuerySet:
    """Raises library.NotYours."""
    library.require_own(board.user, ids)
    return Image.objects.for_user(board.user).filter(pk__in=ids)


def _save(board: Board) -> None:
    """Raises NameTaken."""
    try:
        with transaction.atomic():
            board.save()
    except IntegrityError as error:
        raise NameTaken(_("You have a board of this name already.")) from error
