"""Prompts of any length and weight, in every family that reads them with CLIP."""

import weakref
from typing import Any

import pytest
import torch

from generation.engine.diffusion.families import clip_text
from generation.engine.diffusion.families.clip_text import ClipTextEncoder, Prompt
from generation.engine.loop.engine import Engine
from generation.engine.request import GenerationRequest
from tests.engine import toy_checkpoints
from tests.engine.driving import a_request, run_to_the_end, the_finished
from tests.engine.toy_checkpoints import PROMPT_LENGTH

LONG = "abcdefghij " * 6


@pytest.fixture(scope="module")
def encoder() -> ClipTextEncoder:
    torch.manual_seed(0)
    model = toy_checkpoints._clip(toy_checkpoints.CLIPTextModel)
    # Trained models have a mean; a layer norm that is new has none.
    torch.nn.init.normal_(model.final_layer_norm.bias)
    return ClipTextEncoder(toy_checkpoints.clip_tokenizer(), model)


@torch.inference_mode()
def hidden(encoder: ClipTextEncoder, text: str) -> torch.Tensor:
    return encoder.encode([Prompt(text)])[Prompt(text)].hidden


def test_a_prompt_that_fits_is_encoded_as_the_model_does(encoder: ClipTextEncoder) -> None:
    tokens = encoder.tokenizer("abc", padding="max_length", return_tensors="pt").input_ids

    with torch.inference_mode():
        expected = encoder.model(tokens).last_hidden_state

    assert torch.allclose(hidden(encoder, "abc"), expected, atol=1e-6)


def test_a_longer_prompt_becomes_as_many_pieces_as_it_needs(encoder: ClipTextEncoder) -> None:
    words = "abcdefghij" * 3  # thirty tokens, of which ten go into a piece

    assert hidden(encoder, words).shape[1] == 3 * PROMPT_LENGTH


def test_what_comes_late_in_a_long_prompt_counts(encoder: ClipTextEncoder) -> None:
    one, other = (hidden(encoder, LONG + end) for end in ("x", "y"))

    assert not torch.allclose(one, other)


def test_weight_moves_a_words_embedding_and_keeps_the_mean(encoder: ClipTextEncoder) -> None:
    plain, weighted = hidden(encoder, "a b"), hidden(encoder, "a (b:1.5)")

    assert not torch.allclose(plain, weighted)
    assert torch.isclose(plain.mean(), weighted.mean(), atol=1e-6)


def test_a_weight_of_one_changes_nothing(encoder: ClipTextEncoder) -> None:
    assert torch.allclose(hidden(encoder, "a b"), hidden(encoder, "a (b:1)"), atol=1e-6)


def test_texts_of_other_lengths_are_encoded_together(encoder: ClipTextEncoder) -> None:
    texts = ["a", LONG, "", "(a:2) b"]

    with torch.inference_mode():
        together = encoder.encode([Prompt(text) for text in texts])

    for text in texts:
        assert torch.allclose(together[Prompt(text)].hidden, hidden(encoder, text), atol=1e-5)


def as_the_web_ui_does(encoder: ClipTextEncoder, pieces: list[tuple[str, list[float]]]):
    """Each piece of letters with the weight of each: encoded, weighted, brought back to its mean."""
    made = []
    for letters, weights in pieces:
        tokens = encoder.tokenizer(letters, padding="max_length", return_tensors="pt").input_ids
        with torch.inference_mode():
            plain = encoder.model(tokens).last_hidden_state
        factors = torch.ones(PROMPT_LENGTH)
        factors[1 : 1 + len(weights)] = torch.tensor(weights)
        weighted = plain * factors[None, :, None]
        made.append(weighted * plain.mean() / weighted.mean())
    return torch.cat(made, dim=1)


