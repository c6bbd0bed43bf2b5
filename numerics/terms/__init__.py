r"""The terms of the regularised loss, one object each: the data term, R1 in population, R1 on a sample, R3 and R4.

L(W) = data + l1 R1 + l3 R3 + l4 R4 (docs/mathematics, section 5). R2 vanishes at antisymmetric initialisation (see
:mod:`numerics.objective`), so it has no object. Each term gives its value, adds its gradient and its product with the
Hessian, and gives its mean second variation over random signs. There are three kinds, by what they are functions of:

- the data term and the penalties on the training inputs (:class:`numerics.terms.penalty.InputPenalty`) are functions of
  the products <D_r, x>, <S_r, x> and <p_r, x>, which one pass over blocks of inputs forms for all of them together;
- the other forms of R1 (:class:`numerics.terms.penalty.PairPenalty`) are quadratic forms of D - 2 p;
- R4 is a function of the lengths |W_r| alone.
"""
