"""Names of registered models: one for each task and role, and no other."""

import pytest

from dlnet.errors import RegistryError
from dlnet.registry.names import NAME, edge_name, registered_name, task_of_name

TASKS = ["battery", "pump", "a", "battery_2", "edge", "student", "lock", "v7", "x" * 20]
WRONG = [
    "", "dlnet", "dlnet-", "dlnet-lock", "dlnet-other", "dlnet-pump", "dlnet--edge", "dlnet-battery-edge",
    "dlnet-a-b-edge", "dlnet-Pump-edge", "dlnet-1a-edge", "dlnet-_a-edge", "dlnet-pümp-edge", "dlnet-pump-edge\n",
    "dlnet-edge ", " dlnet-edge", f"dlnet-{'x' * 21}-edge", "DLNET-edge", "dlnet-pump-edge/1", "../dlnet-edge",
    "dlnet-pump-edge'", "$(id)",
]  # fmt: skip


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("role", ["edge", "student", "teacher"])
def test_a_name_tells_its_task(task, role):
    name = registered_name(task, role)
    assert name == (f"dlnet-{role}" if task == "battery" else f"dlnet-{task}-{role}")
    assert task_of_name(name) == task


def test_no_two_have_the_same_name():
    names = [registered_name(task, role) for task in TASKS for role in ("edge", "student", "teacher")]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", WRONG)
def test_any_other_name_is_refused(name):
    assert not NAME.fullmatch(name)
    for check in (edge_name, task_of_name):
        with pytest.raises(RegistryError, match="not a registered") as caught:
            check(name)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["dlnet-teacher", "dlnet-pump-student", "dlnet-edge-teacher"])
def test_only_edge_models_are_released(name):
    assert task_of_name(name)
    with pytest.raises(RegistryError, match="not a registered edge model; write dlnet-edge or dlnet-TASK-edge"):
        edge_name(name)


def test_a_role_of_another_name_is_refused():
    with pytest.raises(RegistryError, match="no role"):
        registered_name("pump", "lock")
