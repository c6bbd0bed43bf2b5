"""Claims on the separation of kernels and the network at finite size."""
