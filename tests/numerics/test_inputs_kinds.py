"""Arguments of another kind are refused in a sentence by every public call, whichever argument it is."""

import re
from collections.abc import Callable

import numpy as np
import pytest
import torch

from numerics import (
    FeatureCovariance,
    GoodDirections,
    Harmonics,
    HermiteTarget,
    NTKOperator,
    Objective,
    PenaltyWeights,
    Target,
    TwoLayerNetwork,
    certified_bound,
    dense_construction,
    extreme_eigenvalue,
    gaussian,
    generator,
    hessian_vector,
    iterative_kernel_ridge,
    joint_construction,
    lipschitz_constant,
    ntk_gram,
    optimality_gap,
    random_signs,
    sign_variation,
    small_start,
    sparse_construction,
    sparse_displacement,
    to_sphere,
    train,
)

D, M = 4, 16
N = TwoLayerNetwork(D, M, "tanh(z + 1)", seed=1)
BATCH = TwoLayerNetwork(D, M, "tanh(z + 1)", seed=(1, 2))
X = to_sphere(gaussian(12, D, generator(5)))
Y = X[:, 0]
W = small_start(N, 1.0, 3)
OBJECTIVE = Objective(N, X, Y)
GOOD, SIGMA, HARMONICS = GoodDirections(N, 1), FeatureCovariance(N), Harmonics(D, 2)
OPERATOR, TARGET = NTKOperator(N, X), Target.sparse(D, 2, [1.0], 0)

NETWORK_FIRST = {
    "small_start": lambda v: small_start(v, 1.0, 3),
    "GoodDirections": lambda v: GoodDirections(v, 1),
    "FeatureCovariance": FeatureCovariance,
    "sparse_displacement": lambda v: sparse_displacement(v, [1.0, 0, 0, 0], 1.0, 1),
    "sparse_construction": lambda v: sparse_construction(v, [[1.0, 0, 0, 0]], [1.0], 1),
    "dense_construction": lambda v: dense_construction(v, TARGET, 1),
    "joint_construction": lambda v: joint_construction(v, TARGET, 1, torch.ones(M)),
    "ntk_gram": lambda v: ntk_gram(v, X),
    "Objective": lambda v: Objective(v, X, Y),
}
OBJECTIVE_FIRST = {
    "hessian_vector": lambda v: hessian_vector(v, W, W),
    "extreme_eigenvalue": lambda v: extreme_eigenvalue(v, W, "largest"),
    "lipschitz_constant": lambda v: lipschitz_constant(v, W),
    "sign_variation": lambda v: sign_variation(v, W, W),
    "certified_bound": lambda v: certified_bound(v, optimality_gap(OBJECTIVE, W).multipliers),
    "optimality_gap": lambda v: optimality_gap(v, W),
    "train": lambda v: train(v, W),
}
WRONG = (None, "network", np.ones((2, 2)), 3)


@pytest.mark.parametrize("call", NETWORK_FIRST)
def test_a_network_comes_first(call: str) -> None:
    for wrong in WRONG:
        needs = f"network of type {type(wrong).__name__}: needs a TwoLayerNetwork, which comes first"
        with pytest.raises(ValueError, match=re.escape(needs)):
            NETWORK_FIRST[call](wrong)
    NETWORK_FIRST[call](N)


