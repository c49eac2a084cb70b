"""One worker alone has a GPU."""

import pytest

from generation.worker import device_lock
from generation.worker.device_lock import DeviceTaken


@pytest.fixture(autouse=True)
def data_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    yield tmp_path
    device_lock.release("GPU-1")
    device_lock.release("GPU-2")


def test_a_second_worker_on_a_device_is_refused():
    device_lock.take("GPU-1")

    with pytest.raises(DeviceTaken, match="GPU-1"):
        device_lock.take("GPU-1")


def test_each_device_may_have_a_worker():
    device_lock.take("GPU-1")
    device_lock.take("GPU-2")


def test_a_device_is_free_again_once_its_worker_has_ended():
    device_lock.take("GPU-1")
    device_lock.release("GPU-1")

    device_lock.take("GPU-1")
