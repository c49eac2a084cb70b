"""The filters of the gallery, and the lexemes that stand for them in `Image.terms`."""

from dataclasses import dataclass
from datetime import date

from generation.images import search_terms


@dataclass(frozen=True, kw_only=True)
class GalleryFilter:
    """What to show; each is a filter if it is set. `since` and `until` are days, included, in UTC."""

    words: str = ""
    checkpoint: str = ""
    shape: str = ""
    favorite: bool = False
    board: int | None = None
    since: date | None = None
    until: date | None = None

    @property
    def lexemes(self) -> set[str]:
        """What the `terms` of a picture must have, besides English words."""
        _english, lexemes = search_terms.split_query(self.words)
        if self.checkpoint:
            lexemes.add(search_terms.checkpoint(self.checkpoint))
        if self.shape:
            lexemes.add(search_terms.shape(self.shape))
        if self.favorite:
            lexemes.add(search_terms.FAVORITE)
        if self.board is not None:
            lexemes.add(search_terms.board(self.board))
        return lexemes

    @property
    def is_one_walk(self) -> bool:
        """Whether one index has exactly the pictures that are wanted, in order."""
        filters = [self.checkpoint, self.shape, self.favorite, self.board is not None]
        return not self.words and sum(map(bool, filters)) <= 1


EVERYTHING = GalleryFilter()
