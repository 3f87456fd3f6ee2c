"""Generates the stubs in src/mesos and src/mesosbridge/v1 from the repository's protos. Needs grpcio-tools."""

import sys
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

HERE = Path(__file__).resolve().parent
PROTO = HERE.parent.parent / "proto"
# Mesos's messages that no scheduler sees are left out.
FILES = [
    "mesos/v1/mesos.proto",
    "mesos/v1/scheduler/scheduler.proto",
    "mesosbridge/v1/scheduler.proto",
    "mesosbridge/v1/observer.proto",
]


def generate() -> int:
    out = HERE / "src"
    well_known = files("grpc_tools") / "_proto"
    messages = [f"--python_out={out}", f"--pyi_out={out}"]
    services = [f"--grpc_python_out={out}"]
    paths = [f"-I{PROTO}", f"-I{well_known}"]
    status = protoc.main(["protoc", *paths, *messages, *FILES])
    return status or protoc.main(["protoc", *paths, *services, *[name for name in FILES if "mesosbridge" in name]])


if __name__ == "__main__":
    sys.exit(generate())
