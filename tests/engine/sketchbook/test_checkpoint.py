from pathlib import Path

from generation.engine import sketchbook

CHECKPOINT = Path(sketchbook.__file__).parent / "checkpoint"


def test_the_checkpoint_folder_is_at_most_20_megabytes():
    size = sum(path.stat().st_size for path in CHECKPOINT.rglob("*") if path.is_file())

    assert size <= 20_000_000
