"""Jobs, their pictures, and the worker that joins them to the engine."""