@pytest.mark.parametrize("call", OBJECTIVE_FIRST)
def test_an_objective_comes_first(call: str) -> None:
    for wrong in (*WRONG, N):
        needs = f"objective of type {type(wrong).__name__}: needs a numerics.Objective, which comes first"
        with pytest.raises(ValueError, match=re.escape(needs)):
            OBJECTIVE_FIRST[call](wrong)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: iterative_kernel_ridge(OPERATOR, Y, 1e-3, preconditioner=3),
            "preconditioner of type int: needs a Nys",
        ),
        (lambda: iterative_kernel_ridge(OPERATOR, Y, 1e-3, rank=torch.tensor([1.0, 2.0])), "rank=Tensor of shape (2,)"),
        (lambda: iterative_kernel_ridge(OPERATOR, Y, 1e-3, rank="a"), "rank='a': needs an integer"),
        (lambda: N.scatter([[1.0]]), "W of shape (1, 1): needs (..., 16, 4)"),
        (lambda: N.scatter("a"), "W of type str"),
        (lambda: N.collect(None), "W of type NoneType"),
        (lambda: N.collect(np.ones(3)), "W of shape (3,): needs (..., 16, 4)"),
        (lambda: SIGMA.half_matmul([[1.0]]), "difference of shape (1, 1): needs (8, 4)"),
        (lambda: SIGMA.half_matmul("a"), "difference of type str"),
        (lambda: GOOD.half_coordinates("a"), "difference of type str"),
        (lambda: GOOD.half_combine([[1.0]]), "coordinates of shape (1, 1)"),
        (lambda: HARMONICS.tensors([1.0]), "coordinates of shape (1,)"),
        (lambda: HARMONICS.tensors(torch.ones(9, dtype=torch.complex128)), "coordinates is torch.complex128"),
        (lambda: HARMONICS.tensors(torch.ones(9, dtype=torch.float32)), "coordinates is torch.float32"),
        (lambda: HARMONICS.coordinates([1.0]), "tensors of shape (1,)"),
        (lambda: HARMONICS.coordinates(torch.eye(4, dtype=torch.complex128)), "tensors is torch.complex128"),
        (lambda: HARMONICS.coordinates(torch.eye(4, dtype=torch.float64).to_sparse()), "needs a dense tensor"),
        (lambda: PenaltyWeights(r4_power=torch.tensor([4.0, 8.0])), "r4_power=Tensor of shape (2,): needs 4 or 8"),
        (lambda: PenaltyWeights(r4_power=torch.tensor(4.0)), "r4_power=tensor(4.): needs 4 or 8"),
        (lambda: PenaltyWeights(r4_power=[4]), "r4_power=[4]: needs 4 or 8"),
        (lambda: PenaltyWeights(r1_modes=(["exact"],)), "r1_modes=(['exact'],)"),
        (lambda: train(OBJECTIVE, record_at=1.5), "record_at=1.5: needs a sequence of integers"),
        (lambda: train(OBJECTIVE, record_at="12"), "record_at='12': needs a sequence of integers"),
        (lambda: train(OBJECTIVE, record_at=[1.5]), "record_at=1.5: needs an integer"),
        (lambda: Objective(N, X, Y, directions=GOOD, fresh="a"), "fresh of type str: needs numerics.FreshInputs"),
        (lambda: Objective(N, X, Y, directions=GOOD, fresh=0), "fresh of type int: needs numerics.FreshInputs"),
        (lambda: HermiteTarget(4, None), "terms=None: needs a dictionary by degree"),
        (lambda: HermiteTarget(4, {2: 1.5}), "terms[2]=1.5: needs a pair, weights and directions"),
        (lambda: Target(4, None), "terms=None: needs a dictionary by degree"),
        (lambda: Target(4, {2: (1.0,)}), "terms[2]=(1.0,): needs a pair, weights and directions"),
        (lambda: BATCH.members(3), "indices=3: needs a sequence of integers, such as [0, 1]"),
        (lambda: BATCH.members(None), "indices=None: needs a sequence of integers"),
        (lambda: random_signs(4, None), "generator=None: needs a torch.Generator; use numerics.generator(seed)"),
        (lambda: certified_bound(OBJECTIVE, "a"), "multipliers of type str: needs the multipliers of a numerics.Gap"),
        (lambda: dense_construction(N, None, 1), "target of type NoneType: needs a numerics.Target"),
        (lambda: joint_construction(N, "a", 1, torch.ones(M)), "target of type str: needs a numerics.Target"),
        (
            lambda: GoodDirections(N, 1, torch.ones(3)),
            "method=Tensor of shape (3,): needs 'span', 'eigen' or 'jacobian'",
        ),
        (lambda: generator("0"), "seed='0': needs an integer 0 <= seed <= 18446744073709551615; turn a text into one"),
        (
            lambda: generator([1, 2]),
            "seed=[1, 2]: needs an integer 0 <= seed <= 18446744073709551615; give one at a time",
        ),
        (lambda: TwoLayerNetwork(4, 16, "z", np.ones((2, 2))), "several networks take a tuple of seeds"),
    ],
)
def test_a_sentence_says_what_is_needed(call: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        call()


def test_lists_and_arrays_count_as_tensors() -> None:
    rows = W.tolist()
    assert torch.equal(N.scatter(rows), N.scatter(W))
    assert torch.equal(N.collect(np.array(rows)), N.collect(W))
    half = W[:8]
    assert torch.equal(SIGMA.half_matmul(half.tolist()), SIGMA.half_matmul(half))
    assert torch.equal(HARMONICS.tensors([1.0] * 9), HARMONICS.tensors(torch.ones(9, dtype=torch.float64)))
    assert BATCH.members(iter([1, 0])).seed == (2, 1)
