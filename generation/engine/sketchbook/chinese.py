"""Vocabulary and sentence frames of Chinese captions."""

from collections.abc import Mapping, Sequence

from generation.engine.sketchbook.scenes import Color, Kind, Light, Place, Side, Time

TIMES: Mapping[Time, Sequence[str]] = {
    Time.DAY: ("白天", "大白天", "早晨", "上午", "中午"),
    Time.SUNSET: ("日落时分", "黄昏", "傍晚", "日落", "夕阳下", "清晨"),
    Time.NIGHT: ("夜晚", "夜里", "晚上", "深夜", "黑夜"),
}
LIGHTS: Mapping[Light, Sequence[str]] = {
    Light.SUN: ("阳光明媚", "晴天", "天上有太阳", "阳光下", "晴朗的天空"),
    Light.CLOUDS: ("天上有云", "多云", "云朵", "白云飘飘", "有云的天空"),
    Light.RAINBOW: ("天上有彩虹", "彩虹", "彩虹下", "一道彩虹"),
    Light.MOON: ("月光下", "天上有月亮", "圆月", "明月", "一轮满月"),
    Light.STARS: ("星空下", "天上有星星", "繁星", "满天星星", "星空"),
}
PLACES: Mapping[Place, Sequence[str]] = {
    Place.SEA: ("在海边", "在沙滩上", "在海上", "在大海边", "海边", "在海滩上"),
    Place.FIELD: ("在田野里", "在草地上", "在绿色的草地上", "在田野上", "草地上", "在乡间"),
    Place.DESERT: ("在沙漠里", "在沙漠中", "在沙丘上", "沙漠里", "沙漠中"),
    Place.SNOW: ("在雪地里", "在雪地上", "在雪中", "雪地里", "在冬天", "在冰雪中"),
    Place.CITY: ("在城市里", "在城市街道上", "在街上", "在马路上", "城市里", "在高楼前"),
}
MOUNTAINS = ("背后有山", "远处有山", "背景是雪山", "在山前", "后面是高山", "有山")
KINDS: Mapping[Kind, Sequence[tuple[str, str]]] = {
    Kind.HOUSE: (("座", "房子"), ("间", "房子"), ("座", "小屋"), ("栋", "房屋")),
    Kind.TREE: (("棵", "树"), ("棵", "大树"), ("棵", "小树")),
    Kind.BOAT: (("艘", "船"), ("只", "小船"), ("艘", "帆船"), ("条", "船")),
    Kind.CAR: (("辆", "汽车"), ("辆", "车"), ("辆", "小汽车"), ("辆", "轿车")),
    Kind.BALLOON: (("个", "热气球"), ("只", "热气球"), ("个", "气球")),
    Kind.CAT: (("只", "猫"), ("只", "小猫"), ("只", "猫咪")),
}
"""Measure word and noun."""
COLORS: Mapping[Color, Sequence[str]] = {
    Color.RED: ("红色的", "红", "鲜红的", "大红色"),
    Color.YELLOW: ("黄色的", "黄", "金色的", "金黄色"),
    Color.GREEN: ("绿色的", "绿", "翠绿的"),
    Color.BLUE: ("蓝色的", "蓝", "蔚蓝的"),
    Color.PURPLE: ("紫色的", "紫", "紫罗兰色的"),
    Color.WHITE: ("白色的", "白", "雪白的"),
}
COUNTS: Mapping[int, Sequence[str]] = {
    1: ("一", "一", "1"),
    2: ("两", "两", "2"),
    3: ("三", "三", "3"),
}
SIDES: Mapping[Side, Sequence[str]] = {
    Side.LEFT: ("左边有", "左侧有", "在左边，", "左边是", "左面有"),
    Side.CENTER: ("中间有", "中央有", "中间是"),
    Side.RIGHT: ("右边有", "右侧有", "在右边，", "右边是", "右面有"),
}
EMPTY = ("一片空旷的风景", "风景", "空无一物的风景", "安静的风景")
"""Phrases for a scene without objects."""

OPENINGS = ("", "", "", "一幅画，", "插画：", "一张图片，", "画")
ENDINGS = ("", "", "", "，高清", "，扁平插画", "，精美", "。", "，可爱")

FRAMES = (
    "{place}，{what}，{time}，{light}，{behind}",
    "{time}，{place}，{what}，{light}，{behind}",
    "{time}{place}，{what}，{behind}，{light}",
    "{what}，{place}，{time}，{light}，{behind}",
    "{what}，{light}，{time}，{place}，{behind}",
    "{light}，{time}，{place}{what}，{behind}",
    "{time}的{what}，{place}，{behind}，{light}",
    "{place}{behind}，{what}，{light}，{time}",
)
JOINTS = ("，", "，", "", "有", "的")
"""Separators between the parts of a caption."""
HELD_OUT_FRAMES = (
    "请画{what}，{behind}，{light}，{time}，{place}",
    "{light}的{time}，{behind}，{place}有{what}",
    "我想看{what}，{time}{place}，{behind}，{light}",
    "{behind}，{time}，{what}{place}，{light}",
)
HELD_OUT_ENDINGS = ("", "", "，谢谢", "，好看", "！")
