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
# # Your own activation, target and data
#
# **Shown here.** Choose an activation by looking: what can its kernels learn, and from how many samples? Then train a network on data of
# your own, which need not come from this toolkit and need not lie on a sphere.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch

from numerics import GoodDirections, KernelRidge, Objective, TwoLayerNetwork, ntk_gram, to_sphere, train
from theory import Activation, learnable_degrees, ntk_spectrum, samples_for_risk
from verify import Explorer

# %% [markdown]
# ## An activation by hand
#
# Type any formula in $z$; the staircase, the table and the curves follow. Dotted lines are $N(d,k)$ and $N(d,k+1)$.

# %%
Explorer("softplus(z)", d=32)

# %% [markdown]
# The same without the mouse. A softplus has $\sigma' = 1/2 + $ an odd function: its NTK cannot learn all degrees.

# %%
sigma = Activation.parse("softplus(z)")
sigma

# %%
for kernel in ("NTK", "QuadNTK"):
    found = learnable_degrees(sigma, 6, kernel=kernel)
    print(f"{kernel:8s} learns {found.learnable}, never {found.unlearnable}")
print(
    "samples for a linear target, risk 0.1, d = 32:",
    samples_for_risk(ntk_spectrum(sigma, 32, max_degree=4), 0.1, {1: 1.0}),
)

# %% [markdown]
# ## Data of your own
#
# Measurements of different lengths, labels with one linear and one interacting part: $y = z_1 + z_2 z_3$ with noise. `to_sphere` scales the inputs to
# $|x|^2 = d$, on which the theory's directions are means.

# %%
random = np.random.default_rng(0)
measured = random.normal(size=(700, 24)) * random.uniform(0.5, 2.0, size=(700, 1))
x = to_sphere(measured)
y = x[:, 0] + x[:, 1] * x[:, 2] + 0.1 * torch.from_numpy(random.normal(size=700))
train_x, train_y, test_x, test_y = x[:400], y[:400], x[400:], y[400:]

# %%
network = TwoLayerNetwork(24, 192, "sin(z + pi/4)", seed=0)
objective = Objective(network, train_x, train_y, directions=GoodDirections(network, k=1), model="network")
run = train(objective, steps=500, test=(test_x, test_y))
run.plot()
plt.show()

# %% [markdown]
# What each term of the network does on the way:

# %%
run.plot(what="energies")
plt.show()

# %% [markdown]
# The NTK of the same network on the same data, at its best ridge:

# %%
gram, cross = ntk_gram(network, train_x), ntk_gram(network, test_x, train_x)
solver = KernelRidge(gram, train_y)
kernel = min(float((solver.predict(cross, ridge) - test_y).square().mean()) for ridge in (0.01, 0.1, 1.0, 10.0))
joint = float(run.records[-1].test_risk)
print(f"test risk: trained network {joint:.2f}, NTK {kernel:.2f}, variance of the labels {test_y.var():.2f}")

# %% [markdown]
# As assertions (this notebook runs in the tests):

# %%
assert learnable_degrees(sigma, 6).unlearnable
assert joint < 0.8 * kernel < test_y.var()

# %% [markdown]
# **To try.** Your own file in place of `measured` (an array of n rows; a pandas frame will do). Another activation: does the Explorer's table
# foretell which parts of the labels are learnt? More directions: `y` with $z_4 z_5$ added. A claim of your own about what you see is a file of
# sixty lines: see "Your own claims" in the documentation.
