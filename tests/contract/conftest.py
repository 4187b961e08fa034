"""Plans of the environments, made once for all contract tests."""

import pytest

from .aws.deployment import Deployment
from .terraform_roots import PACKAGES, Roots


@pytest.fixture(scope="session")
def roots(tmp_path_factory: pytest.TempPathFactory) -> Roots:
    return Roots.copied_to(tmp_path_factory.mktemp("roots") / "terraform")


@pytest.fixture(scope="session")
def dev_plans(roots: Roots) -> dict[str, Deployment]:
    """dev as it is, and as it would be in another partition."""
    return {run: Deployment.of_plan(plan) for run, plan in roots.plans("environments/dev", PACKAGES).items()}


@pytest.fixture(scope="session")
def dev(dev_plans: dict[str, Deployment]) -> Deployment:
    return dev_plans["plan"]


@pytest.fixture(scope="session")
def china(dev_plans: dict[str, Deployment]) -> Deployment:
    return dev_plans["in_another_partition"]


@pytest.fixture(scope="session")
def local_plans(roots: Roots) -> dict[str, Deployment]:
    """local as it is, and with hooks."""
    return {
        run: Deployment.of_plan(plan) for run, plan in roots.plans("environments/local", PACKAGES).items()
    }


@pytest.fixture(scope="session")
def local(local_plans: dict[str, Deployment]) -> Deployment:
    return local_plans["plan"]


@pytest.fixture(scope="session")
def hooked(local_plans: dict[str, Deployment]) -> Deployment:
    """An environment with functions of its own in the flow."""
    return local_plans["with_hooks"]


@pytest.fixture(scope="session")
def staging(roots: Roots) -> Deployment:
    return Deployment.of_plan(roots.plans("environments/staging", PACKAGES)["plan"])


@pytest.fixture(scope="session")
def prod(roots: Roots) -> Deployment:
    return Deployment.of_plan(roots.plans("environments/prod", PACKAGES)["plan"])


@pytest.fixture(scope="session")
def every_choice(roots: Roots) -> Deployment:
    """The workflow alone, with every choice of the flow made: hooks, repetitions, time-outs, a bus."""
    plan = roots.module_plans("workflow", "flow")["all_that_an_environment_may_choose"]
    return Deployment.of_plan(plan, at_least=5)


@pytest.fixture(scope="session", params=["dev", "prod", "local"])
def deployment(request: pytest.FixtureRequest) -> Deployment:
    """Each environment in turn."""
    found: Deployment = request.getfixturevalue(request.param)
    return found
