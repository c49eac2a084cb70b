"""Settings saved under a name, and past prompts."""

import pytest

from generation.engine.enums import Mode
from generation.models import Job, StudioPreset
from generation.studio import history
from tests.generation.rows import make_job, make_request


@pytest.mark.django_db
def test_settings_are_kept_under_a_name_without_what_belongs_to_one_picture(alice):
    preset = history.keep_preset(alice, "mine", {"prompt": "x", "seed": "5", "image": "a" * 64})

    assert preset.values == {"prompt": "x"}


@pytest.mark.django_db
def test_a_name_is_kept_once_a_person(alice, bob):
    history.keep_preset(alice, "mine", {"prompt": "x"})
    history.keep_preset(alice, "mine", {"prompt": "y"})
    history.keep_preset(bob, "mine", {"prompt": "z"})

    assert StudioPreset.objects.get(user=alice).values == {"prompt": "y"}
    assert StudioPreset.objects.count() == 2


@pytest.mark.django_db
def test_there_is_an_end_to_keeping(alice, monkeypatch):
    monkeypatch.setattr(history, "MAX_PRESETS", 1)
    history.keep_preset(alice, "first", {})

    with pytest.raises(history.TooManyPresets):
        history.keep_preset(alice, "second", {})


@pytest.mark.django_db
def test_past_prompts_come_once_each_the_latest_first(alice, bob):
    for prompt in ("a", "b", "a"):
        make_job(alice, request=make_request(prompt=prompt))
    make_job(bob, request=make_request(prompt="secret"))
    make_job(
        alice,
        request=make_request(mode=Mode.IMAGE_TO_IMAGE, image="a" * 64, strength=1.0, prompt=""),
    )

    assert history.prompts(alice) == ["a", "b"]
    assert Job.objects.count() == 5
