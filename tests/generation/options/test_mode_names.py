"""Every mode has a name and a label in the studio."""

import pytest

from generation.engine.enums import Mode
from generation.options import mode_names


@pytest.mark.parametrize("names", [mode_names.NAMES, mode_names.STARTS])
def test_every_mode_has_a_name_of_its_own(names):
    assert set(names) == set(Mode)
    assert len({str(name) for name in names.values()}) == len(Mode)
