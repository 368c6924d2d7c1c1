"""Fixtures that the suites over HTTP share."""

import pytest
from deployment import Deployment


@pytest.fixture(scope="module")
def deployment(request):
    """One for all tests of a file; its SETTINGS, if it has any, are the deployment's."""
    failed = request.session.testsfailed
    place = Deployment(**getattr(request.module, "SETTINGS", {}))
    try:
        place.up()
        yield place
    finally:
        place.close(failed=request.session.testsfailed > failed)
