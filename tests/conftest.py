"""Shared fixtures."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def _single_thread() -> None:
    """Tests run on one torch thread: small matrices gain nothing from more, and sums keep their order."""
    torch.set_num_threads(1)
