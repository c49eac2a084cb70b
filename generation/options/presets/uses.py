"""The fifteen presets. A frame says how, the words in it what; both languages say the same."""

from django.utils.translation import gettext_lazy as _

from generation.options import mode_names
from generation.options.presets import shapes
from generation.options.presets.preset import Preset

# Best first. A checkpoint that is not in the catalogue, or not installed, is passed over.
_FINEST = ("sdxl-1.0", "sd-3", "sd-2.1", "sd-1.5", "sketchbook")
_READS_LONG_PROMPTS = ("sd-3", "sdxl-1.0", "sd-2.1", "sd-1.5", "sketchbook")
_INPAINTS = ("sd-2.0-inpaint", "sd-1.5-inpaint", "sdxl-1.0", "sd-1.5", "sketchbook")
_KEEPS_DEPTH = ("sd-2.0-depth", "sdxl-1.0", "sd-1.5", "sketchbook")
_IS_TUNED = ("sd-1.5", "sd-2.1", "sdxl-1.0", "sketchbook")

_NO_FLAWS = "blurry, low quality, jpeg artifacts, watermark, signature"
_NO_TEXT = f"{_NO_FLAWS}, text, letters"

USES = (
    Preset(
        id="concept-art",
        title=_("Concept art and illustration"),
        summary=_("Try ten directions for a world, a mood or a scene before you draw one."),
        audience=_("Illustrators, art directors, writers"),
        checkpoints=_FINEST,
        sizes=(shapes.LANDSCAPE, shapes.PORTRAIT, shapes.SQUARE),
        frames={
            "en": "concept art of {words}, painterly, strong composition, dramatic light, detailed",
            "zh": "概念设计图，{words}，绘画笔触，构图有力，光影强烈，细节丰富",
        },
        examples={
            "en": "a white boat at sea at sunset with mountains behind",
            "zh": "日落时分，在海上，一艘白色的船，背后有山",
        },
        negative_prompt=_NO_TEXT,
    ),
    Preset(
        id="style-transfer",
        title=_("A photo in another style"),
        summary=_("Keep what a photo shows and change how it looks: watercolor, ink, clay, comic."),
        audience=_("Photographers, designers, anyone with a camera roll"),
        checkpoints=_FINEST,
        mode=mode_names.IMAGE_TO_IMAGE,
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
        checkpoints=_INPAINTS,
        mode=mode_names.INPAINT,
        sizes=(shapes.LANDSCAPE, shapes.PORTRAIT, shapes.SQUARE),
        frames={
            "en": "{words}, matching light and perspective, natural colors, photograph",
            "zh": "{words}，光线与透视一致，色彩自然，照片",
        },
        examples={
            "en": "a blue house in a field at sunset with clouds in the sky",
            "zh": "日落时分，在田野里，一座蓝色的房子，天上有云",
        },
        negative_prompt=f"{_NO_TEXT}, seams, mismatched light",
        strength=0.9,
    ),
    Preset(
        id="game-assets",
        title=_("Game characters and props"),
        summary=_("One thing on a plain ground, ready to cut out, in a style that you keep."),
        audience=_("Game artists, modders, small studios"),
        checkpoints=_FINEST,
        sizes=(shapes.SQUARE, shapes.PORTRAIT),
        frames={
            "en": "game asset, {words}, single object, centered, plain background, clean silhouette",
            "zh": "游戏素材，{words}，单个物体，居中，纯色背景，轮廓清晰",
        },
        examples={
            "en": "a red car in the middle in the desert",
            "zh": "在沙漠里，中间有一辆红色的汽车",
        },
        negative_prompt=f"{_NO_TEXT}, cropped, busy background",
    ),
    Preset(
        id="game-scenes",
        title=_("Game scenes and levels"),
        summary=_("A place to play in, wide enough to plan paths, cover and light."),
        audience=_("Level designers, environment artists"),
        checkpoints=_FINEST,
        sizes=(shapes.WIDESCREEN, shapes.LANDSCAPE),
        frames={
            "en": "game environment, {words}, wide view, readable paths, stylized, volumetric light",
            "zh": "游戏场景，{words}，广角，路径清楚，风格化，体积光",
        },
        examples={
            "en": "three red houses in the snow at night under the stars",
            "zh": "夜晚，星空下，在雪地里，三座红色的房子",
        },
        negative_prompt=_NO_TEXT,
    ),
    Preset(
        id="film-backgrounds",
        title=_("Backgrounds and effects for film"),
        summary=_("Matte paintings and plates in the ratio of the screen, empty of people."),
        audience=_("Film crews, compositors, stage designers"),
        checkpoints=_FINEST,
        sizes=(shapes.CINEMA, shapes.WIDESCREEN),
        frames={
            "en": "matte painting, {words}, cinematic, anamorphic, haze, deep distance, no people",
            "zh": "电影绘景，{words}，电影感，宽银幕，薄雾，景深悠远，无人",
        },
        examples={
            "en": "an empty landscape in the desert at night under a full moon with mountains behind",
            "zh": "夜晚，沙漠里，一片空旷的风景，一轮满月，背后有山",
        },
        negative_prompt=f"{_NO_TEXT}, people, cartoon",
    ),
    Preset(
        id="storyboards",
        title=_("Storyboards for video"),
        summary=_("Frame after frame of a story, quick enough to redraw when the story changes."),
        audience=_("Directors, agencies, people who film themselves"),
        checkpoints=_READS_LONG_PROMPTS,
        sizes=(shapes.WIDESCREEN, shapes.CINEMA),
        frames={
            "en": "storyboard frame, {words}, ink and gray wash, clear staging, medium shot",
            "zh": "分镜画面，{words}，墨线淡彩，调度清楚，中景",
        },
        examples={
            "en": "a red car on the left and a green tree on the right in the city at sunset",
            "zh": "日落时分，在城市里，左边有一辆红色的汽车，右边有一棵绿色的树",
        },
        negative_prompt=_NO_TEXT,
        num_inference_steps=20,
    ),
    Preset(
        id="advertising",
        title=_("Posters and packaging"),
        summary=_("A strong picture with room left over for your words."),
        audience=_("Brands, shops, event organizers"),
        checkpoints=_READS_LONG_PROMPTS,
        sizes=(shapes.POSTER, shapes.SQUARE, shapes.LANDSCAPE),
        frames={
            "en": "advertising poster, {words}, bold colors, empty space at the top, studio light",
            "zh": "广告海报，{words}，色彩鲜明，上方留白，棚拍光线",
        },
        examples={
            "en": "two purple balloons in a field under a rainbow",
            "zh": "在田野里，两个紫色的热气球，天上有彩虹",
        },
        negative_prompt=_NO_TEXT,
    ),
    Preset(
        id="posts",
        title=_("Pictures for a post or an article"),
        summary=_("Paste the text: its title becomes the prompt, in the size of each network."),
        audience=_("Writers, editors, social media teams"),
        checkpoints=_FINEST,
        sizes=(*shapes.NETWORKS, shapes.SQUARE),
        frames={
            "en": "editorial illustration about {words}, one clear idea, flat shapes, warm palette",
            "zh": "文章配图，主题是{words}，一个明确的想法，扁平造型，暖色调",
        },
        examples={
            "en": "two white boats by the sea in the morning, sunny",
            "zh": "早晨，在海边，两艘白色的船，阳光明媚",
        },
        negative_prompt=_NO_TEXT,
        takes_article=True,
    ),
    Preset(
        id="sketch-to-rendering",
        title=_("From a sketch to a rendering"),
        summary=_("Lines and volumes stay where you drew them; material and light arrive."),
        audience=_("Product designers, architects, students"),
        checkpoints=_KEEPS_DEPTH,
        mode=mode_names.DEPTH_TO_IMAGE,
        sizes=(shapes.LANDSCAPE, shapes.SQUARE, shapes.PORTRAIT),
        frames={
            "en": "product rendering of {words}, realistic materials, soft studio light, gray ground",
            "zh": "产品渲染图，{words}，真实材质，柔和棚光，灰色地面",
        },
        examples={
            "en": "a white house on the left and a blue boat on the right by the sea",
            "zh": "在海边，左边有一座白色的房子，右边有一艘蓝色的船",
        },
        negative_prompt=f"{_NO_TEXT}, sketch, lines",
        strength=0.75,
    ),
    Preset(
        id="isometric",
        title=_("Isometric architecture"),
        summary=_("Buildings and rooms at the angle of a drawing board, without vanishing points."),
        audience=_("Architects, city planners, makers of maps"),
        checkpoints=_FINEST,
        sizes=(shapes.SQUARE, shapes.LANDSCAPE),
        frames={
            "en": "isometric view of {words}, 2.5D, orthographic, clean edges, soft shadows",
            "zh": "等距视角，{words}，2.5D，正交投影，边缘干净，阴影柔和",
        },
        examples={
            "en": "three blue houses in the city during the day under a cloudy sky",
            "zh": "白天，在城市里，三座蓝色的房子，多云",
        },
        negative_prompt=f"{_NO_TEXT}, perspective, fisheye",
    ),
    Preset(
        id="teaching",
        title=_("Teaching material"),
        summary=_("Pictures that explain one thing, simple enough for the last row."),
        audience=_("Teachers, publishers, museums"),
        checkpoints=_READS_LONG_PROMPTS,
        sizes=(shapes.SLIDE, shapes.SQUARE, shapes.WIDESCREEN),
        frames={
            "en": "educational illustration of {words}, simple shapes, no labels, white background",
            "zh": "教学插图，{words}，简单明了，不带文字，白色背景",
        },
        examples={
            "en": "a green tree on a green meadow under a rainbow",
            "zh": "在草地上，一棵绿色的树，天上有彩虹",
        },
        negative_prompt=_NO_TEXT,
    ),
    Preset(
        id="medical-simulation",
        title=_("Medical simulation"),
        summary=_("Practice images from a fine-tuned model, each marked as synthetic."),
        audience=_("Medical schools, developers of simulators. Never for diagnosis"),
        checkpoints=_IS_TUNED,
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
        checkpoints=_FINEST,
        sizes=(shapes.SHOP, shapes.SQUARE),
        frames={
            "en": "product photograph of {words}, seamless background, softbox light, 85 mm, sharp",
            "zh": "产品照片，{words}，无缝背景，柔光箱，85 毫米镜头，清晰",
        },
        examples={
            "en": "a yellow car in the snow in daylight, sunny",
            "zh": "白天，在雪地里，一辆黄色的汽车，晴天",
        },
        negative_prompt=f"{_NO_TEXT}, clutter, reflections",
    ),
    Preset(
        id="virtual-try-on",
        title=_("Virtual try-on"),
        summary=_("Mark a garment on a photo of yourself or of a model, and say what to wear."),
        audience=_("Fashion shops, stylists, costume designers"),
        checkpoints=_INPAINTS,
        mode=mode_names.INPAINT,
        sizes=(shapes.PORTRAIT, shapes.SHOP),
        frames={
            "en": "person wearing {words}, natural folds, fitting light and posture, photograph",
            "zh": "人物穿着{words}，褶皱自然，光线与姿态相符，照片",
        },
        examples={
            "en": "a white cat on the beach at dusk",
            "zh": "傍晚，在沙滩上，一只白色的猫",
        },
        negative_prompt=f"{_NO_TEXT}, deformed hands, extra limbs",
        strength=0.95,
    ),
)
