"""Benchmarks of the engine and the site: `python -m tests.bench [NAME ...]`."""

import generation.engine  # noqa: F401  # before any other module loads torch: it sets up OpenMP
