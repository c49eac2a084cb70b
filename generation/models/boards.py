"""Boards, and links that share pictures."""

from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from accounts.models import User


class BoardQuerySet(models.QuerySet["Board"]):
    def for_user(self, user: "User") -> "BoardQuerySet":
        return self.filter(user=user)


class Board(models.Model):
    """A person's collection of pictures. A picture may be on several."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="boards"
    )
    name = models.CharField(_("name"), max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)
    images = models.ManyToManyField(
        "generation.Image", through="generation.BoardPicture", related_name="boards"
    )

    objects = BoardQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "name"], name="board_one_per_name"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return f"{reverse('gallery')}?board={self.pk}"


class BoardPicture(models.Model):
    """A picture on a board. `created_at` is the picture's, so that one index sorts the board."""

    board = models.ForeignKey(Board, on_delete=models.CASCADE, related_name="hung")
    image = models.ForeignKey("generation.Image", on_delete=models.CASCADE, related_name="hung")
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["board", "image"], name="board_picture_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["board", "-created_at", "-image"], name="board_gallery"),
        ]

    def __str__(self) -> str:
        return f"{self.image_id} on {self.board_id}"


class ShareQuerySet(models.QuerySet["Share"]):
    def live(self) -> "ShareQuerySet":
        return self.filter(revoked_at=None)

    def for_user(self, user: "User") -> "ShareQuerySet":
        return self.filter(user=user)


class Share(models.Model):
    """A link that shows one picture to anyone who has it, until it is revoked."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="shares"
    )
    image = models.ForeignKey("generation.Image", on_delete=models.CASCADE, related_name="shares")
    token = models.CharField(max_length=43, unique=True, editable=False)
    shows_prompt = models.BooleanField(_("show the prompt and the settings"), default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ShareQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["user", "-id"], name="share_list", condition=Q(revoked_at=None)),
        ]

    def __str__(self) -> str:
        return f"link {self.pk} to {self.image_id}"

    def get_absolute_url(self) -> str:
        return reverse("share", args=[self.token])
