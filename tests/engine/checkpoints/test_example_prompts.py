import json

from generation.engine.checkpoints import example_prompts


def test_every_example_has_a_translation():
    assert len(example_prompts.EXAMPLES["en"]) == len(example_prompts.EXAMPLES["zh"])


def test_a_checkpoint_that_was_never_evaluated_does_not_follow_prompts(tmp_path):
    assert not example_prompts.follows_prompts(tmp_path / "scores.json")


def _scores(path, *, english, chinese, ceiling):
    path.write_text(
        json.dumps(
            {
                "scores": {"en": {"kind": english}, "zh": {"kind": chinese}},
                "ceiling": {"kind": ceiling},
            }
        )
    )
    return path


def test_prompts_are_followed_when_every_language_comes_near_the_ceiling(tmp_path):
    scores = _scores(tmp_path / "scores.json", english=0.85, chinese=0.8, ceiling=0.95)

    assert example_prompts.follows_prompts(scores)


def test_prompts_are_not_followed_when_one_language_stays_behind(tmp_path):
    scores = _scores(tmp_path / "scores.json", english=0.9, chinese=0.6, ceiling=0.95)

    assert not example_prompts.follows_prompts(scores)
