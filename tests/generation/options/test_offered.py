"""Checkpoints that this installation can use."""

from generation.options.offered import offered
from tests.generation.installed import damage, put


def test_only_whole_checkpoints_are_offered_in_the_catalogues_order(settings, tmp_path):
    settings.CHECKPOINTS_DIR = tmp_path
    put(tmp_path, "sdxl-1.0")
    put(tmp_path, "sd-1.5")
    damage(put(tmp_path, "sd-2.1"))

    ids = [each.id for each in offered()]

    assert "sd-2.1" not in ids
    assert [id for id in ids if id.startswith("sd")] == ["sd-1.5", "sdxl-1.0"]
