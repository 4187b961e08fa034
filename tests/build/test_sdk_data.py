"""botocore's descriptions of AWS, cut to what the functions call: what is left is as it was."""

import gzip
import json
from typing import Any

from botocore.session import get_session
from hypothesis import given
from hypothesis import strategies as st

from sdk_data import OPERATIONS, cut_to_what_is_called

MODEL = {
    "metadata": {"serviceId": "S3"},
    "operations": {
        "GetObject": {
            "name": "GetObject",
            "input": {"shape": "GetInput"},
            "errors": [{"shape": "NoSuchKey"}],
        },
        "CopyObject": {"name": "CopyObject", "input": {"shape": "CopyInput"}},
    },
    "shapes": {
        "GetInput": {"type": "structure", "members": {"shape": {"shape": "Tree"}}},
        "Tree": {"type": "structure", "members": {"children": {"shape": "Trees"}}},
        "Trees": {"type": "list", "member": {"shape": "Tree"}},
        "NoSuchKey": {"type": "structure", "members": {}},
        "CopyInput": {"type": "structure", "members": {}},
    },
}


def cut(path: str, document: Any) -> Any:
    ((_, content),) = cut_to_what_is_called({path: json.dumps(document).encode()}).items()
    return json.loads(content)


def test_a_service_keeps_what_is_called_and_the_shapes_that_it_is_made_of() -> None:
    left = cut("botocore/data/s3/2006-03-01/service-2.json", MODEL)
    assert list(left) == ["metadata", "operations", "shapes"]
    assert left["operations"] == {"GetObject": MODEL["operations"]["GetObject"]}
    assert list(left["shapes"]) == ["GetInput", "Tree", "Trees", "NoSuchKey"]


def test_endpoints_keep_every_region_and_our_services() -> None:
    services = {"ec2": {"endpoints": {}}, "s3": {"endpoints": {"eu-central-1": {}}}, "states": {}}
    document = {"partitions": [{"partition": "aws", "regions": {"eu-central-1": {}}, "services": services}]}
    assert cut("botocore/data/endpoints.json", document) == {
        "partitions": [
            {
                "partition": "aws",
                "regions": {"eu-central-1": {}},
                "services": {"s3": {"endpoints": {"eu-central-1": {}}}, "states": {}},
            }
        ]
    }


def test_what_was_compressed_is_not() -> None:
    files = {"botocore/data/s3/2006-03-01/endpoint-rule-set-1.json.gz": gzip.compress(b'{"rules": []}')}
    assert cut_to_what_is_called(files) == {
        "botocore/data/s3/2006-03-01/endpoint-rule-set-1.json": b'{"rules": []}'
    }


@given(st.dictionaries(st.sampled_from(["lib/a.py", "lib/service-2.json", "lib/x.gz"]), st.binary()))
def test_other_files_stay_as_they_are(files: dict[str, bytes]) -> None:
    assert cut_to_what_is_called(files) == files


def test_of_each_service_every_operation_that_is_called_is_botocores_own() -> None:
    for service, called in OPERATIONS.items():
        model = get_session().get_service_model(service)
        document = {"operations": model._service_description["operations"]}
        shapes = model._service_description["shapes"]
        left = cut(f"botocore/data/{service}/1/service-2.json", document | {"shapes": shapes})
        assert set(left["operations"]) == called
        assert all(left["operations"][name] == document["operations"][name] for name in called)
        assert all(left["shapes"][name] == shapes[name] for name in left["shapes"])
