"""The figures that the engine and the site are held to: `python -m tests.bench [NAME ...]`.

Each is a ratio of two sides measured in turn on the same machine, so that it means the same on any;
docs/benchmarks.md says what each divides.
"""
