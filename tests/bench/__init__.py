"""Benchmarks of the engine and the site: `python -m tests.bench [NAME ...]`."""
