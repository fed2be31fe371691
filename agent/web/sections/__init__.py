# SPDX-License-Identifier: Apache-2.0
"""The page's sections, one file each: a function of the status document and the viewer's words."""
