"""How GPU time and money are written."""

from datetime import timedelta

from django import template
from django.utils.translation import gettext as _

register = template.Library()


@register.filter
def gpu_time(ms: int) -> str:
    """Milliseconds as people say them, rounded down: "3.2 s", "4 min 58 s"."""
    seconds, rest = divmod(abs(ms), 1_000)
    minutes, seconds = divmod(seconds, 60)
    if minutes:
        text = _("{minutes} min {seconds} s").format(minutes=minutes, seconds=seconds)
    else:
        text = _("{seconds} s").format(seconds=f"{seconds}.{rest // 100}")
    return _sign(ms) + text


@register.filter
def held_time(ms: int) -> str:
    """What is set aside, beside what is left: "12 s held"."""
    return _("{time} held").format(time=gpu_time(ms))


@register.filter
def span(time: timedelta) -> str:
    """A stretch of time like GPU time."""
    return gpu_time(time // timedelta(milliseconds=1))


@register.filter
def round_time(ms: int) -> str:
    """A round number of milliseconds, on a scale: "0.5 s", "20 s", "4 min"."""
    if ms % 60_000 == 0 and ms:
        return _("{minutes} min").format(minutes=f"{ms // 60_000:,}")
    return _("{seconds} s").format(seconds=f"{ms / 1_000:g}")


@register.filter
def exact_gpu_time(ms: int) -> str:
    """Milliseconds to the last one: "3.218 s". What is written like this adds up."""
    seconds, rest = divmod(abs(ms), 1_000)
    return _sign(ms) + _("{seconds} s").format(seconds=f"{seconds:,}.{rest:03}")


@register.filter
def dollars(cents: int) -> str:
    whole, rest = divmod(cents, 100)
    return f"${whole:,}.{rest:02}"


def _sign(ms: int) -> str:
    return "−" if ms < 0 else ""
