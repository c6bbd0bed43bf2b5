"""Which processor and which linear algebra computed: what the last digits of a number depend on besides the code."""

from __future__ import annotations

import ctypes
import os
import platform
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np

SWITCHES = (
    "ATEN_CPU_CAPABILITY",
    "DNNL_MAX_CPU_ISA",
    "MKL_CBWR",
    "MKL_DEBUG_CPU_TYPE",
    "MKL_ENABLE_INSTRUCTIONS",
    "NPY_DISABLE_CPU_FEATURES",
    "NPY_ENABLE_CPU_FEATURES",
    "ONEDNN_MAX_CPU_ISA",
    "OPENBLAS_CORETYPE",
    "OPENBLAS_VERBOSE",
)
"""Environment variables that choose kernels."""

KERNELS = ("device", "processor", "instructions", "blas", "switches")
"""Entries of the provenance that decide which kernels ran: records that agree in them should agree in all digits."""


@lru_cache(maxsize=1)
def machine() -> dict[str, str]:
    """The processor, its instruction set as torch uses it, the linear algebra of torch and NumPy, and what chose it."""
    import torch

    chosen = [f"{name}={os.environ[name]}" for name in SWITCHES if name in os.environ]
    return {
        "processor": _processor(),
        "instructions": f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}",
        "blas": f"torch: {_torch_blas()}; numpy: {_numpy_blas()}",
        "switches": " ".join(chosen) or "none",
    }


def kernels(provenance: Mapping[str, str]) -> dict[str, str]:
    """The entries of :data:`KERNELS` alone."""
    return {name: provenance.get(name, "unknown") for name in KERNELS}


def _processor() -> str:
    """Model name of the processor."""
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine() or "unknown"


def _torch_blas() -> str:
    """Such as "mkl 2024.2"."""
    import torch

    shown = torch.__config__.show()
    library = re.search(r"BLAS_INFO=(\w+)", shown)
    version = re.search(r"Math Kernel Library Version ([\w.]+)", shown)
    return " ".join([library[1] if library else "unknown", *([version[1]] if version else [])])


def _numpy_blas() -> str:
    """Such as "scipy-openblas 0.3.31 Haswell": the last word is the kernel that was chosen for this processor."""
    blas = np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})
    core = _openblas_core()
    return " ".join([str(blas.get("name", "unknown")), str(blas.get("version", "")), *([core] if core else [])])


def _openblas_core() -> str | None:
    """What OpenBLAS beside NumPy says of itself; None when there is no such library or it does not say."""
    folder = Path(np.__file__).resolve().parent.parent / "numpy.libs"
    for path in sorted(folder.glob("*openblas*")):
        try:
            library = ctypes.CDLL(str(path))
        except OSError:
            continue
        for name in ("scipy_openblas_get_corename64_", "scipy_openblas_get_corename", "openblas_get_corename"):
            function = getattr(library, name, None)
            if function is not None:
                function.restype = ctypes.c_char_p
                return str(function().decode())
    return None
