"""Every operation that an activation may be built from, checked as soon as it is made.

Texts and SymPy expressions are both rebuilt by one :class:`Builder`, one operation at a time. Every result is measured
against the grammar of :mod:`theory.activations.grammar` before the next one, so that nothing grows without bound. What
has another exact form is rewritten: 1/(1 + e^{-u}) by tanh, log(1 + e^u) as softplus, max by Abs. All else is refused
with a remedy.
"""

from __future__ import annotations

import sympy as sp

from theory.activations.grammar import MAX_DEGREE, Grammar, Refused
from theory.balls.functions import Z, softplus


class Builder(Grammar):
    """Builds expressions in z, each measured as soon as it is built.

    Args:
        powers: the largest exponent that is raised at once.
        variable: what stands for z.
    """

    def __init__(self, powers: int = MAX_DEGREE, variable: sp.Symbol = Z) -> None:
        super().__init__(variable)
        self._powers = powers

    def add(self, *terms: sp.Expr) -> sp.Expr:
        """The sum."""
        return self.checked(sp.Add(*terms))

    def multiply(self, *factors: sp.Expr) -> sp.Expr:
        """The product."""
        return self.checked(sp.Mul(*factors))

    def power(self, base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
        """base^exponent: integer powers, any real power of a positive constant, and what SymPy reduces to these."""
        if not self.is_constant(exponent):
            if not self.is_constant(base) or self.sign(base) <= 0:
                raise Refused("use exponents without z, or a positive constant to that power")
            return self.checked(sp.exp(self.multiply(exponent, self.checked(sp.log(base)))))
        if self.is_constant(base):
            sign = self.sign(base)
            if sign == 0 and self.sign(exponent) < 0:
                raise Refused("divide by a constant that is not zero")
            if sign < 0 and not isinstance(exponent, sp.Integer):
                raise Refused("use real constants")
            self._exponent(exponent)
            return self.checked(base**exponent)
        if isinstance(exponent, sp.Integer) and exponent < 0:
            return self.quotient(sp.Integer(1), base, -int(exponent), f"use integer exponents 0 to {self._powers}; ")
        self._exponent(exponent)
        return self.checked(base**exponent)

    def _exponent(self, exponent: sp.Expr) -> None:
        """Before it is raised: what the power would cost."""
        if isinstance(exponent, sp.Rational) and max(abs(exponent.p), exponent.q) > self._powers:
            raise Refused(f"use integer exponents 0 to {self._powers}")

    def quotient(self, above: sp.Expr, below: sp.Expr, power: int = 1, remedy: str = "") -> sp.Expr:
        r"""above/below^power for constants and exponentials below, and for a + b e^u with a and b of one sign.

        .. math:: \frac{1}{a + b e^u} = \frac{1}{2a} \Bigl(1 - \tanh\frac{u + \log(b/a)}{2}\Bigr), \qquad
                  \frac{e^u}{a + b e^u} = \frac{1}{b + a e^{-u}}.

        Any other exponential above is refused: next to 1 - tanh it would lose its digits in floating point.
        """
        if self.is_constant(below):
            return self.multiply(above, self.power(below, sp.Integer(-power)))
        self._exponent(sp.Integer(power))
        # Exponentials first: once they stand above, the logistic factors can take them up.
        for factor in sorted(sp.Mul.make_args(below), key=lambda part: not isinstance(part, sp.exp)):
            base, exponent = (factor, sp.Integer(1)) if isinstance(factor, sp.exp) else factor.as_base_exp()
            if self.is_constant(factor) or isinstance(factor, sp.exp):
                above = self.multiply(above, self.checked(factor**-power))
                continue
            parts = self._logistic_parts(base)
            if parts is None:
                raise Refused(remedy + "divide by non-zero constants only (1/(1 + exp(-z)) is sigmoid(z))")
            above = self._over_logistic(above, *parts, int(exponent) * power)
        return above

    def _logistic_parts(self, expr: sp.Expr) -> tuple[sp.Expr, sp.Expr, sp.Expr] | None:
        """(a, b, u) with expr = a + b e^u, a and b of one sign; None for another form."""
        if not expr.is_Add:
            return None
        constant, rest = expr.as_independent(Z, as_Add=True)
        factor, wave = rest.as_independent(Z, as_Add=False)
        if constant == 0 or not isinstance(wave, sp.exp) or self.sign(constant) != self.sign(factor):
            return None
        return constant, factor, wave.args[0]

    def _over_logistic(self, above: sp.Expr, a: sp.Expr, b: sp.Expr, u: sp.Expr, power: int) -> sp.Expr:
        """above/(a + b e^u)^power, where ``above`` has at most a factor e^{j u + c} with 0 <= j <= power."""
        factors = sp.Mul.make_args(above)
        waves = [factor for factor in factors if isinstance(factor, sp.exp) and not self.is_constant(factor)]
        # e^{ju}/(a + b e^u)^n = (1/(b + a e^{-u}))^j (1/(a + b e^u))^{n-j}: the j is sought that leaves no exponential.
        turned, rest = 0, above
        for count in range(1, power + 1) if waves else ():
            left = self.checked(sp.Add(waves[0].args[0], -count * u))
            if self.is_constant(left):
                turned, rest = count, self.multiply(sp.exp(left), *(part for part in factors if part != waves[0]))
                break
        if any(not self.is_constant(wave) for wave in rest.atoms(sp.exp)):
            raise Refused("divide no exponential by another; write it with sigmoid, tanh or softplus")
        right, left = self._logistic(b, a, -u), self._logistic(a, b, u)
        return self.multiply(rest, self.power(right, sp.Integer(turned)), self.power(left, sp.Integer(power - turned)))

    def _logistic(self, a: sp.Expr, b: sp.Expr, u: sp.Expr) -> sp.Expr:
        """1/(a + b e^u) by tanh, which is bounded where e^u would overflow."""
        shift = self.checked(sp.log(self.quotient(b, a)))
        return self.checked((1 - sp.tanh((u + shift) / 2)) / (2 * a))

    def logarithm(self, u: sp.Expr) -> sp.Expr:
        """log of a positive constant or of a + b e^v with positive a and b."""
        if self.is_constant(u):
            if self.sign(u) <= 0:
                raise Refused("use the logarithm of positive constants")
            return self.checked(sp.log(u))
        parts = self._logistic_parts(u)
        if parts is None or self.sign(parts[0]) < 0:
            return self.checked(sp.log(u))  # log(exp(v)) is v; anything else has no measure
        a, b, v = parts
        return self.add(sp.log(a), self.checked(softplus(v + self.checked(sp.log(self.quotient(b, a))))))

    def absolute(self, u: sp.Expr) -> sp.Expr:
        """|u|."""
        return self.multiply(self.signum(u), u) if self.is_constant(u) else self.checked(sp.Abs(u))

    def kink(self, u: sp.Expr) -> sp.Expr:
        """|u| of something affine or constant."""
        if not self.is_constant(u):
            self.check_affine(u)
        return self.absolute(u)

    def signum(self, u: sp.Expr) -> sp.Expr:
        """sign(u), zero at zero."""
        return sp.Integer(self.sign(u)) if self.is_constant(u) else self.checked(sp.sign(u))

    def maximum(self, u: sp.Expr, v: sp.Expr) -> sp.Expr:
        """max(u, v) for an affine difference; max(c, min(u, e)) for constants c and e as a sum of two kinks."""
        # max(u, v) = (u + v + |u - v|)/2, whose kink is a known point when u - v is affine.
        gap = self.add(u, -v)
        size = self.size(gap)
        if size.degree > 1 or size.nesting:
            for bound, clipped in ((u, v), (v, u)):
                other = self._minimum_parts(clipped) if self.is_constant(bound) else None
                if other is not None:
                    return self._clipped(other[0], bound, other[1])
            raise Refused("give max and min arguments whose difference is affine in z, such as max(z, 0)")
        return self.checked((u + v + self.absolute(gap)) / 2)

    def minimum(self, u: sp.Expr, v: sp.Expr) -> sp.Expr:
        """min(u, v) = -max(-u, -v)."""
        return self.checked(-self.maximum(-u, -v))

    def _minimum_parts(self, expr: sp.Expr) -> tuple[sp.Expr, sp.Expr] | None:
        """(w, c) with expr = min(w, c), w affine and c constant, when it was built so; else None."""
        kinks, size = expr.atoms(sp.Abs), self.size(expr)
        if len(kinks) != 1 or size.degree > 1 or size.nesting > 1:
            return None
        (kink,) = kinks
        rest, factor = sp.expand(expr).as_independent(kink, as_Add=True)
        half = -factor.as_coefficient(kink)  # min(w, c) = (w + c)/2 - |w - c|/2
        if self.sign(half) <= 0:
            return None
        pair = [self.checked(sp.expand(rest + sign * half * kink.args[0])) for sign in (1, -1)]
        affine, constant = sorted(pair, key=self.is_constant)
        if self.is_constant(affine) or not self.is_constant(constant):
            return None
        return affine, constant

    def _clipped(self, u: sp.Expr, low: sp.Expr, high: sp.Expr) -> sp.Expr:
        """u cut to [low, high]."""
        if self.sign(self.add(high, -low)) <= 0:
            return low
        return self.checked((self.absolute(u - low) - self.absolute(u - high) + low + high) / 2)
