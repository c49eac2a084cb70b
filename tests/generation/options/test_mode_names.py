"""Every mode has a name, a label in the studio, and defaults for its inputs."""

import pytest

from generation.engine.enums import Mode
from generation.options import mode_names
from generation.options.build_request import DEFAULT_STRENGTH


@pytest.mark.parametrize("names", [mode_names.NAMES, mode_names.STARTS])
def test_every_mode_has_a_name_of_its_own(names):
    assert set(names) == set(Mode)
    assert len({str(name) for name in names.values()}) == len(Mode)


def test_every_mode_with_a_strength_has_a_default():
    assert set(DEFAULT_STRENGTH) == {mode for mode in Mode if "strength" in mode.uses}
