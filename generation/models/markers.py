"""The record of the media store's marker."""

from django.db import models


class MediaMarker(models.Model):
    """The name of the marker file in the media store, in one row; see `generation.images.marker`."""

    ONLY = 1

    name = models.CharField(max_length=200, blank=True)
    written_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.name
