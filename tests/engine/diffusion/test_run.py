"""A run moves its own latents on, preserves what is not repainted, and cuts what is too large."""

import torch

from generation.engine.diffusion.run import PreservedRegion
from generation.engine.diffusion.tiling import Tiling
from tests.engine.driving import a_request
from tests.engine.tickets import a_run


def test_a_run_is_done_after_its_last_step() -> None:
    run = a_run(a_request(num_inference_steps=3))
    assert (run.steps, run.step, run.is_done) == (3, 0, False)
    timesteps = []

    while not run.is_done:
        timesteps.append(run.timestep)
        run.model_input()
        run.advance(torch.zeros_like(run.latents))

    assert timesteps == sorted(timesteps, reverse=True)
    assert run.step == 3


def test_asking_for_the_input_again_changes_nothing() -> None:
    run = a_run()

    first, second = run.model_input(), run.model_input()

    assert torch.equal(first, second)
    assert run.step == 0


def test_further_channels_are_seen_and_not_denoised() -> None:
    run = a_run(channels=torch.full((1, 5, 16, 16), 9.0))

    seen = run.model_input()

    assert seen.shape == (1, 9, 16, 16)
    assert (seen[:, 4:] == 9.0).all()
    run.advance(torch.zeros(1, 4, 16, 16))
    assert run.latents.shape == (1, 4, 16, 16)


def test_tiles_are_inputs_of_their_own_and_joined_again() -> None:
    tiling = Tiling(height=16, width=16, side=12, overlap=4)
    tiled, whole = a_run(tiling=tiling), a_run()
    prediction = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(0))

    assert tiled.num_inputs == len(tiled.model_input()) == 4
    whole.model_input()
    tiled.advance(tiling.cut(prediction))
    whole.advance(prediction)

    assert torch.allclose(tiled.latents, whole.latents, atol=1e-5)


def a_preserving_run():
    """A run that repaints the left half of an image whose latents are all 7."""
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., :8] = 1.0
    preserved = PreservedRegion(
        latents=torch.full((1, 4, 16, 16), 7.0), noise=torch.full((1, 4, 16, 16), 3.0), mask=mask
    )
    return a_run(preserved=preserved)


def test_what_is_not_repainted_is_the_original_in_the_end() -> None:
    run = a_preserving_run()

    while not run.is_done:
        run.model_input()
        run.advance(torch.zeros(1, 4, 16, 16))

    assert (run.latents[..., 8:] == 7.0).all()
    assert not (run.latents[..., :8] == 7.0).any()


def test_between_steps_the_original_has_the_noise_of_its_timestep() -> None:
    run = a_preserving_run()
    run.model_input()

    run.advance(torch.zeros(1, 4, 16, 16))

    noisy = run.schedule.add_noise(
        torch.full((1, 4, 16, 16), 7.0), torch.full((1, 4, 16, 16), 3.0), step=run.step
    )
    assert torch.equal(run.latents[..., 8:], noisy[..., 8:])
    assert not (noisy == 7.0).any()


def test_the_predicted_clean_latents_are_those_of_as_many_images_as_are_asked() -> None:
    run = a_run(a_request(num_images=2))
    run.model_input()
    run.advance(torch.zeros(2, 4, 16, 16))

    clean = run.predicted_clean(images=1)

    assert clean.shape == (1, 4, 16, 16)
    assert torch.equal(run.predicted_clean(images=2)[:1], clean)
    # Without predicted noise, the latents of value 1 are the clean ones over their scale.
    assert torch.allclose(clean, clean[0, 0, 0, 0].expand_as(clean))
    assert clean[0, 0, 0, 0] > 1.0
