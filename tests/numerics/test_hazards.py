"""Numerical hazards as a table: what is called, and the right answer by another route, or the words of the error.

An answer is a pair (found, wanted); the routes are float64, mpmath, closed forms and plain torch.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import torch

from numerics import (
    Estimate,
    FeatureCovariance,
    GoodDirections,
    Harmonics,
    HermiteTarget,
    KernelRidge,
    NTKOperator,
    Objective,
    PenaltyWeights,
    PerturbedGradientDescent,
    Target,
    TwoLayerNetwork,
    WouldNotFit,
    dense_construction,
    extreme_eigenvalue,
    generator,
    hessian_vector,
    iterative_kernel_ridge,
    joint_construction,
    lipschitz_constant,
    ntk_gram,
    optimality_gap,
    quadntk_gram,
    sign_variation,
    sparse_construction,
    sphere,
    to_sphere,
    train,
)
from numerics.perturbed_descent import perturbed_descent
from theory import kernel_ridge_risk, multiplicity, ntk_spectrum, quadntk_spectrum

D, M, N = 4, 8, 6
NAN, INF = math.nan, math.inf
SINGLE, DOUBLE = torch.float32, torch.float64
X = sphere(N, D, 2.0, generator(0, purpose="inputs"))
Y = X[:, 0] + X[:, 1] * X[:, 2]
W = torch.randn(M, D, generator=generator(1), dtype=DOUBLE)
TWICE = torch.cat([X, X])
FIRST = torch.eye(D, dtype=DOUBLE)[:1]


def network(sigma: str = "tanh(z + 1)", d: int = D, m: int = M, **settings: Any) -> TwoLayerNetwork:
    return TwoLayerNetwork(d, m, sigma, **settings)


SMOOTH, LINEAR, SQUARE, WIDE = network(), network("z"), network("z + z**2"), network(m=64)
LOW, BATCH = network(dtype=SINGLE), network(seed=(0, 1))
ZERO = torch.zeros(M, D, dtype=DOUBLE)
STACK = torch.stack([W, W])
NOISE = PerturbedGradientDescent()
FULL = ntk_gram(WIDE, TWICE)


def loss(net: TwoLayerNetwork = SMOOTH, y: torch.Tensor = Y, x: torch.Tensor = X, **weights: Any) -> Objective:
    return Objective(net, x.to(net.w), y, PenaltyWeights(**weights))


def neuron_by_neuron(net: TwoLayerNetwork, x: torch.Tensor, displacement: torch.Tensor) -> torch.Tensor:
    """f in mpmath, one neuron after the other."""
    functions = {"tanh(z + 1)": lambda z: mpmath.tanh(z + 1), "z": lambda z: z, "z + z**2": lambda z: z + z**2}
    sigma = functions[str(net.activation.exact)]
    rows = (net.w.double() + displacement.double()).tolist()
    with mpmath.workdps(60):
        return torch.tensor(
            [
                float(
                    sum(
                        a * sigma(mpmath.fdot(map(mpmath.mpf, row), map(mpmath.mpf, point)))
                        for a, row in zip(net.a.tolist(), rows, strict=True)
                    )
                    / mpmath.sqrt(net.m)
                )
                for point in x.double().tolist()
            ],
            dtype=DOUBLE,
        )


def huge_dimension() -> tuple[Any, Any]:
    d = 10**6
    net, x = network(d=d, m=2, dtype=SINGLE), sphere(2, d, 1000.0, generator(3), SINGLE)
    inner = x.double() @ x.double().T
    first = 1 - torch.tanh(x.double() @ net.half.double().T + 1).square()
    return ntk_gram(net, x), inner * (first @ first.T)


def huge_width() -> tuple[Any, Any]:
    net = network(m=2**18, dtype=SINGLE)
    first = 1 - torch.tanh(X @ net.half.double().T + 1).square()
    return ntk_gram(net, X.float()), X @ X.T * (first @ first.T) * 2 / net.m


def null_space() -> tuple[Any, Any]:
    """Two labels of one input are averaged."""
    y = torch.cat([Y, Y + 1])
    return KernelRidge(FULL, y).predict(FULL, 0.0, minimum_norm=True), torch.cat([Y, Y]) + 0.5


def doubled_neurons() -> tuple[Any, Any]:
    """A network whose pairs all have one weight has the kernel of a single pair."""
    net = network()
    net._place(net.half[:1].expand(M // 2, -1).clone())
    first = 1 - torch.tanh(X @ net.half[0] + 1).square()
    return ntk_gram(net, X), X @ X.T * torch.outer(first, first)


def harmonic_of_high_degree(d: int, degree: int, dtype: torch.dtype) -> tuple[Any, Any]:
    """sqrt(N) P_l along the first coordinate, by the recurrence of P_l in mpmath."""
    x = sphere(4, d, d**0.5, generator(0), dtype)
    found, wanted = Target.zonal(d, degree, torch.eye(1, d, dtype=DOUBLE), [1.0])(x), []
    with mpmath.workdps(60):
        for t in (x[:, 0].double() / math.sqrt(d)).tolist():
            before, here = mpmath.mpf(1), mpmath.mpf(t)
            for j in range(1, degree):
                before, here = here, ((2 * j + d - 2) * t * here - j * before) / (j + d - 2)
            wanted.append(float(mpmath.sqrt(multiplicity(d, degree)) * here))
    return found, torch.tensor(wanted, dtype=DOUBLE)


def more_inputs_than_harmonics() -> tuple[Any, Any]:
    """n = 40 > N(4,1) = 4: the Gram matrix of z has rank 4 and is the inner products."""
    x = sphere(40, D, 2.0, generator(5))
    ridge = KernelRidge(ntk_gram(LINEAR, x), x[:, 0])
    return ridge.predict(ntk_gram(LINEAR, x), 0.0, minimum_norm=True), x[:, 0]


ANSWERS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "float32, d = 10^6: NTK": huge_dimension,
    "float32, m = 2^18: NTK": huge_width,
    "float32, |W| = 10^3: network": lambda: (
        LOW.forward(X.float(), 1e3 * W.float()),
        neuron_by_neuron(LOW, X.float(), 1e3 * W.float()),
    ),
    "float64, |W| = 10^300: bounded network": lambda: (
        SMOOTH.forward(X, 1e300 * W),
        neuron_by_neuron(SMOOTH, X, 1e300 * W),
    ),
    "float64, |W| = 10^100: network": lambda: (
        SQUARE.forward(X, 1e100 * W) / 1e200,
        neuron_by_neuron(SQUARE, X, 1e100 * W) / 1e200,
    ),
    "linear activation: NTK": lambda: (ntk_gram(LINEAR, X), X @ X.T),
    "linear activation: QuadNTK": lambda: (quadntk_gram(LINEAR, X), torch.zeros(N, N)),
    "linear activation: Spectrum": lambda: (
        [float(v) for v in ntk_spectrum("z", D, 3).eigenvalues],
        [0.0, D / D, 0.0, 0.0],
    ),
    "linear activation: Spectrum of the QuadNTK": lambda: (
        [float(v) for v in quadntk_spectrum("z", D, 3).eigenvalues],
        [0.0] * 4,
    ),
    "linear activation: gap at a zero loss": lambda: (
        optimality_gap(loss(LINEAR, 0 * Y), ZERO).lower,
        torch.zeros(()),
    ),
    "duplicate inputs: ridge 0 without the null space": null_space,
    "duplicate inputs, ridge 1": lambda: (
        KernelRidge(FULL, torch.cat([Y, Y])).coefficients(1.0),
        torch.linalg.solve(FULL + torch.eye(2 * N, dtype=DOUBLE), torch.cat([Y, Y])),
    ),
    "duplicate inputs: loss": lambda: (
        loss(x=TWICE, y=torch.cat([Y, Y])).value_and_gradient(W)[1],
        loss().value_and_gradient(W)[1],
    ),
    "duplicate neurons: NTK": doubled_neurons,
    "n > N(d,1): ridge 0 without the null space": more_inputs_than_harmonics,
    "n > N(d,k): harmonics stay orthogonal": lambda: (
        Harmonics(D, 2).values(to_sphere(torch.cat([X] * 9), 1)).shape,
        (9 * N, 9),
    ),
    "zero Gram matrix, ridge 1": lambda: (
        KernelRidge(0 * FULL, torch.ones(2 * N)).coefficients(1.0),
        torch.ones(2 * N),
    ),
    "zero Gram matrix, ridge 0": lambda: (
        KernelRidge(0 * FULL, torch.ones(2 * N)).coefficients(0.0, minimum_norm=True),
        torch.zeros(2 * N),
    ),
    "labels of 10^308: iterative ridge": lambda: (
        iterative_kernel_ridge(NTKOperator(WIDE, X), 1.7e308 * Y.sign(), 1e3).coefficients / 1e308,
        torch.linalg.solve(ntk_gram(WIDE, X) + 1e3 * torch.eye(N, dtype=DOUBLE), 1.7 * Y.sign()),
    ),
    "zero target": lambda: (Target.zonal(D, 2, FIRST, [0.0])(X), torch.zeros(N)),
    "target without terms": lambda: (Target(D, {})(X), torch.zeros(N)),
    "Hermite target without terms": lambda: (HermiteTarget(D, {})(X), torch.zeros(N)),
    "two terms that cancel": lambda: (
        Target.zonal(D, 3, torch.cat([FIRST, FIRST]), [1.0, -1.0]).energies()[3],
        0.0,
    ),
    "target of degree 10,000": lambda: (
        Target.zonal(3, 10_000, torch.eye(1, 3), [1 / math.sqrt(20_001)])(to_sphere(torch.tensor([[1.0, 1.0, 1.0]]))),
        torch.tensor([float(mpmath.legendre(10_000, mpmath.mpf(float(torch.tensor(1.0) / math.sqrt(3)))))]),
    ),
    "target whose N(d,l) is beyond doubles": lambda: harmonic_of_high_degree(1000, 2000, DOUBLE),
    "target whose N(d,l) is beyond float32": lambda: harmonic_of_high_degree(1000, 60, SINGLE),
    "tiny energy": lambda: (Target.dense(D, 2, 1e-300, 0).energies()[2] * 1e300, 1.0),
    "zero labels: training ends at zero": lambda: (
        train(loss(y=0 * Y), ZERO, steps=3).records[-1].parts.total,
        torch.zeros(()),
    ),
    "zero labels: gap": lambda: (optimality_gap(loss(y=0 * Y), ZERO, "relaxation").lower, torch.zeros(())),
    "float32, |W| = 10^10: curvature": lambda: (
        lipschitz_constant(loss(LOW), 1e10 * W.float()),
        lipschitz_constant(loss(), 1e10 * W),
    ),
    "zero loss: curvature of R4 alone is none": lambda: (
        extreme_eigenvalue(loss(LINEAR, 0 * Y, r4=0.0), ZERO, "smallest").value,
        0.0,
    ),
    "zero gradient: noise of the ball": lambda: (
        bool(perturbed_descent(loss(BATCH, 0 * Y), 0 * STACK, NOISE, 1, 0.5).W.norm(dim=(1, 2)).le(NOISE.radius).all()),
        True,
    ),
    "a block of 10^400 features": lambda: (ntk_gram(SMOOTH, X, block=10**400), ntk_gram(SMOOTH, X)),
    "every second row": lambda: (ntk_gram(SMOOTH, TWICE[::2]), ntk_gram(SMOOTH, TWICE[::2].contiguous())),
    "transposed displacement": lambda: (SMOOTH.forward(X, W.T.contiguous().T), SMOOTH.forward(X, W)),
    "rows from the end": lambda: (ntk_gram(SMOOTH, X.numpy()[::-1]), ntk_gram(SMOOTH, X.flip(0))),
    "one row, expanded": lambda: (
        ntk_gram(SMOOTH, X[:1].expand(3, -1)),
        ntk_gram(SMOOTH, X[:1]).expand(3, 3),
    ),
    "columns in Fortran order": lambda: (ntk_gram(SMOOTH, np.asfortranarray(X.numpy())), ntk_gram(SMOOTH, X)),
    "covariance of displacements of size 10^100": lambda: (
        FeatureCovariance(SMOOTH).energy(1e100 * W) / 1e200,
        FeatureCovariance(SMOOTH).energy(W),
    ),
    "directions of displacements of size 10^200": lambda: (
        GoodDirections(WIDE, 1).project(1e200 * torch.ones(64, D).double()) / 1e200,
        GoodDirections(WIDE, 1).project(torch.ones(64, D).double()),
    ),
}


@pytest.mark.parametrize("hazard", ANSWERS)
def test_the_right_answer(hazard: str) -> None:
    """To 6e-5 of the largest entry where float32 takes part, else to 1e-9.

    The sums of float32 have up to 10^6 terms: 10^6 roundings of 6e-8 that add up as their root give 6e-5 at most.
    """
    found, wanted = (torch.as_tensor(value) for value in ANSWERS[hazard]())
    assert found.shape == wanted.shape
    low = SINGLE in (found.dtype, wanted.dtype)
    size = max(float(wanted.double().abs().max()), 1e-3)
    assert bool(torch.isfinite(found.double()).all())
    assert float((found.double() - wanted.double()).abs().max()) <= (6e-5 if low else 1e-9) * size


ERRORS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "float32, |W| = 10^30: network": (
        lambda: network("z + z**2", dtype=SINGLE).forward(X.float(), 1e30 * W.float()),
        ValueError,
        "too large for torch.float32",
    ),
    "float32, |W| = 10^30: f_Q": (
        lambda: network("z + z**2", dtype=SINGLE).quadratic(X.float(), 1e30 * W.float()),
        ValueError,
        "too large for torch.float32",
    ),
    "float32, |W| = 10^12: training": (
        lambda: train(loss(LOW), 1e12 * W.float(), steps=2),
        ArithmeticError,
        "the start is too large",
    ),
    "float32, |W| = 10^20: curvature": (
        lambda: lipschitz_constant(loss(LOW), 1e20 * W.float()),
        ArithmeticError,
        "use a smaller W",
    ),
    "|W| = 10^150: curvature": (lambda: extreme_eigenvalue(loss(), 1e160 * W, "largest"), ArithmeticError, "smaller W"),
    "|W| = 10^80: gap": (lambda: optimality_gap(loss(), 1e80 * W), ValueError, "certify a smaller W"),
    "labels of 10^200: training": (lambda: train(loss(y=1e200 * Y), W, steps=2), ArithmeticError, "loss=inf"),
    "d = 10^12": (lambda: network(d=10**12), ValueError, "needs d <= 1000000"),
    "m = 10^10": (lambda: network(d=1000, m=10**10), WouldNotFit, "would fit"),
    "constant activation": (lambda: network("1"), ValueError, "does not depend on z"),
    "constant activation, hidden": (lambda: network("0*z + 1"), ValueError, "does not depend on z"),
    "linear activation: no direction of degree 0": (
        lambda: GoodDirections(network("z", m=64), 1),
        ValueError,
        "linearly dependent",
    ),
    "linear activation: no eigenvector either": (
        lambda: GoodDirections(network("z", m=64), 1, "eigen"),
        ValueError,
        "has rank 4 to rounding",
    ),
    "one input, repeated: Jacobian": (
        lambda: GoodDirections(WIDE, 1, "jacobian", X[:1].expand(20, -1)),
        ValueError,
        "zero to rounding",
    ),
    "duplicate inputs, ridge 0": (
        lambda: KernelRidge(FULL, torch.cat([Y, Y])).coefficients(0.0),
        ValueError,
        "minimum_norm=True",
    ),
    "zero Gram matrix, ridge 0": (
        lambda: KernelRidge(0 * FULL, torch.ones(2 * N)).coefficients(0.0),
        ValueError,
        "minimum_norm=True",
    ),
    "Gram matrix of 10^-320": (
        lambda: KernelRidge(1e-320 * torch.eye(3, dtype=DOUBLE), torch.ones(3)).coefficients(0.0),
        ValueError,
        "too small for their dtype",
    ),
    "Gram matrix of 10^300": (
        lambda: KernelRidge(1e300 * torch.eye(3, dtype=DOUBLE), torch.ones(3)),
        ValueError,
        "rescale the data",
    ),
    "target of weight 10^308": (
        lambda: Target.zonal(D, 2, FIRST, [1e308])(X),
        ValueError,
        "too large for torch.float64",
    ),
    "Hermite target of weight 10^308 in float32": (
        lambda: HermiteTarget(D, {2: ([1e308], FIRST)})(X.float()),
        ValueError,
        "too large for torch.float32",
    ),
    "target at a pole whose N(d,l) is beyond doubles": (
        lambda: Target.zonal(1000, 2000, torch.eye(1, 1000), [1.0])(1000**0.5 * torch.eye(1, 1000, dtype=DOUBLE)),
        ValueError,
        "at a pole of a high degree",
    ),
    "monomial beyond doubles": (
        lambda: joint_construction(network(d=10), Target.sparse(10, 700, [1.0], 0), 699, torch.ones(M)),
        ValueError,
        "use a smaller k",
    ),
    "target of degree 10^9": (lambda: Target.dense(D, 10**9, 1.0, 0), ValueError, "degree <= 10000"),
    "direction of length 0": (lambda: Target.zonal(D, 2, 0 * FIRST, [1.0]), ValueError, "non-zero finite rows"),
    "labels of no sample: risk": (
        lambda: kernel_ridge_risk(ntk_spectrum("tanh(z + 1)", 10, 4), {1: 1}, -1, 0),
        ValueError,
        "needs",
    ),
    "target of energy NaN: risk": (
        lambda: kernel_ridge_risk(ntk_spectrum("tanh(z + 1)", 10, 4), {1: NAN}, 10, 0),
        ValueError,
        "needs",
    ),
    "inputs of 10^200: NTK": (lambda: ntk_gram(SMOOTH, 1e200 * X), ValueError, "too large for torch.float64"),
    "inputs of 10^200: NTK between two sets": (
        lambda: ntk_gram(LINEAR, 1e200 * X, 1e200 * X[:2]),
        ValueError,
        "too large for torch.float64",
    ),
    "inputs of 10^200: NTK at W": (
        lambda: ntk_gram(SMOOTH, 1e200 * X, W=W, model="taylor"),
        ValueError,
        "too large for torch.float64",
    ),
    "inputs of 10^200: QuadNTK": (lambda: quadntk_gram(SMOOTH, 1e200 * X), ValueError, "too large for torch.float64"),
    "exp(z^2) at d = 1000: NTK": (
        lambda: ntk_gram(network("exp(z**2)", 1000), sphere(3, 1000, 1000**0.5, generator(0))),
        ValueError,
        "too large for torch.float64",
    ),
    "inputs of 10^200: columns": (
        lambda: NTKOperator(SMOOTH, 1e200 * X).columns(torch.tensor([0])),
        ValueError,
        "too large for torch.float64",
    ),
    "inputs of 10^200: diagonal": (
        lambda: NTKOperator(SMOOTH, 1e200 * X).diagonal(),
        ValueError,
        "too large for torch.float64",
    ),
    "inputs of 10^200: product": (
        lambda: NTKOperator(LINEAR, 1e200 * X).matmul(Y),
        ValueError,
        "too large for torch.float64",
    ),
    "inputs of 10^200: values elsewhere": (
        lambda: NTKOperator(LINEAR, 1e200 * X).evaluate(1e200 * X, Y),
        ValueError,
        "too large for torch.float64",
    ),
    "coefficients of 10^300: displacement": (
        lambda: NTKOperator(LINEAR, 1e200 * X).displacement(1e300 * Y),
        ValueError,
        "too large for torch.float64",
    ),
    "inputs of 10^308: preactivations": (
        lambda: network(m=64).preactivations(1.7e308 * X.sign()),
        ValueError,
        "too large for torch.float64",
    ),
    "W of 10^308: coordinates": (
        lambda: GoodDirections(WIDE, 1).coordinates(1.7e308 * WIDE.a[:, None] * torch.ones(64, D).double()),
        ValueError,
        "too large for torch.float64",
    ),
    "W of 10^308: energy": (
        lambda: FeatureCovariance(SMOOTH).energy(1e300 * W),
        ValueError,
        "too large for torch.float64",
    ),
    "W of 10^200: energy over signs": (
        lambda: FeatureCovariance(SMOOTH).sign_energy(1e200 * W),
        ValueError,
        "too large for torch.float64",
    ),
    "W of 10^160: product with the Hessian": (
        lambda: hessian_vector(loss(), 1e160 * W, W),
        ValueError,
        "too large for torch.float64",
    ),
    "W of 10^160: second variation": (
        lambda: sign_variation(loss(r1=0.0, r3=0.0), 1e160 * W, 1e160 * W),
        ValueError,
        "too large for torch.float64",
    ),
    "minimum norm: y over a tiny Gram matrix": (
        lambda: KernelRidge(1e-309 * torch.eye(2, dtype=DOUBLE), [1.0, 1.0]).coefficients(0.0, minimum_norm=True),
        ValueError,
        "too small for their dtype",
    ),
    "minimum norm: y of 10^305": (
        lambda: KernelRidge(1e-10 * torch.eye(2, dtype=DOUBLE), [1e305, 1.0]).coefficients(0.0, minimum_norm=True),
        ValueError,
        "y is too large",
    ),
    "predictions that overflow": (
        lambda: KernelRidge(torch.eye(2, dtype=DOUBLE), [1e300, 1.0]).predict([[1e10, 1.0]], 1.0),
        ValueError,
        "too large for torch.float64",
    ),
    "iterative ridge: coefficients that overflow": (
        lambda: iterative_kernel_ridge(NTKOperator(WIDE, 1e-5 * X), 1e305 * Y, 1e-12),
        ValueError,
        "y is too large",
    ),
    "iterative ridge: a matrix": (
        lambda: iterative_kernel_ridge(FULL, torch.cat([Y, Y]), 1.0),
        ValueError,
        "a matrix to KernelRidge",
    ),
    "iterative ridge: a network": (
        lambda: iterative_kernel_ridge(WIDE, Y, 1.0),
        ValueError,
        "give a numerics.NTKOperator",
    ),
    "inputs of 10^200: harmonics": (
        lambda: Harmonics(D, 2).values(1e200 * X),
        ValueError,
        "too large for torch.float64",
    ),
    "harmonics of degree 10^30": (lambda: Harmonics(D, 10**30), ValueError, "needs degree <= 10000"),
    "sparse labels": (lambda: loss(y=Y.to_sparse()), ValueError, "use y.to_dense()"),
    "sparse labels: ridge": (lambda: KernelRidge(torch.eye(N), Y.to_sparse()), ValueError, "to_dense()"),
    "columns of no index": (lambda: NTKOperator(SMOOTH, X).columns(None), ValueError, "needs integers, of shape (s,)"),
    "columns of a text": (lambda: NTKOperator(SMOOTH, X).columns("a"), ValueError, "needs integers, of shape (s,)"),
    "one number as the strengths": (
        lambda: Target.sparse(D, 2, 1.0, 0),
        ValueError,
        "alphas=1.0: needs a sequence of one or more numbers",
    ),
    "no axis in the strengths": (
        lambda: sparse_construction(SMOOTH, FIRST, torch.tensor(1.0), 1),
        ValueError,
        "needs a sequence of one or more numbers",
    ),
    "dense part of degree 10^30": (
        lambda: dense_construction(WIDE, Target.dense(D, 2, 1.0, 0), 10**30),
        ValueError,
        "needs k <= 1000000",
    ),
    "dense part of too high a degree": (
        lambda: dense_construction(WIDE, Target.dense(D, 2, 1.0, 0), 7),
        ValueError,
        "needs m d / 2 >= n_k",
    ),
    "monomial of degree 10^30": (
        lambda: sparse_construction(SMOOTH, FIRST, [1.0], 10**30),
        ValueError,
        "needs k <= 10000",
    ),
    "directions of degree 10^30": (lambda: GoodDirections(SMOOTH, 10**30), ValueError, "needs k <= 10000"),
    "inputs without entries: target": (
        lambda: Target.zonal(D, 2, FIRST, [1.0])(X.to("meta")),
        ValueError,
        "x is on the device meta: needs entries",
    ),
    "inputs without entries: sphere": (lambda: to_sphere(X.to("meta")), ValueError, "needs entries"),
    "directions without entries": (lambda: Target.zonal(D, 2, FIRST.to("meta"), [1.0]), ValueError, "needs entries"),
    "labels without entries": (lambda: loss(y=Y.to("meta")), ValueError, "y is on the device meta: needs entries"),
    "samples without entries": (lambda: Estimate.of(Y.to("meta"), 0), ValueError, "needs entries"),
    "NaN in the inputs": (lambda: ntk_gram(SMOOTH, NAN * X), ValueError, "all finite"),
    "infinity in the labels": (lambda: loss(y=INF * Y), ValueError, "not finite"),
    "NaN in the Gram matrix": (lambda: KernelRidge(NAN * FULL, torch.ones(2 * N)), ValueError, "not finite"),
    "NaN in the start": (lambda: train(loss(), NAN * W, steps=1), ValueError, "not finite"),
    "NaN in the start of perturbed descent": (
        lambda: perturbed_descent(loss(BATCH), NAN * STACK, NOISE, 3, 0.5),
        ValueError,
        "not finite",
    ),
    "NaN as a step": (lambda: perturbed_descent(loss(BATCH), STACK, NOISE, 3, NAN), ValueError, "step=nan"),
    "no steps": (lambda: perturbed_descent(loss(BATCH), STACK, NOISE, -1, 0.5), ValueError, "steps=-1"),
    "one network where a batch is needed": (
        lambda: perturbed_descent(loss(), W, NOISE, 3, 0.5),
        ValueError,
        "tuple of seeds",
    ),
    "no inputs: NTK": (lambda: ntk_gram(SMOOTH, X[:0]), ValueError, "one input or more"),
    "no inputs: loss": (lambda: Objective(SMOOTH, X[:0], Y[:0]), ValueError, "one input or more"),
    "no inputs: target": (lambda: Target.dense(D, 1, 1.0, 0)(X[:0]), ValueError, "n >= 1"),
    "float32 inputs of a float64 network": (lambda: ntk_gram(SMOOTH, X.float()), ValueError, "use x.to(network.w)"),
    "float32 displacement": (lambda: FeatureCovariance(SMOOTH).energy(W.float()), ValueError, "use W.to(network.w)"),
    "half precision": (lambda: network(dtype=torch.float16), ValueError, "torch.float32 or torch.float64"),
    "a device that is none": (lambda: network(device="gpu"), ValueError, "needs 'cpu' or 'cuda'"),
    "a device that holds nothing": (lambda: network(device="meta"), ValueError, "needs 'cpu' or 'cuda'"),
}


@pytest.mark.parametrize("hazard", ERRORS)
def test_a_clear_error(hazard: str) -> None:
    call, kind, words = ERRORS[hazard]
    with pytest.raises(kind, match=re.escape(words)) as refused:
        call()
    assert len(str(refused.value).splitlines()) == 1
    assert type(refused.value).__module__.split(".")[0] in ("builtins", "numerics", "theory")
