"""Infotext has the expert settings under the web UI's names."""

from generation.engine.enums import MaskFill, Mode, NoiseScheduler
from generation.engine.request import infotext
from tests.engine.cases import digest
from tests.engine.driving import a_request

MASK = {
    "mask_blur": 4,
    "mask_fill": MaskFill.LATENT_NOISE,
    "only_masked": True,
    "mask_padding": 12,
}
NOISE = {"clip_skip": 2, "eta": 0.5, "subseed": 9, "subseed_strength": 0.25}


def test_expert_settings_have_the_web_uis_names():
    request = a_request(
        mode=Mode.INPAINT,
        image=digest("image"),
        mask=digest("mask"),
        noise_scheduler=NoiseScheduler.EULER_ANCESTRAL,
        **MASK,
        **NOISE,
    )

    text = infotext.write(request, seed=request.seed)

    assert "Clip skip: 2, Eta: 0.5, Variation seed: 9, Variation seed strength: 0.25" in text
    assert (
        "Inpaint area: Only masked, Masked area padding: 12, Masked content: latent noise" in text
    )


def test_usual_settings_are_not_written():
    text = infotext.write(a_request(), seed=7)

    assert not any(name in text for name in ("Clip skip", "Eta", "Variation", "Mask"))


def test_a_branch_says_where_it_began():
    request = a_request(num_inference_steps=20, origin="a" * 64, origin_step=5)

    assert "Continued from step: 5" in infotext.write(request, seed=7)
    assert "Continued" not in infotext.write(a_request(), seed=7)


def test_each_image_has_its_own_variation_seed():
    request = a_request(**NOISE, num_images=2)

    assert "Variation seed: 10," in infotext.write(request.alone(1), seed=7)
    assert request.alone(1).num_images == 1
