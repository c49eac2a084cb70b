"""Uploaded pictures."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.urls import reverse


class Upload(models.Model):
    """An uploaded picture, as `images.uploads` stored it; requests refer to it by `digest`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="uploads"
    )
    digest = models.CharField(max_length=64)
    file = models.CharField(max_length=200)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    bytes = models.PositiveBigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "digest"], name="upload_once_a_user"),
        ]
        indexes: ClassVar = [models.Index(fields=["used_at"], name="upload_purge")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.digest[:12]}"

    def get_absolute_url(self) -> str:
        return reverse("upload_file", args=[self.digest])
