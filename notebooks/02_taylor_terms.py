# ---
# jupyter:
#   jupytext:
#     formats: py:percent,ipynb
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The two Taylor terms of a network, and what they leave
#
# **Shown here.** Moved from its initialisation by $W$, a wide network is $f = f_L + f_Q + R$: a term linear in $W$ (the NTK), one
# quadratic in $W$ (the QuadNTK), and a remainder. Which of them counts depends on the *kind* of displacement. With random signs
# and rows of length $m^{-1/4}$ the linear term vanishes as $m^{-1/4}$ while the quadratic one stays: that is where features are learnt.

# %%
import math

import matplotlib.pyplot as plt
import numpy as np
import sympy as sp
import torch

from numerics import TwoLayerNetwork, generator, random_signs, sphere
from theory import remainder_bound, taylor_terms

# %% [markdown]
# ## In symbols
#
# `theory` writes the terms out for a network small enough to read: one pair of neurons in two dimensions.

# %%
terms = taylor_terms("z**2/2 + z", d=2, m=2)
sp.factor(terms.linear)

# %%
sp.factor(terms.quadratic)

# %% [markdown]
# For this activation of degree two nothing is left:

# %%
still = dict.fromkeys(terms.displacement, 0)
rest = sp.expand(terms.network - terms.network.subs(still) - terms.linear - terms.quadratic)
rest

# %% [markdown]
# ## In numbers
#
# One neuron of each pair moves by $W_r = m^{-1/4} s_r \langle w_r, \beta\rangle \beta$: with all signs $s_r$ alike ("coherent") or random.
# Lengths $m^{-1/2}$ in place of $m^{-1/4}$ are the lazy regime.

# %%
d, widths = 8, (128, 512, 2048, 8192)
x = sphere(500, d, math.sqrt(d), generator(0))
direction = torch.zeros(d, dtype=torch.float64)
direction[0] = 1.0


def displaced(network: TwoLayerNetwork) -> torch.Tensor:
    """<w_r, beta> beta for the first neuron of each pair, 0 for the second."""
    W = (network.w @ direction)[:, None] * direction
    W[network.m // 2 :] = 0
    return W


def sizes(m: int, length: float, signs: bool, seed: int) -> tuple[float, float, float]:
    """Root mean squares of f_L, f_Q and the remainder over the inputs."""
    network = TwoLayerNetwork(d, m, "tanh(z + 1)", seed=seed)
    W = length * m ** (-0.25) * displaced(network)
    if signs:
        W = random_signs(m, generator(seed))[:, None] * W
    linear, quadratic = network.linear(x, W), network.quadratic(x, W)
    rest = network.forward(x, W) - linear - quadratic
    return tuple(float(part.square().mean().sqrt()) for part in (linear, quadratic, rest))


kinds = {
    "coherent": lambda m, seed: sizes(m, 1.0, False, seed),
    "random signs": lambda m, seed: sizes(m, 1.0, True, seed),
    "random signs, lazy": lambda m, seed: sizes(m, m**-0.25, True, seed),
}
table = {
    name: np.array([np.mean([kind(m, s) for s in range(4)], axis=0) for m in widths]) for name, kind in kinds.items()
}

fig, axes = plt.subplots(1, 3, figsize=(9.6, 3.2), sharey=True, layout="constrained")
for ax, (name, values) in zip(axes, table.items(), strict=True):
    for column, label, style in zip(values.T, ("$f_L$", "$f_Q$", "remainder"), ("o-", "s-", "^-"), strict=True):
        ax.loglog(widths, column, style, ms=4, lw=1.2, label=label)
    ax.set_title(name, fontsize=10)
    ax.set_xlabel("width m")
axes[0].set_ylabel("root mean square")
axes[0].legend(frameon=False)
plt.show()

# %%
exponents = {name: np.polyfit(np.log(widths), np.log(values), 1)[0] for name, values in table.items()}
for name, (linear, quadratic, left) in exponents.items():
    print(f"{name:20s} f_L ~ m^{linear:+.2f}   f_Q ~ m^{quadratic:+.2f}   remainder ~ m^{left:+.2f}")

# %% [markdown]
# ## A bound that is proved
#
# `remainder_bound` holds for every input on the sphere and every displacement with these row lengths.

# %%
m = 2048
network = TwoLayerNetwork(d, m, "tanh(z + 1)", seed=0)
W = m ** (-0.25) * displaced(network)
norms = W.norm(dim=1).tolist()
seen = float((network.forward(x, W) - network.linear(x, W) - network.quadratic(x, W)).abs().max())
bound = remainder_bound("tanh(z + 1)", d, norms)
print(f"largest remainder seen {seen:.4f}, proved bound {bound}")

# %% [markdown]
# As assertions (this notebook runs in the tests):

# %%
assert rest == 0
assert abs(exponents["random signs"][0] + 0.25) < 0.1
assert abs(exponents["random signs"][1]) < 0.1
assert exponents["coherent"][0] > 0.15
assert seen < float(bound.lower())

# %% [markdown]
# **To try.** Another activation in place of `tanh(z + 1)`, such as `erf(z)`, whose $\sigma''$ is odd: what happens to $f_Q$ of a profile
# $g(w) = \langle w, \beta\rangle$? Claims T1 to T3 judge these statements: `escape-ntk explain T3`.
