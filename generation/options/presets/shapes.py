"""Named aspect ratios for presets."""

from django.utils.translation import gettext_lazy as _

from generation.options.presets.preset import Size

SQUARE = Size(id="square", name=_("Square"), across=1, down=1)
PORTRAIT = Size(id="portrait", name=_("Portrait"), across=2, down=3)
LANDSCAPE = Size(id="landscape", name=_("Landscape"), across=3, down=2)
WIDESCREEN = Size(id="widescreen", name=_("Widescreen"), across=16, down=9)
CINEMA = Size(id="cinema", name=_("Cinema"), across=2.39, down=1)
SLIDE = Size(id="slide", name=_("Slide"), across=4, down=3)
POSTER = Size(id="poster", name=_("Poster"), across=5, down=7)
SHOP = Size(id="shop", name=_("Shop page"), across=4, down=5)

NETWORKS = (
    Size(id="instagram", name=_("Instagram post"), across=4, down=5),
    Size(id="story", name=_("Story, Reel or TikTok"), across=9, down=16),
    Size(id="x", name=_("Post on X"), across=16, down=9),
    Size(id="facebook", name=_("Link on Facebook"), across=1.91, down=1),
    Size(id="linkedin", name=_("Post on LinkedIn"), across=1.91, down=1),
    Size(id="pinterest", name=_("Pin on Pinterest"), across=2, down=3),
    Size(id="youtube", name=_("Thumbnail on YouTube"), across=16, down=9),
    Size(id="xiaohongshu", name=_("Note on Xiaohongshu"), across=3, down=4),
    Size(id="wechat", name=_("Cover on WeChat"), across=2.35, down=1),
    Size(id="article", name=_("Header of an article"), across=2, down=1),
)
