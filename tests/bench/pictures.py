"""Accounts with any number of images, and their gallery pages."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext

from generation import cursors
from generation.gallery import boards, pages
from generation.gallery.forms import FilterForm
from generation.images import search_terms
from generation.models import Image
from tests import factories
from tests.generation.rows import make_job

NEWEST = datetime(2026, 6, 30, tzinfo=UTC)
SPAN = timedelta(days=3 * 365)
PROMPTS = [
    "a red house by the sea at sunset, oil painting, soft light, highly detailed",
    "a castle on a hill in the mist, watercolor, pale colours",
    "portrait of an astronaut in a field of poppies, 35mm photograph",
    "isometric view of a small harbour town, blue roofs, morning",
    "日落时海边的白色小船，油画，柔和的光线",
    "山上的红色房子，水彩，清晨的薄雾",
]
ON_THE_BOARD = 100
# More than a real job may ask for; a job for each would only take longer.
OF_EACH_JOB = 10_000
_FILL = """
INSERT INTO generation_image (
    id, job_id, user_id, index, seed, width, height, prompt, checkpoint, favourite, terms,
    file, thumbnail, bytes, digest, created_at
)
SELECT gen_random_uuid(), (%(jobs)s::uuid[])[1 + number / %(each)s], %(user)s, number %% %(each)s, number, 512, height, prompt || added, checkpoint, favourite,
    strip(to_tsvector('pg_catalog.english', words || added)) || array_to_tsvector(
        string_to_array(lexemes, ' ')
        || ARRAY[
            %(months)s || to_char(moment AT TIME ZONE 'UTC', 'YYYYMM'),
            '=checkpoint:' || checkpoint,
            '=shape:' || CASE height WHEN 512 THEN 'square' WHEN 768 THEN 'portrait' ELSE 'landscape' END
        ]
        || CASE WHEN favourite THEN ARRAY['=favourite'] ELSE ARRAY[]::text[] END
    ),
    'bench/' || number || '.png', 'bench/' || number || '.webp', 400000,
    encode(sha256(%(user)s::text::bytea || number::text::bytea), 'hex'), moment
FROM (
    SELECT number,
        %(newest)s - number * %(apart)s AS moment,
        number %% 10 = 0 AS favourite,
        CASE WHEN number < %(count)s / 2 THEN 'sd-1.5' ELSE 'sd-1.4' END AS checkpoint,
        (ARRAY[512, 768, 384])[1 + number %% 3] AS height,
        -- In half of all, in one of ten, in one of twenty, in three, and in none but the oldest.
        CASE WHEN number %% 2 = 0 THEN ' ancient' ELSE '' END
        || CASE WHEN number %% 10 = 4 THEN ' lantern' ELSE '' END
        || CASE WHEN number %% 20 = 0 THEN ' turquoise' ELSE '' END
        || CASE WHEN number %% (%(count)s / 3) = 1 THEN ' zeppelin' ELSE '' END
        || CASE WHEN number > %(count)s * 0.65 AND number %% 10 = 0 THEN ' charcoal' ELSE '' END AS added
    FROM generate_series(1, %(count)s) AS number
) AS drawn
JOIN unnest(%(prompts)s::text[], %(words)s::text[], %(lexemes)s::text[]) WITH ORDINALITY
    AS text (prompt, words, lexemes, place) ON place = 1 + number %% %(texts)s
