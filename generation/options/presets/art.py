"""Presets for illustration, photos, games and film."""

from django.utils.translation import gettext_lazy as _

from generation.engine.enums import Mode
from generation.options.presets import defaults, shapes
from generation.options.presets.preset import Preset

PRESETS = (
    Preset(
        id="concept-art",
        title=_("Concept art and illustration"),
        summary=_("Try ten directions for a world, a mood or a scene before you draw one."),
        audience=_("Illustrators, art directors, writers"),
        checkpoints=defaults.FINEST,
        sizes=(shapes.LANDSCAPE, shapes.PORTRAIT, shapes.SQUARE),
        frames={
            "en": "concept art of {words}, painterly, strong composition, dramatic light, detailed",
            "zh": "概念设计图，{words}，绘画笔触，构图有力，光影强烈，细节丰富",
        },
        examples={
            "en": "a white boat at sea at sunset with mountains behind",
            "zh": "日落时分，在海上，一艘白色的船，背后有山",
        },
        negative_prompt=defaults.NO_TEXT,
    ),
    Preset(
        id="style-transfer",
        title=_("A photo in another style"),
        summary=_("Keep what a photo shows and change how it looks: watercolor, ink, clay, comic."),
        audience=_("Photographers, designers, anyone with a camera roll"),
        checkpoints=defaults.FINEST,
        mode=Mode.IMAGE_TO_IMAGE,
        sizes=(shapes.LANDSCAPE, shapes.PORTRAIT, shapes.SQUARE),
        frames={
            "en": "{words}, watercolor painting on rough paper, loose brushwork, soft edges",
            "zh": "{words}，粗纹纸上的水彩画，笔触轻松，边缘柔和",
        },
        examples={
            "en": "a yellow cat in a green field with fluffy clouds",
            "zh": "在绿色的草地上，一只黄色的猫，天上有云",
        },
        negative_prompt="photograph, blurry, low quality, watermark",
        strength=0.55,
    ),
    Preset(
        id="local-edits",
        title=_("Change one part of a picture"),
        summary=_("Mark the sky, a sign or a stain, say what belongs there, and keep the rest."),
        audience=_("Photo editors, estate agents, restorers"),
        checkpoints=defaults.INPAINTS,
        mode=Mode.INPAINT,
        sizes=(shapes.LANDSCAPE, shapes.PORTRAIT, shapes.SQUARE),
        frames={
            "en": "{words}, matching light and perspective, natural colors, photograph",
            "zh": "{words}，光线与透视一致，色彩自然，照片",
        },
        examples={
            "en": "a blue house in a field at sunset with clouds in the sky",
            "zh": "日落时分，在田野里，一座蓝色的房子，天上有云",
        },
        negative_prompt=f"{defaults.NO_TEXT}, seams, mismatched light",
        strength=0.9,
    ),
    Preset(
        id="game-assets",
        title=_("Game characters and props"),
        summary=_("One thing on a plain ground, ready to cut out, in a style that you keep."),
        audience=_("Game artists, modders, small studios"),
        checkpoints=defaults.FINEST,
        sizes=(shapes.SQUARE, shapes.PORTRAIT),
        frames={
            "en": "game asset, {words}, single object, centered, plain background, clean silhouette",
            "zh": "游戏素材，{words}，单个物体，居中，纯色背景，轮廓清晰",
        },
        examples={
            "en": "a red car in the middle in the desert",
            "zh": "在沙漠里，中间有一辆红色的汽车",
        },
        negative_prompt=f"{defaults.NO_TEXT}, cropped, busy background",
    ),
    Preset(
        id="game-scenes",
        title=_("Game scenes and levels"),
        summary=_("A place to play in, wide enough to plan paths, cover and light."),
        audience=_("Level designers, environment artists"),
        checkpoints=defaults.FINEST,
        sizes=(shapes.WIDESCREEN, shapes.LANDSCAPE),
        frames={
            "en": "game environment, {words}, wide view, readable paths, stylized, volumetric light",
            "zh": "游戏场景，{words}，广角，路径清楚，风格化，体积光",
        },
        examples={
            "en": "three red houses in the snow at night under the stars",
            "zh": "夜晚，星空下，在雪地里，三座红色的房子",
        },
        negative_prompt=defaults.NO_TEXT,
    ),
    Preset(
        id="film-backgrounds",
        title=_("Backgrounds and effects for film"),
        summary=_("Matte paintings and plates in the ratio of the screen, empty of people."),
        audience=_("Film crews, compositors, stage designers"),
        checkpoints=defaults.FINEST,
        sizes=(shapes.CINEMA, shapes.WIDESCREEN),
        frames={
            "en": "matte painting, {words}, cinematic, anamorphic, haze, deep distance, no people",
            "zh": "电影绘景，{words}，电影感，宽银幕，薄雾，景深悠远，无人",
        },
        examples={
            "en": "an empty landscape in the desert at night under a full moon with mountains behind",
            "zh": "夜晚，沙漠里，一片空旷的风景，一轮满月，背后有山",
        },
        negative_prompt=f"{defaults.NO_TEXT}, people, cartoon",
    ),
    Preset(
        id="storyboards",
        title=_("Storyboards for video"),
        summary=_("Frame after frame of a story, quick enough to redraw when the story changes."),
        audience=_("Directors, agencies, people who film themselves"),
        checkpoints=defaults.READS_LONG_PROMPTS,
        sizes=(shapes.WIDESCREEN, shapes.CINEMA),
        frames={
            "en": "storyboard frame, {words}, ink and gray wash, clear staging, medium shot",
            "zh": "分镜画面，{words}，墨线淡彩，调度清楚，中景",
        },
        examples={
            "en": "a red car on the left and a green tree on the right in the city at sunset",
            "zh": "日落时分，在城市里，左边有一辆红色的汽车，右边有一棵绿色的树",
        },
        negative_prompt=defaults.NO_TEXT,
        num_inference_steps=20,
    ),
)