def test_the_weights_of_one_piece_do_not_change_another(encoder: ClipTextEncoder) -> None:
    # Letters are tokens; the last of a word is another one, so the words fill whole pieces.
    made = hidden(encoder, "(abcdefghij:1.5) klmnopqrst (uvw:0.5)")

    expected = as_the_web_ui_does(
        encoder, [("abcdefghij", [1.5] * 10), ("klmnopqrst", []), ("uvw", [0.5] * 3)]
    )
    assert torch.allclose(made, expected, atol=1e-6)


def test_a_mean_of_zero_gives_no_nan() -> None:
    states = torch.tensor([[[1.0, -1.0], [2.0, -2.0]]])

    weighted = clip_text._weighted(states, torch.tensor([[1.0, 3.0]]))

    assert torch.equal(weighted, torch.tensor([[[1.0, -1.0], [6.0, -6.0]]]))


@pytest.mark.parametrize(
    ("prompt", "pieces"),
    [
        ("abc BREAK de", [("abc", []), ("de", [])]),
        ("abc BREAK", [("abc", [])]),
        ("BREAK abc", [("", []), ("abc", [])]),
        ("(ab BREAK cd:1.5) e", [("ab", [1.5] * 2), ("cd e", [1.5, 1.5, 1.0])]),
        ("breaking", [("breaking", [])]),
    ],
)
def test_break_begins_another_piece(
    encoder: ClipTextEncoder, prompt: str, pieces: list[tuple[str, list[float]]]
) -> None:
    made = hidden(encoder, prompt)

    assert torch.allclose(made, as_the_web_ui_does(encoder, pieces), atol=1e-6)


def test_a_text_is_read_from_the_layer_that_each_prompt_says(encoder: ClipTextEncoder) -> None:
    prompts = [Prompt("abc"), Prompt("abc", 2), Prompt("abc", 3)]

    with torch.inference_mode():
        together = encoder.encode(prompts)

    one, two, three = (together[prompt].hidden for prompt in prompts)
    assert torch.allclose(one, hidden(encoder, "abc"), atol=1e-6)
    assert not torch.allclose(one, two, atol=1e-2)
    assert not torch.allclose(two, three, atol=1e-2)


def test_layers_that_no_prompt_needs_are_dropped_piece_by_piece(
    encoder: ClipTextEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clip_text, "_MAX_PIECES", 1)
    unneeded: list[weakref.ref[torch.Tensor]] = []
    alive: list[int] = []

    def note(_model: object, _inputs: object, output: Any) -> None:
        unneeded.append(weakref.ref(output.hidden_states[0]))
        alive.append(sum(each() is not None for each in unneeded))

    hook = encoder.model.register_forward_hook(note)
    with torch.inference_mode():
        encoder.encode([Prompt(LONG, 2)])
    hook.remove()

    assert alive == [1] * len(alive)
    assert len(alive) > 2


@pytest.mark.parametrize("checkpoint", ["toy", "toy-sd2", "toy-xl", "toy-sd3"])
def test_long_and_short_prompts_share_their_steps_and_change_nobodys_picture(
    engine: Engine, checkpoint: str
) -> None:
    def a_prompt(prompt: str, **more: str) -> GenerationRequest:
        scheduler = toy_checkpoints.toy(checkpoint).noise_scheduler
        return a_request(checkpoint=checkpoint, prompt=prompt, noise_scheduler=scheduler, **more)

    requests = [
        a_prompt("abc"),
        a_prompt(LONG),
        a_prompt("a (b:1.4) [c]"),
        a_prompt("x", negative_prompt=LONG),
    ]
    alone = []
    for request in requests:
        engine.submit(request, key="alone")
        alone.append(the_finished(run_to_the_end(engine), key="alone").images[0])

    for index, request in enumerate(requests):
        engine.submit(request, key=str(index))
    events = run_to_the_end(engine)

    for index, image in enumerate(alone):
        together = the_finished(events, key=str(index)).images[0]
        pairs = zip(image.tobytes(), together.tobytes(), strict=True)
        assert max(abs(one - other) for one, other in pairs) <= 1
    assert len({image.tobytes() for image in alone}) == len(requests)
