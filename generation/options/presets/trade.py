"""Presets for publishing, design, teaching and shops."""

from django.utils.translation import gettext_lazy as _

from generation.engine.enums import Mode
from generation.options.presets import defaults, shapes
from generation.options.presets.preset import Preset

PRESETS = (
    Preset(
        id="advertising",
        title=_("Posters and packaging"),
        summary=_("A strong picture with room left over for your words."),
        audience=_("Brands, shops, event organizers"),
        checkpoints=defaults.READS_LONG_PROMPTS,
        sizes=(shapes.POSTER, shapes.SQUARE, shapes.LANDSCAPE),
        frames={
            "en": "advertising poster, {words}, bold colors, empty space at the top, studio light",
            "zh": "广告海报，{words}，色彩鲜明，上方留白，棚拍光线",
        },
        examples={
            "en": "two purple balloons in a field under a rainbow",
            "zh": "在田野里，两个紫色的热气球，天上有彩虹",
        },
        negative_prompt=defaults.NO_TEXT,
    ),
    Preset(
        id="posts",
        title=_("Pictures for a post or an article"),
        summary=_("Paste the text: its title becomes the prompt, in the size of each network."),
        audience=_("Writers, editors, social media teams"),
        checkpoints=defaults.FINEST,
        sizes=(*shapes.NETWORKS, shapes.SQUARE),
        frames={
            "en": "editorial illustration about {words}, one clear idea, flat shapes, warm palette",
            "zh": "文章配图，主题是{words}，一个明确的想法，扁平造型，暖色调",
        },
        examples={
            "en": "two white boats by the sea in the morning, sunny",
            "zh": "早晨，在海边，两艘白色的船，阳光明媚",
        },
        negative_prompt=defaults.NO_TEXT,
        takes_article=True,
    ),
    Preset(
        id="sketch-to-rendering",
        title=_("From a sketch to a rendering"),
        summary=_("Lines and volumes stay where you drew them; material and light arrive."),
        audience=_("Product designers, architects, students"),
        checkpoints=defaults.KEEPS_DEPTH,
        mode=Mode.DEPTH_TO_IMAGE,
        sizes=(shapes.LANDSCAPE, shapes.SQUARE, shapes.PORTRAIT),
        frames={
            "en": "product rendering of {words}, realistic materials, soft studio light, gray ground",
            "zh": "产品渲染图，{words}，真实材质，柔和棚光，灰色地面",
        },
        examples={
            "en": "a white house on the left and a blue boat on the right by the sea",
            "zh": "在海边，左边有一座白色的房子，右边有一艘蓝色的船",
        },
        negative_prompt=f"{defaults.NO_TEXT}, sketch, lines",
        strength=0.75,
    ),
    Preset(
        id="isometric",
        title=_("Isometric architecture"),
        summary=_("Buildings and rooms at the angle of a drawing board, without vanishing points."),
        audience=_("Architects, city planners, makers of maps"),
        checkpoints=defaults.FINEST,
        sizes=(shapes.SQUARE, shapes.LANDSCAPE),
        frames={
            "en": "isometric view of {words}, 2.5D, orthographic, clean edges, soft shadows",
            "zh": "等距视角，{words}，2.5D，正交投影，边缘干净，阴影柔和",
        },
        examples={
            "en": "three blue houses in the city during the day under a cloudy sky",
            "zh": "白天，在城市里，三座蓝色的房子，多云",
        },
        negative_prompt=f"{defaults.NO_TEXT}, perspective, fisheye",
    ),
    Preset(
        id="teaching",
        title=_("Teaching material"),
        summary=_("Pictures that explain one thing, simple enough for the last row."),
        audience=_("Teachers, publishers, museums"),
        checkpoints=defaults.READS_LONG_PROMPTS,
        sizes=(shapes.SLIDE, shapes.SQUARE, shapes.WIDESCREEN),
        frames={
            "en": "educational illustration of {words}, simple shapes, no labels, white background",
            "zh": "教学插图，{words}，简单明了，不带文字，白色背景",
        },
        examples={
            "en": "a green tree on a green meadow under a rainbow",
            "zh": "在草地上，一棵绿色的树，天上有彩虹",
        },
        negative_prompt=defaults.NO_TEXT,
    ),
    Preset(
        id="medical-simulation",
        title=_("Medical simulation"),
        summary=_("Practice images from a fine-tuned model, each marked as synthetic."),
        audience=_("Medical schools, developers of simulators. Never for diagnosis"),
        checkpoints=defaults.IS_TUNED,
        sizes=(shapes.SQUARE,),
        frames={
            "en": "synthetic medical image for training, not of a patient: {words}",
            "zh": "用于培训的合成医学图像，并非真实患者：{words}",
        },
        examples={
            "en": "a white house in the city during the day, cloudy",
            "zh": "白天，在城市里，一座白色的房子，多云",
        },
        negative_prompt="text, letters, watermark, name, date",
        synthetic_for="medical training",
    ),
    Preset(
        id="product-shots",
        title=_("Product shots in a brand's look"),
        summary=_("The same light, ground and angle for everything in the shop."),
        audience=_("Online shops, makers, brand managers"),
        checkpoints=defaults.FINEST,
        sizes=(shapes.SHOP, shapes.SQUARE),
        frames={
            "en": "product photograph of {words}, seamless background, softbox light, 85 mm, sharp",
            "zh": "产品照片，{words}，无缝背景，柔光箱，85 毫米镜头，清晰",
        },
        examples={
            "en": "a yellow car in the snow in daylight, sunny",
            "zh": "白天，在雪地里，一辆黄色的汽车，晴天",
        },
        negative_prompt=f"{defaults.NO_TEXT}, clutter, reflections",
    ),
    Preset(
        id="virtual-try-on",
        title=_("Virtual try-on"),
        summary=_("Mark a garment on a photo of yourself or of a model, and say what to wear."),
        audience=_("Fashion shops, stylists, costume designers"),
        checkpoints=defaults.INPAINTS,
        mode=Mode.INPAINT,
        sizes=(shapes.PORTRAIT, shapes.SHOP),
        frames={
            "en": "person wearing {words}, natural folds, fitting light and posture, photograph",
            "zh": "人物穿着{words}，褶皱自然，光线与姿态相符，照片",
        },
        examples={
            "en": "a white cat on the beach at dusk",
            "zh": "傍晚，在沙滩上，一只白色的猫",
        },
        negative_prompt=f"{defaults.NO_TEXT}, deformed hands, extra limbs",
        strength=0.95,
    ),
)
