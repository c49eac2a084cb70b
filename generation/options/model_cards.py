"""Model cards: publisher, license and training of each checkpoint, for people to read."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from generation.engine.checkpoints.catalogue import Checkpoint
from generation.engine.enums import Family

Text = str | Promise

_OPENRAIL = "CreativeML OpenRAIL-M"
_OPENRAIL_PLUS = "CreativeML Open RAIL++-M"
_COMMUNITY = "Stability AI Community License"
_LMU = "CompVis, LMU Munich"
_STABILITY = "Stability AI"


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """`training` has a sentence for each fact of the published card. `good_for` may be empty."""

    publisher: Text
    license: Text
    training: tuple[Text, ...]
    good_for: Text = ""


def get(checkpoint: Checkpoint) -> ModelCard:
    """A known card, or for an operator's own checkpoint one made of its summary and family."""
    if checkpoint.id in _KNOWN:
        return _KNOWN[checkpoint.id]
    return ModelCard(
        publisher=_("Chosen by the operator of this site"),
        license=_("As its publisher says"),
        training=(checkpoint.summary, _BASES[checkpoint.family]),
    )


_BASES: Mapping[Family, Text] = {
    Family.SD1: _("Built like Stable Diffusion 1."),
    Family.SD2: _("Built like Stable Diffusion 2."),
    Family.SDXL: _("Built like Stable Diffusion XL."),
    Family.SD3: _("Built like Stable Diffusion 3."),
}

