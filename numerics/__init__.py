"""Two-layer networks near initialisation in torch: features, kernels, good directions and regularised training."""

# ruff: noqa: E402  (what the imports below need is checked before them)
import escape_ntk

escape_ntk.require_ours(__file__, "theory")
escape_ntk.require_extra("numerics")

from numerics.certificate.balls import CertifiedBound, certified_bound
from numerics.certificate.gap import Gap, optimality_gap
from numerics.certificate.multipliers import Multipliers
from numerics.certificate.relaxation import Relaxation
from numerics.constructions import (
    Construction,
    JointConstruction,
    Norm,
    dense_construction,
    joint_construction,
    random_signs,
    sparse_construction,
    sparse_displacement,
)
from numerics.covariance import FeatureCovariance, feature_covariance
from numerics.curvature import Eigenvalue, extreme_eigenvalue, hessian_vector, lipschitz_constant
from numerics.directions import GoodDirections
from numerics.distributed import ShardedNetwork, process_group
from numerics.estimate import Estimate
from numerics.harmonics import Harmonics
from numerics.hermite import HermiteTarget
from numerics.kernels import NTKOperator, ntk_gram, quadntk_gram
from numerics.losses import LOSSES, Loss
from numerics.memory import WouldNotFit
from numerics.network import TwoLayerNetwork
from numerics.objective import Objective
from numerics.optimizers import LBFGS, Adam, GradientDescent
from numerics.perturbed_descent import PerturbedGradientDescent
from numerics.precision import allow_tf32
from numerics.ridge import KernelRidge, RidgeSolution, iterative_kernel_ridge
from numerics.sampling import gaussian, generator, sphere, to_sphere
from numerics.targets import Target
from numerics.terms.r1 import FreshInputs
from numerics.terms.weights import Parts, PenaltyWeights
from numerics.train import Diverged, small_start, train
from numerics.trajectory import Record, Trajectory
from numerics.variation import SignVariation, sign_variation

__all__ = [
    "LBFGS",
    "LOSSES",
    "Adam",
    "CertifiedBound",
    "Construction",
    "Diverged",
    "Eigenvalue",
    "Estimate",
    "FeatureCovariance",
    "FreshInputs",
    "Gap",
    "GoodDirections",
    "GradientDescent",
    "Harmonics",
    "HermiteTarget",
    "JointConstruction",
    "KernelRidge",
    "Loss",
    "Multipliers",
    "NTKOperator",
    "Norm",
    "Objective",
    "Parts",
    "PenaltyWeights",
    "PerturbedGradientDescent",
    "Record",
    "Relaxation",
    "RidgeSolution",
    "ShardedNetwork",
    "SignVariation",
    "Target",
    "Trajectory",
    "TwoLayerNetwork",
    "WouldNotFit",
    "allow_tf32",
    "certified_bound",
    "dense_construction",
    "extreme_eigenvalue",
    "feature_covariance",
    "gaussian",
    "generator",
    "hessian_vector",
    "iterative_kernel_ridge",
    "joint_construction",
    "lipschitz_constant",
    "ntk_gram",
    "optimality_gap",
    "process_group",
    "quadntk_gram",
    "random_signs",
    "sign_variation",
    "small_start",
    "sparse_construction",
    "sparse_displacement",
    "sphere",
    "to_sphere",
    "train",
]
