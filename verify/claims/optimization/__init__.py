"""O: gradient descent on the regularised loss."""
