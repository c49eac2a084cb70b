"""The engine's lower packages load without torch, and the whole engine without Django."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "module",
    [
        "generation.engine",
        "generation.engine.checkpoints.catalogue",
        "generation.engine.request",
        "generation.engine.loop.batcher",
        "generation.engine.charges",
        "generation.engine.failures",
    ],
)
def test_the_module_loads_no_torch(module: str) -> None:
    program = f"import sys, {module}; print(*sys.modules)"

    modules = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()

    assert module in modules
    assert not {"torch", "diffusers", "transformers", "numpy", "django"} & set(modules)


def test_threads_that_wait_do_not_spin_at_the_customers_cost() -> None:
    program = "import os, generation.engine; print(os.environ['OMP_WAIT_POLICY'])"
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}

    policy = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
    ).stdout.strip()

    assert policy == "passive"


def test_the_engine_loads_no_django() -> None:
    program = "import sys, generation.engine.loop.engine; print(*sys.modules)"

    modules = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()

    assert "torch" in modules
    assert not {"django", "celery", "channels"} & set(modules)
