"""What is done to an article: pure functions and plain classes, and in `steps` their thin Beam wrappers."""
