from mesos.v1.mesos_pb2 import Resource, Value
from mesosbridge import ResourcePool


def scalar(name: str, value: float, **more) -> Resource:
    return Resource(name=name, type=Value.SCALAR, scalar=Value.Scalar(value=value), **more)


def test_reserved_resources_go_first() -> None:
    reserved = scalar("cpus", 0.5, reservations=[Resource.ReservationInfo(role="ops")])
    taken = ResourcePool([scalar("cpus", 1), reserved, scalar("mem", 64)]).take(0.7, 32)
    assert [(r.name, r.scalar.value, len(r.reservations)) for r in taken] == [
        ("cpus", 0.5, 1),
        ("cpus", 0.2, 0),
        ("mem", 32, 0),
    ]


def test_amounts_are_exact_in_thousandths() -> None:
    pool = ResourcePool([scalar("cpus", 0.3), scalar("mem", 96)])
    assert all(pool.take(0.1, 32) for _ in range(3))
    assert pool.take(0.001, 0) is None


def test_nothing_is_taken_when_there_is_less() -> None:
    pool = ResourcePool([scalar("cpus", 1), scalar("mem", 16)])
    assert pool.take(0.1, 32) is None
    assert len(pool.take(1, 16)) == 2


def test_revocable_resources_are_left_alone() -> None:
    assert ResourcePool([scalar("cpus", 4, revocable=Resource.RevocableInfo())]).take(0.1, 0) is None
