"""The models of jobs and pictures, one module per concept."""

from generation.models import api  # noqa: F401  # registers its models with Django
from generation.models.boards import Board, BoardPicture, BoardQuerySet, Share, ShareQuerySet
from generation.models.devices import Speed, Uptime
from generation.models.jobs import Job, JobQuerySet, Transition
from generation.models.kept_states import KeptState, KeptStateQuerySet
from generation.models.markers import MediaMarker
from generation.models.pauses import Pause
from generation.models.pictures import KEPT_IN_TRASH, Image, ImageQuerySet, Shape
from generation.models.presets import StudioPreset
from generation.models.refusals import Refusal, Stage
from generation.models.statuses import ACTIVE, FINAL, MOVES, UNFINISHED, WAITING, Status
from generation.models.uploads import Upload

__all__ = [
    "ACTIVE",
    "FINAL",
    "KEPT_IN_TRASH",
    "MOVES",
    "UNFINISHED",
    "WAITING",
    "Board",
    "BoardPicture",
    "BoardQuerySet",
    "Image",
    "ImageQuerySet",
    "Job",
    "JobQuerySet",
    "KeptState",
    "KeptStateQuerySet",
    "MediaMarker",
    "Pause",
    "Refusal",
    "Shape",
    "Share",
    "ShareQuerySet",
    "Speed",
    "Stage",
    "Status",
    "StudioPreset",
    "Transition",
    "Upload",
    "Uptime",
]
