"""The landing bucket: an answer that breaks off is asked for again."""

from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from xmlift.errors import LandingError
from xmlift.landing.zone import Version, Zone

CUT = ResponseStreamingError(error="connection broken: 3 bytes read, 2 more expected")
SHORT = IncompleteReadError(actual_bytes=3, expected_bytes=5)
SILENT = ReadTimeoutError(endpoint_url="https://s3")


class Faulty:
    """A client whose object is `whole`, of which as many reads fail as there are faults."""

    def __init__(self, *faults: Exception) -> None:
        self.faults = list(faults)
        self.asked = 0

    def get_object(self, **_: Any) -> dict[str, Any]:
        self.asked += 1
        return {"Body": self, "ETag": '"1"'}

    def read(self) -> bytes:
        if self.faults:
            raise self.faults.pop(0)
        return b"whole"


@pytest.mark.parametrize("fault", [CUT, SHORT, SILENT])
def test_an_object_that_breaks_off_is_read_again(fault: Exception) -> None:
    s3, slept = Faulty(fault, fault), list[float]()
    assert Zone(s3, "landing", sleep=slept.append).find_version("k") == Version(b"whole", '"1"')
    assert s3.asked == 3
    assert slept == [0.1, 0.2]


def test_an_object_that_always_breaks_off_is_told_as_such() -> None:
    with pytest.raises(LandingError, match=r"s3://landing/k could not be read in 8 tries: .*3 bytes read"):
        Zone(Faulty(*[CUT] * 8), "landing", sleep=lambda _: None).get("k")


def test_what_may_not_be_read_is_not_asked_for_again() -> None:
    s3 = Faulty(ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject"))
    with pytest.raises(ClientError, match="AccessDenied"):
        Zone(s3, "landing", sleep=lambda _: None).get("k")
    assert s3.asked == 1
