# SPDX-License-Identifier: Apache-2.0
"""What can keep the mesh from being set up, besides what the kernel itself refuses."""


class MeshSetupError(Exception):
    """A part of the mesh cannot be set up as configured: what, why, how to mend it."""
