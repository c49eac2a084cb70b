"""The filters of the gallery, and the lexemes that stand for them in `Image.terms`."""

from dataclasses import dataclass
from datetime import date

from generation.images import search_terms


@dataclass(frozen=True, kw_only=True)
class GalleryFilter:
    """Criteria of a search; empty ones filter nothing. `since` and `until` are inclusive UTC days."""

    words: str = ""
    checkpoint: str = ""
    shape: str = ""
    favorite: bool = False
    board: int | None = None
    since: date | None = None
    until: date | None = None

    @property
    def lexemes(self) -> set[str]:
        """Lexemes that `terms` must contain, besides stems of English words."""
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
        """True if a single index yields exactly the matching images in order."""
        filters = [self.checkpoint, self.shape, self.favorite, self.board is not None]
        return not self.words and sum(map(bool, filters)) <= 1


EVERYTHING = GalleryFilter()
