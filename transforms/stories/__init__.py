"""Keying articles by story: terms, vectors, candidates, features, model, and the desk that uses them."""
