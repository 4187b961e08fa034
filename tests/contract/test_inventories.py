"""The inventories say what the environments are made of."""

import pytest

from .aws.deployment import Deployment, Resource
from .inventories import ENVIRONMENTS, inventory, page
from .terraform_roots import TERRAFORM

PAGE = """# What dev is made of

3 resources, as planned without AWS. Written by `make generated`.

| Type | Number |
|---|---:|
| `aws_iam_role` | 1 |
| `aws_s3_bucket` | 2 |

| Idle, a month, by list prices (us-east-1, January 2025) | USD |
|---|---:|
| interface endpoints | 21.90 |
| warehouse wake ups | 36.50 |
| total | 58.40 |

Wake-ups of the warehouse: ecb 30, ewm 730.

```text
module.platform.aws_iam_role.reader
module.platform.aws_s3_bucket.this["artifacts"]
module.platform.aws_s3_bucket.this["landing"]
```
"""


def test_an_inventory_counts_and_names() -> None:
    addresses = {
        'module.platform.aws_s3_bucket.this["landing"]': "aws_s3_bucket",
        "module.platform.aws_iam_role.reader": "aws_iam_role",
        'module.platform.aws_s3_bucket.this["artifacts"]': "aws_s3_bucket",
    }
    resources = {address: Resource(address, kind, {}) for address, kind in addresses.items()}
    dollars = {"warehouse_wake_ups": 36.5, "total": 58.4, "interface_endpoints": 21.9}
    cost = {"prices": "us-east-1, January 2025", "usd_a_month": dollars, "wake_ups": {"ewm": 730, "ecb": 30}}
    assert inventory("dev", Deployment(resources, {"idle_cost": cost})) == PAGE


def test_every_environment_has_one() -> None:
    assert sorted(ENVIRONMENTS) == sorted(each.name for each in (TERRAFORM / "environments").iterdir())


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_inventories_are_what_is_planned(environment: str, request: pytest.FixtureRequest) -> None:
    planned: Deployment = request.getfixturevalue(environment)
    expected = inventory(environment, planned)
    assert page(environment).read_text() == expected, "A resource came, went or was renamed: make generated"
