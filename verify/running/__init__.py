"""Computing: cells, their keys, the store, and how a sweep is run."""
