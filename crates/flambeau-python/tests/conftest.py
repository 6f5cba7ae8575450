import os
import pathlib

import pytest


@pytest.fixture(scope="session")
def root():
    """The repository, for its examples."""
    path = os.environ.get("FLAMBEAU_ROOT")
    return pathlib.Path(path) if path else pathlib.Path(__file__).resolve().parents[3]
