"""G: good directions and the constructions W_L and W_Q."""
