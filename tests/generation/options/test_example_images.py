"""Example images match the output of `manage.py wall` with the real engine."""

import json

import pytest
from django.conf import settings
from django.core.management import call_command
from PIL import Image

from generation.options import example_images


def test_every_picture_that_hangs_has_its_file_and_words():
    hung = example_images.read()

    assert [picture.id for picture in hung.pictures] == [
        each.id for each in example_images.subjects()
    ]
    for picture in hung.pictures:
        with Image.open(settings.BASE_DIR / "static" / picture.path) as image:
            assert image.size == (picture.side, picture.side)
    for _step, path in hung.making.frames:
        assert (settings.BASE_DIR / "static" / path).is_file()


def test_the_words_are_those_that_the_examples_have_now():
    prompts = {subject.id: dict(subject.prompts) for subject in example_images.subjects()}

    assert {picture.id: picture.prompts for picture in example_images.read().pictures} == prompts


def test_all_of_it_is_small():
    files = example_images.FOLDER.iterdir()

    assert sum(file.stat().st_size for file in files) < 500_000


@pytest.mark.slow
def test_the_command_draws_and_keeps_the_seeds_that_it_finds(tmp_path):
    call_command("wall", to=tmp_path, first=2)
    first = (tmp_path / "example-1.webp").read_bytes()
    index = json.loads((tmp_path / example_images.INDEX).read_text())
    index["pictures"][0]["seed"] = 77
    (tmp_path / example_images.INDEX).write_text(json.dumps(index))

    call_command("wall", to=tmp_path, first=2)

    drawn = example_images.read(tmp_path)
    assert [picture.seed for picture in drawn.pictures] == [77, 2]
    assert (tmp_path / "example-1.webp").read_bytes() != first
    assert drawn.making.receipt.charged_ms > 0
    with Image.open(tmp_path / example_images.SHARED) as sheet:
        assert (sheet.format, sheet.size) == ("JPEG", (1200, 630))
