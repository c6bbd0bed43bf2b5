r"""A certificate of global optimality: a number below the regularised loss at every displacement.

For slopes g, crossing multipliers v and shifts s >= 0 each term of the loss lies above a function that is at most
quadratic in W (docs/mathematics, section 7),

.. math:: L(W) \ge c_0(g,v,s) + \langle c(g), W\rangle + \langle W, Q(g,v,s)\,W\rangle \quad\text{for all } W,

and the right side has a smallest value wherever Q is positive definite. Modules, in the order in which they are used:

- :mod:`numerics.certificate.double`: the objective in double precision, which is what is certified;
- :mod:`numerics.certificate.multipliers`: g, v and s at a displacement;
- :mod:`numerics.certificate.neurons`: the part of Q that is block by block, by one eigenproblem for two neurons;
- :mod:`numerics.certificate.minorant`: the function on the right, why its Q is positive, its smallest value;
- :mod:`numerics.certificate.relaxation`: a relaxed loss, whose minimiser has better multipliers;
- :mod:`numerics.certificate.improvement`: these, and those of an ascent on the bound itself;
- :mod:`numerics.certificate.gap`: :func:`numerics.optimality_gap`;
- :mod:`numerics.certificate.balls`: the same bound with a certified error, for small networks.
"""
