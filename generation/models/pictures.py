"""The pictures that jobs made. `generation.images.library` is the only writer."""

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from generation.models.jobs import Job

if TYPE_CHECKING:
    from accounts.models import User


# A deleted picture can be restored for this long.
KEPT_IN_TRASH = timedelta(days=30)


class Shape(models.TextChoices):
    SQUARE = "square", _("Square")
    PORTRAIT = "portrait", _("Portrait")
    LANDSCAPE = "landscape", _("Landscape")

    @classmethod
    def of(cls, width: int, height: int) -> "Shape":
        if width == height:
            return cls.SQUARE
        return cls.PORTRAIT if width < height else cls.LANDSCAPE


class ImageQuerySet(models.QuerySet["Image"]):
    def kept(self) -> "ImageQuerySet":
        return self.filter(deleted_at=None)

    def deleted(self) -> "ImageQuerySet":
        """In the trash, until `library.sweep` removes them for good."""
        return self.filter(deleted_at__gt=timezone.now() - KEPT_IN_TRASH)

    def for_user(self, user: "User") -> "ImageQuerySet":
        return self.filter(user=user)


class Image(models.Model):
    """One picture. `file` and `thumbnail` are storage keys, never shown to a browser.

    Columns that the gallery filters by are copied from the job, so that no filter needs a join. `library`
    is the only writer, because `terms` has to follow the other columns.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="images")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="images"
    )
    index = models.PositiveSmallIntegerField()
    seed = models.PositiveBigIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    shape = models.GeneratedField(
        expression=Case(
            When(width=F("height"), then=Value(Shape.SQUARE.value)),
            When(width__lt=F("height"), then=Value(Shape.PORTRAIT.value)),
            default=Value(Shape.LANDSCAPE.value),
        ),
        output_field=models.CharField(max_length=10, choices=Shape.choices),
        db_persist=True,
    )
    prompt = models.TextField()
    checkpoint = models.CharField(max_length=100)
    favourite = models.BooleanField(default=False)
    terms = SearchVectorField()
    file = models.CharField(max_length=200)
    thumbnail = models.CharField(max_length=200)
    bytes = models.PositiveBigIntegerField()
    # The SHA-256 of `file`, to recognize an uploaded copy.
    digest = models.CharField(max_length=64, blank=True)
    # Not auto_now_add: `terms` names the month.
    created_at = models.DateTimeField(default=timezone.now)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = ImageQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job", "index"], name="image_one_per_index"),
        ]
        # One index, newest first, for each filter; combinations and words use `image_terms`.
        indexes: ClassVar = [
            models.Index(
                fields=["user", "-created_at", "-id"],
                name="image_gallery",
                condition=Q(deleted_at=None),
            ),
            models.Index(
                fields=["user", "-created_at", "-id"],
                name="image_favourites",
                condition=Q(deleted_at=None, favourite=True),
            ),
            models.Index(
                fields=["user", "checkpoint", "-created_at", "-id"],
                name="image_by_checkpoint",
                condition=Q(deleted_at=None),
            ),
            models.Index(
                fields=["user", "shape", "-created_at", "-id"],
                name="image_by_shape",
                condition=Q(deleted_at=None),
            ),
            # With fastupdate, every search would scan the recently added rows.
            GinIndex(
                fields=["terms"],
                name="image_terms",
                condition=Q(deleted_at=None),
                fastupdate=False,
            ),
            models.Index(
                fields=["user", "-deleted_at", "-id"],
                name="image_trash",
                condition=Q(deleted_at__isnull=False),
            ),
            models.Index(
                fields=["deleted_at"], name="image_sweep", condition=Q(deleted_at__isnull=False)
            ),
            models.Index(fields=["-created_at", "-id"], name="image_recent"),
            models.Index(fields=["digest"], name="image_digest", condition=~Q(digest="")),
        ]

    def __str__(self) -> str:
        return f"{self.job_id} #{self.index}"

    def get_absolute_url(self) -> str:
        return reverse("image", args=[self.pk])

    @property
    def again_url(self) -> str:
        """The studio with this picture's settings and seed."""
        return f"{reverse('studio')}?image={self.pk}"

    @property
    def variation_url(self) -> str:
        """The studio with this picture and its prompt as input, for "Variation"."""
        return f"{reverse('studio')}?from={self.pk}&mode=image_to_image"

    @property
    def removed_at(self) -> datetime | None:
        """The time at which a deleted picture leaves the trash."""
        return self.deleted_at and self.deleted_at + KEPT_IN_TRASH