"""
# A query for each page. What it finds fills the page of everybody, or of nobody: a longer page takes longer
# to write. DEEP stands for the cursor of a page nine tenths down.
DEEP = "deep"
PAGES: Mapping[str, dict[str, str]] = {
    "first page": {},
    "deep page": {"before": DEEP},
    "filter by model": {"checkpoint": "sd-1.5"},
    "filter by model of long ago": {"checkpoint": "sd-1.4"},
    "filter by shape": {"shape": "portrait"},
    "filter by favourite": {"favourite": "on"},
    "filter by board": {"board": "1"},
    "filter by days": {"since": "2025-01-01", "until": "2025-12-31"},
    "filter by shape and favourite": {"shape": "portrait", "favourite": "on"},
    "filter by model and shape": {"checkpoint": "sd-1.4", "shape": "landscape"},
    "search for a word in every other picture": {"q": "ancient"},
    "search for a word in every other picture, deep": {"q": "ancient", "before": DEEP},
    "search for a word in one of twenty": {"q": "turquoise"},
    "search for a word in three": {"q": "zeppelin"},
    "search for a word in none": {"q": "giraffe"},
    "search for two words": {"q": "ancient houses"},
    "search for two frequent words that never meet": {"q": "ancient castles"},
    "search for Chinese": {"q": "红色房子"},
    "search for Chinese and a word": {"q": "小船 ancient"},
    "search for a word in favourites": {"q": "house", "favourite": "on"},
    "search for a word in a model": {"q": "lantern", "checkpoint": "sd-1.4"},
    "search for a word among days": {
        "q": "lantern",
        "since": "2025-01-01",
        "until": "2025-12-31",
    },
    "search for a word of long ago": {"q": "charcoal"},
}
# Where the goal cannot be kept, and why.
BEYOND_THE_GOAL = {
    "search for two frequent words that never meet": "no goal: the index goes through both",
    "search for a word of long ago": "no goal: all that its last month has is sorted",
}


class Owner:
    """A user with that many pictures, signed in."""

    def __init__(self, count: int) -> None:
        self.user = factories.make_user(f"{count}@example.com")
        self.client = Client()
        self.client.force_login(self.user)
        self._apart = SPAN / count
        self._fill(count)
        self.board = boards.make(self.user, name="Board")
        self.deep = cursors.write(NEWEST - count * 9 // 10 * self._apart, UUID(int=0))
        step = max(1, count // ON_THE_BOARD)
        boards.add(self.board, [self._picture(place).pk for place in range(1, count, step)])

    def visit(self, page: str) -> Callable[[], object]:
        """The whole request."""
        url = f"/gallery/?{urlencode(self._query(page))}"

        def get() -> None:
            response = self.client.get(url)
            assert response.status_code == 200

        return get

    def find(self, page: str) -> Callable[[], list[Image]]:
        """Return a function that runs the request's query for its images."""
        query = self._query(page)
        before = query.pop("before", "")
        filters = FilterForm(QueryDict(urlencode(query)))
        return lambda: pages.page(self.user, filters.filters, before=before).images

    def queries(self, page: str) -> int:
        """Return the number of the gallery's own queries, without those of every page."""
        with CaptureQueriesContext(connection) as captured:
            self.visit(page)()
        return sum(
            "generation_image" in each["sql"] or "generation_board" in each["sql"]
            for each in captured
        )

    def _query(self, page: str) -> dict[str, str]:
        own = {"board": str(self.board.pk), "before": self.deep}
        return {name: own.get(name, value) for name, value in PAGES[page].items()}

    def _picture(self, place: int) -> Image:
        moment = NEWEST - place * self._apart
        return Image.objects.for_user(self.user).get(created_at=moment)

    def _fill(self, count: int) -> None:
        split = [search_terms.split(prompt) for prompt in PROMPTS]
        params = {
            "user": self.user.pk,
            "jobs": [make_job(self.user).pk for _ in range(0, count + 1, OF_EACH_JOB)],
            "each": OF_EACH_JOB,
            "months": search_terms.MONTHS.format(user_id=self.user.pk),
            "count": count,
            "newest": NEWEST,
            "apart": self._apart,
            "prompts": PROMPTS,
            "words": [words for words, _lexemes in split],
            "lexemes": [" ".join(lexemes) for _words, lexemes in split],
            "texts": len(PROMPTS),
        }
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
            cursor.execute(_FILL, params)
            cursor.execute("SET statement_timeout TO DEFAULT")


def settle() -> None:
    """Have the planner know what there is, as it does on a site that has run for a day."""
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("VACUUM ANALYZE generation_image, generation_boardpicture")
        cursor.execute("SET statement_timeout TO DEFAULT")