_KNOWN: Mapping[str, ModelCard] = {
    "sketchbook": ModelCard(
        publisher=_("Comes with this software"),
        license="Apache License 2.0",
        training=(
            _("Trained from scratch on flat landscapes that a program drew and described."),
            _(
                "It knows day, sunset and night; five places; houses, trees, boats, cars, balloons "
                "and cats; six colors; English and Chinese."
            ),
        ),
        good_for=_(
            "For trying everything on this site within a second or two, even without a GPU."
        ),
    ),
    "sd-1.1": ModelCard(
        publisher=_LMU,
        license=_OPENRAIL,
        training=(
            _("237,000 steps at 256 × 256 pixels on LAION-2B-en."),
            _("Then 194,000 steps at 512 × 512 on LAION high-resolution."),
        ),
        good_for=_("For seeing where the family began."),
    ),
    "sd-1.2": ModelCard(
        publisher=_LMU,
        license=_OPENRAIL,
        training=(
            _("Version 1.1, and 515,000 more steps at 512 × 512."),
            _("Pictures from LAION improved aesthetics."),
        ),
        good_for=_("For softer, plainer pictures than its successors draw."),
    ),
    "sd-1.3": ModelCard(
        publisher=_LMU,
        license=_OPENRAIL,
        training=(
            _("Version 1.2, and 195,000 more steps at 512 × 512."),
            _("A tenth of the captions was left out, so that guidance works."),
        ),
        good_for=_("For prompts that want firm guidance."),
    ),
    "sd-1.4": ModelCard(
        publisher=_LMU,
        license=_OPENRAIL,
        training=(
            _("Version 1.2, and 225,000 more steps at 512 × 512."),
            _("Pictures from LAION aesthetics v2 5+; a tenth of the captions left out."),
        ),
        good_for=_("For prompts and seeds that were shared in 2022."),
    ),
    "sd-1.5": ModelCard(
        publisher="Runway",
        license=_OPENRAIL,
        training=(
            _("Version 1.2, and 595,000 more steps at 512 × 512."),
            _("Pictures from LAION aesthetics v2 5+; a tenth of the captions left out."),
        ),
        good_for=_("For fine-tunes, most of which start here, and for small GPUs."),
    ),
    "sd-1.5-inpaint": ModelCard(
        publisher="Runway",
        license=_OPENRAIL,
        training=(
            _("Version 1.5, and 440,000 steps of filling in masked parts at 512 × 512."),
            _("Its unet sees the mask and the masked picture in five channels more."),
        ),
        good_for=_("For replacing a part of a picture without seams."),
    ),
    "sd-2.0": ModelCard(
        publisher=_STABILITY,
        license=_OPENRAIL_PLUS,
        training=(
            _("From scratch on LAION-5B, with a new text encoder, OpenCLIP ViT-H."),
            _("550,000 steps at 256 × 256, then 850,000 at 512 × 512."),
            _("Then 150,000 steps of v-prediction, and 140,000 at 768 × 768."),
        ),
        good_for=_("For larger pictures from long, literal prompts."),
    ),
    "sd-2.0-base": ModelCard(
        publisher=_STABILITY,
        license=_OPENRAIL_PLUS,
        training=(
            _("From scratch on LAION-5B, with a new text encoder, OpenCLIP ViT-H."),
            _("550,000 steps at 256 × 256, then 850,000 at 512 × 512."),
        ),
        good_for=_("For half the area, in less than half the time."),
    ),
    "sd-2.0-depth": ModelCard(
        publisher=_STABILITY,
        license=_OPENRAIL_PLUS,
        training=(
            _("The 2.0 base, and 200,000 more steps."),
            _("Its unet sees the depth of a picture, estimated by MiDaS, in one channel more."),
        ),
        good_for=_("For new looks of a picture whose shapes must stay."),
    ),
    "sd-2.0-inpaint": ModelCard(
        publisher=_STABILITY,
        license=_OPENRAIL_PLUS,
        training=(
            _("The 2.0 base, and 200,000 more steps with masks in the manner of LAMA."),
            _("Its unet sees the mask and the masked picture in five channels more."),
        ),
        good_for=_("For replacing a part of a picture without seams."),
    ),
    "sd-x4-upscaler": ModelCard(
        publisher=_STABILITY,
        license=_OPENRAIL_PLUS,
        training=(
            _("1.25 million steps on crops of 512 × 512 from pictures over 2048 × 2048."),
            _("It sees the small picture beside the latents, with as much noise as you choose."),
        ),
        good_for=_("For four times the width and height, up to 2048 × 2048 and beyond."),
    ),
    "sd-2.1": ModelCard(
        publisher=_STABILITY,
        license=_OPENRAIL_PLUS,
        training=(
            _("Version 2.0, and 55,000 more steps on the same pictures, strictly filtered."),
            _("Then 155,000 steps with a looser filter, which brought people back."),
        ),
        good_for=_("For what 2.0 is good at, and for people."),
    ),
    "sd-2.1-base": ModelCard(
        publisher=_STABILITY,
        license=_OPENRAIL_PLUS,
        training=(_("The 2.0 base, and 220,000 more steps with a looser filter."),),
        good_for=_("For half the area, in less than half the time."),
    ),
    "sdxl-1.0": ModelCard(
        publisher=_STABILITY,
        license=_OPENRAIL_PLUS,
        training=(
            _("July 2023. Native at 1024 × 1024, in any ratio of about that area."),
            _("Two text encoders read the prompt, and it is told the size it should draw."),
        ),
        good_for=_("For the most beautiful pictures in a reasonable time."),
    ),
    "sd-3": ModelCard(
        publisher=_STABILITY,
        license=_COMMUNITY,
        training=(
            _("June 2024. A diffusion transformer of 2 billion parameters, by flow matching."),
            _("Pretrained on a billion pictures, tuned on 30 million chosen for their looks."),
        ),
        good_for=_("For long prompts, several things at once, and words within the picture."),
    ),
    "sd-3.5-medium": ModelCard(
        publisher=_STABILITY,
        license=_COMMUNITY,
        training=(
            _("October 2024. A diffusion transformer of 2.5 billion parameters."),
            _("Trained in steps from 256 × 256 up to 1440 × 1440."),
        ),
        good_for=_("For long prompts on GPUs of ordinary size."),
    ),
    "sd-3.5-large": ModelCard(
        publisher=_STABILITY,
        license=_COMMUNITY,
        training=(_("October 2024. A diffusion transformer of 8 billion parameters."),),
        good_for=_("For following a long prompt most faithfully, and taking the longest."),
    ),
}
