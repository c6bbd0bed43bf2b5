"""The network near its initialisation: Taylor terms, remainder, norms of the constructions, random signs."""
