"""Sizes of the experiments, chapter by chapter: the defaults are the quick profile's; FULL and GPU stand beside."""
