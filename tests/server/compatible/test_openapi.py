"""The providers' APIs do what their description says, whatever one sends: schemathesis looks for the opposite."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings

from chatkit.server.access import Access
from chatkit.server.app import create_app
from tests.server.recordings import FakeClock, response_of, stored

_HOST = {"Host": "127.0.0.1:8765"}
_FOLDER = TemporaryDirectory()
_STORE, _QUESTION, _ANSWER = stored(Path(_FOLDER.name), response_of([1, 2, 30], 40))
_APP = create_app(_STORE, access=Access("127.0.0.1", 8765, None), clock=FakeClock())
SCHEMA = schemathesis.openapi.from_asgi("/openapi.json", _APP, headers=_HOST).include(path_regex="^/(v1|health)")


@SCHEMA.parametrize()
@settings(max_examples=25, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_the_api_is_as_it_is_described(case: schemathesis.Case[Any]) -> None:
    """With models that nobody has, and again with one that is there."""
    case.call_and_validate(headers=_HOST)
    if isinstance(case.body, dict) and isinstance(case.body.get("model"), str) and case.body["model"]:
        case.body["model"] = f"replay:{_ANSWER.message_id}"
        case.call_and_validate(headers=_HOST)
