"""Rows of several runs go through one pass, and each run gets its own prediction back."""

import pytest
import torch
from torch import Tensor

from generation.engine.diffusion.families.row_packing import Rows, in_chunks, without_none
from generation.engine.diffusion.run import Run
from generation.engine.diffusion.tiling import Tiling
from generation.engine.request import GenerationRequest
from tests.engine.driving import a_request
from tests.engine.tickets import a_conditioning, a_run

CPU = torch.device("cpu")


def guided(**changes: object) -> GenerationRequest:
    return a_request(**changes)


def plain(**changes: object) -> GenerationRequest:
    return a_request(guidance_scale=1.0, **changes)


def rows_of(*runs: Run) -> Rows:
    return Rows(runs, device=CPU, dtype=torch.float32)


def first_values(tensor: Tensor) -> list[float]:
    """Return the first element of every row."""
    return tensor.flatten(1)[:, 0].tolist()


def test_unconditional_rows_come_first_and_guided_runs_before_the_others() -> None:
    one, two = (
        a_run(plain(), conditioning=a_conditioning(value=5.0, guided=False)),
        a_run(guided(num_images=2), conditioning=a_conditioning(value=3.0)),
    )

    rows = rows_of(one, two)

    # Both images of the guided run without the prompt, both with it, then the plain run.
    assert rows.latents().shape == (5, 4, 16, 16)
    assert first_values(rows.latents()) == [1, 2, 1, 2, 1]
    hidden, mask = rows.sequences("encoder_hidden_states")
    assert first_values(hidden) == [-3, -3, 3, 3, 5]
    assert mask is None


def test_every_row_has_its_own_runs_timestep() -> None:
    early, late = a_run(guided()), a_run(plain())
    late.step = 3

    timesteps = rows_of(late, early).timesteps()

    assert timesteps.dtype is torch.float32
    assert timesteps.tolist() == [early.timestep, early.timestep, late.timestep]


def test_predictions_return_in_the_order_of_the_runs() -> None:
    runs = [
        a_run(plain()),
        a_run(guided(guidance_scale=3.0)),
        a_run(plain(num_images=2)),
        a_run(guided(guidance_scale=2.0)),
    ]
    # Unconditional 0 and 10, then conditional 1 and 11, then the plain runs.
    output = torch.tensor([0.0, 10.0, 1.0, 11.0, 20.0, 30.0, 31.0]).view(7, 1, 1, 1)

    predictions = rows_of(*runs).guide(output)

    assert [prediction.flatten().tolist() for prediction in predictions] == [
        [20],
        [0 + 3 * (1 - 0)],
        [30, 31],
        [10 + 2 * (11 - 10)],
    ]


def test_each_run_is_guided_by_its_own_scale_alone_and_together() -> None:
    generator = torch.Generator().manual_seed(0)
    runs = [a_run(guided(guidance_scale=scale)) for scale in (1.5, 4.0, 9.0)]
    output = torch.randn(6, 4, 16, 16, generator=generator)

    together = rows_of(*runs).guide(output)

    for index, run in enumerate(runs):
        (alone,) = rows_of(run).guide(output[[index, 3 + index]])
        assert torch.equal(together[index], alone)


def test_predictions_are_single_precision_whatever_the_model_computes_in() -> None:
    (prediction,) = rows_of(a_run(plain())).guide(torch.zeros(1, 4, 16, 16, dtype=torch.bfloat16))

    assert prediction.dtype is torch.float32


def test_shorter_prompts_are_padded_and_masked() -> None:
    short = a_run(plain(), conditioning=a_conditioning(tokens=2, value=5.0, guided=False))
    long = a_run(plain(), conditioning=a_conditioning(tokens=4, value=7.0, guided=False))

    hidden, mask = rows_of(short, long).sequences("encoder_hidden_states")

    assert hidden[:, :, 0].tolist() == [[5, 5, 0, 0], [7, 7, 7, 7]]
    assert mask is not None
    assert mask.tolist() == [[True, True, False, False], [True, True, True, True]]


def test_an_argument_that_the_model_does_not_take_is_none() -> None:
    assert rows_of(a_run(guided())).conditioning("text_embeds") is None


def test_every_tile_is_a_row_with_its_runs_text() -> None:
    tiling = Tiling(height=16, width=16, side=12, overlap=4)
    run = a_run(guided(), tiling=tiling)

    rows = rows_of(run)

    assert tiling.count == 4
    assert rows.latents().shape == (8, 4, 12, 12)
    assert len(rows.timesteps()) == 8
    assert first_values(rows.sequences("encoder_hidden_states")[0]) == [-1] * 4 + [1] * 4
    (prediction,) = rows.guide(torch.zeros(8, 4, 12, 12))
    assert prediction.shape == (4, 4, 12, 12)


def test_only_missing_arguments_are_left_out() -> None:
    zero = torch.zeros(1)

    assert without_none({"a": zero, "b": None}) == {"a": zero}


@pytest.mark.parametrize(
    ("count", "sizes"), [(1, [1]), (4, [4]), (5, [4, 1]), (8, [4, 4]), (11, [4, 4, 3])]
)
def test_many_rows_go_through_the_model_in_chunks(count: int, sizes: list[int]) -> None:
    seen = []

    def model(arguments: dict[str, Tensor]) -> Tensor:
        seen.append(len(arguments["a"]))
        return arguments["a"] + arguments["b"]

    rows = torch.arange(float(count))[:, None]

    output = in_chunks(model, {"a": rows, "b": 10 * rows}, rows=4)

    assert seen == sizes
    assert torch.equal(output, 11 * rows)
