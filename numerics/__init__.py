"""Two-layer networks near initialisation in torch: features, kernels, good directions and regularised training."""

from numerics.constructions import random_signs, sparse_displacement
from numerics.covariance import FeatureCovariance, feature_covariance
from numerics.directions import GoodDirections
from numerics.estimate import Estimate
from numerics.kernels import ntk_gram
from numerics.network import TwoLayerNetwork
from numerics.objective import Parts, TaylorObjective, Weights
from numerics.ridge import KernelRidge
from numerics.sampling import generator, sphere
from numerics.targets import Target
from numerics.train import Diverged, Trajectory, adam, small_start

__all__ = [
    "Diverged",
    "Estimate",
    "FeatureCovariance",
    "GoodDirections",
    "KernelRidge",
    "Parts",
    "Target",
    "TaylorObjective",
    "Trajectory",
    "TwoLayerNetwork",
    "Weights",
    "adam",
    "feature_covariance",
    "generator",
    "ntk_gram",
    "random_signs",
    "small_start",
    "sparse_displacement",
    "sphere",
]
