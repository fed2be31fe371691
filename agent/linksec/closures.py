# SPDX-License-Identifier: Apache-2.0
"""pyOpenSSL's call-backs in a process that may have no memory both writable and executable.

The unit forbids such memory (MemoryDenyWriteExecute=). cffi's packages make closures in it all the same and
fail; Python's own ctypes asks the system's libffi, which has ready trampolines. So the closures that
pyOpenSSL makes for our two call-backs (a peer's chain, the protocol's name) come from ctypes.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

_C: Final = {
    "int": ctypes.c_int,
    "unsigned int": ctypes.c_uint,
}  # all that the call-backs have beside pointers


class _Closures:
    """cffi's `ffi`, but for `callback`."""

    def __init__(self, ffi: Any) -> None:
        self._ffi = ffi

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ffi, name)

    def callback(self, declaration: str, function: Callable[..., int]) -> Any:
        """A C function pointer that calls this one. KeyError for a declaration that is not foreseen."""
        kind = self._ffi.typeof(declaration)
        pointers = [argument if argument.kind == "pointer" else None for argument in kind.args]
        types = [ctypes.c_void_p if one.kind == "pointer" else _C[one.cname] for one in kind.args]
        cast = self._ffi.cast

        def called(*given: Any) -> int:
            return function(
                *(
                    value if pointer is None else cast(pointer, value or 0)
                    for pointer, value in zip(pointers, given, strict=True)
                )
            )

        made = ctypes.CFUNCTYPE(_C[kind.result.cname], *types)(called)
        address = ctypes.cast(made, ctypes.c_void_p).value
        # whoever keeps the pointer keeps what it points to
        return self._ffi.gc(cast(kind, address), lambda _: made)


def install(ssl: ModuleType) -> None:
    """Have pyOpenSSL's SSL module make its closures so. Again: nothing."""
    if not isinstance(ssl._ffi, _Closures):
        ssl._ffi = _Closures(ssl._ffi)  # type: ignore[attr-defined]
