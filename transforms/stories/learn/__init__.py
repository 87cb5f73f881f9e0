"""Learning the term tables and the model that the story desk uses; a run needs none of it."""
