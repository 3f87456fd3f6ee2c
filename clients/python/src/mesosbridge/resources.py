"""Taking what tasks need out of offers."""

from __future__ import annotations

from collections.abc import Iterable

from mesos.v1 import mesos_pb2


class ResourcePool:
    """What is left of an offer's resources.

    What is taken keeps role, reservation and allocation as they were offered: Mesos refuses a task whose resources are
    not those of the offer. Amounts are counted in thousandths, as Mesos does, so that 0.1 + 0.2 is 0.3.
    """

    def __init__(self, resources: Iterable[mesos_pb2.Resource]) -> None:
        plain = [resource for resource in resources if _is_plain(resource)]
        # Reserved resources first: nobody else could use what would be left of them.
        plain.sort(key=lambda resource: not _is_reserved(resource))
        self._left = [[resource, round(resource.scalar.value * 1000)] for resource in plain]

    def take(self, cpus: float, mem: float) -> list[mesos_pb2.Resource] | None:
        """Takes cpus, and mem in MB. None, with nothing taken, when there is less."""
        wanted = {"cpus": round(cpus * 1000), "mem": round(mem * 1000)}
        if any(self._sum(name) < amount for name, amount in wanted.items()):
            return None
        return [taken for name, amount in wanted.items() for taken in self._take_one(name, amount)]

    def _sum(self, name: str) -> int:
        return sum(left for resource, left in self._left if resource.name == name)

    def _take_one(self, name: str, missing: int) -> Iterable[mesos_pb2.Resource]:
        for entry in self._left:
            resource, left = entry
            part = min(left, missing)
            if resource.name != name or part == 0:
                continue
            entry[1] -= part
            missing -= part
            taken = mesos_pb2.Resource()
            taken.CopyFrom(resource)
            taken.scalar.value = part / 1000
            yield taken


def _is_plain(resource: mesos_pb2.Resource) -> bool:
    """Revocable and shared resources are not for tasks that want to keep what they got."""
    unusual = resource.HasField("revocable") or resource.HasField("shared")
    return resource.type == mesos_pb2.Value.SCALAR and not unusual


def _is_reserved(resource: mesos_pb2.Resource) -> bool:
    return len(resource.reservations) > 0 or (resource.HasField("role") and resource.role != "*")
