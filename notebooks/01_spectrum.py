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
# # Certified eigenvalues against a network of finite width
#
# The NTK of a two-layer network on the sphere of radius $\sqrt d$ has eigenvalue
#
# $$\Lambda_\ell = \frac{d}{2\ell+d-2}\left[\ell\,\lambda_{\ell-1}(\sigma')^2 + (\ell+d-2)\,\lambda_{\ell+1}(\sigma')^2\right]$$
#
# on the harmonics of degree $\ell$, with multiplicity $N(d,\ell)$. `theory` gives it as a ball that is certified to contain
# the true value; `numerics` builds the feature covariance $\Sigma$ of an actual network without sampling. Both should meet as
# the width $m$ grows.

# %%
import matplotlib.pyplot as plt
import numpy as np

from numerics import GoodDirections, TwoLayerNetwork, feature_covariance
from theory import Activation, ntk_limit_expr, ntk_spectrum

sigma = Activation.parse("sin(z + pi/4)")
d = 8
spectrum = ntk_spectrum(sigma, d, max_degree=5, digits=20)
for degree, count, value in zip(spectrum.degrees, spectrum.multiplicities, spectrum.eigenvalues, strict=True):
    print(f"degree {degree}: {count:4d} x {value.str(20)}")
print("trace of all higher degrees:", spectrum.tail.str(5))

# %% [markdown]
# As $d \to \infty$, $d^{\ell-1}\Lambda_\ell$ tends to constants that are known in closed form for this activation.

# %%
[ntk_limit_expr(sigma, degree) for degree in range(5)]

# %% [markdown]
# ## Networks
#
# The largest eigenvalues of $\Sigma$ fall into blocks of sizes $N(d,0), N(d,1), \dots$ around the certified values. The spread of a
# block is $\Theta(m^{-1/2})$.

# %%
widths = (64, 256, 1024)
shown = 1 + d + 35
blocks = {}
for m in widths:
    network = TwoLayerNetwork(d, m, sigma, seed=0)
    blocks[m] = feature_covariance(network).top(shown)[0].numpy()

fig, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
for m, colour in zip(widths, ("#c6d6e8", "#7ba4cf", "#1f5c99"), strict=True):
    ax.plot(np.arange(1, shown + 1), blocks[m], ".", color=colour, label=f"network, m = {m}")
position = 0.5
for degree in range(3):
    level, count = float(spectrum.eigenvalues[degree]), spectrum.multiplicities[degree]
    ax.plot(
        [position, position + count], [level, level], color="black", lw=1.2, label="certified" if degree == 0 else None
    )
    position += count
ax.set_xlabel("index")
ax.set_ylabel("eigenvalue of $\\Sigma$")
ax.legend(frameon=False)
plt.show()

# %% [markdown]
# The distance to the certified values, in numbers: the top block has $n_1 = 1 + d$ eigenvalues.

# %%
levels = np.sort(
    [float(v) for v, n in zip(spectrum.eigenvalues, spectrum.multiplicities, strict=True) for _ in range(n)]
)
top = levels[::-1][: 1 + d]
errors = {m: float(np.sqrt(np.mean((blocks[m][: 1 + d] - top) ** 2))) for m in widths}
for m, error in errors.items():
    print(f"m = {m:5d}: root mean square distance {error:.5f}, times sqrt(m): {error * m**0.5:.3f}")

# %% [markdown]
# ## Good directions
#
# The top block's eigenspace is nearly $\mathrm{span}\{TY : \deg Y \le 1\}$, which is known in closed form. The largest principal angle
# between both falls with $m$.

# %%
angles = {}
for m in widths:
    network = TwoLayerNetwork(d, m, sigma, seed=0)
    span, eigen = (GoodDirections(network, 1, method) for method in ("span", "eigen"))
    angles[m] = float(span.principal_angles(eigen)[-1])
    print(f"m = {m:5d}: largest principal angle {angles[m]:.3f}")

# %% [markdown]
# What the cells above show, as assertions (this notebook runs in the tests):

# %%
assert errors[1024] < errors[256] < errors[64]
assert angles[1024] < angles[256] < angles[64]
assert abs(blocks[1024][: 1 + d].mean() / top.mean() - 1) < 0.01
