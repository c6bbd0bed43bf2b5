"""The Taylor claims at reduced sizes."""

from collections.abc import Callable

import matplotlib as mpl
import pytest
from examining import examine as examine_case

from verify.judging.claim import Claim
from verify.sizes.profile import QUICK
from verify.sizes.taylor import TaylorSizes

mpl.use("Agg")
SMALL = QUICK.model_copy(
    update={"taylor": TaylorSizes(replicates=3, widths={1: (512, 2048), 2: (1024, 4096)}, width_replicates=12)}
)


@pytest.fixture
def examine() -> Callable[[Claim, int, str], None]:
    """Asserts: no FAILS, every control FAILS, every comparison does under some control, and the figure draws."""

    def examined(claim: Claim, k: int, activation: str) -> None:
        p = SMALL.model_copy(update={"k": k, "activations": (activation,)})
        examine_case(claim, p)

    return examined
