"""Builds with setuptools, and generates the stubs before that."""

from setuptools.build_meta import *  # noqa: F403

import generate

# Without the repository around it, as in a source distribution, the stubs are there already.
if generate.PROTO.is_dir() and generate.generate() != 0:
    raise SystemExit("generating the stubs failed")
