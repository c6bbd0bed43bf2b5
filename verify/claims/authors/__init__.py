"""A: the experiment of the paper's authors, run again."""
