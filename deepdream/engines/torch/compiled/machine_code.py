"""The machine code of loops: loads it into this process, and keeps it in files for later ones.

The files lie in the package's __pycache__, or, where that cannot be written, in the user's cache. Their folder is named
after everything that they depend on.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import shutil
import sys
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Callable, NamedTuple

import llvmlite.binding as llvm

from ....storage import atomic, cache_dir

Entry = Callable[[bytes, int, int], None]  # takes packed arguments, the first row, and the last one + 1

_ENTRY = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_ssize_t, ctypes.c_ssize_t)
_SOURCES = ("compiler.py", "layer_loops.py", "winograd_loops.py", "vectors.py", "transforms.py", "blocks.py")
_PREFIX = "loops-"
_FOLDERS = 8  # that are kept: for other processors, and other versions that share this folder
# What numba puts into every function, for exceptions. The loops raise none.
UNUSED = {
    *("PyBytes_FromStringAndSize", "PyErr_Clear", "PyErr_SetNone", "PyErr_SetString", "PyErr_WriteUnraisable"),
    *("PyUnicode_FromString", "Py_DecRef", "NRT_Free", "numba_do_raise", "numba_gil_ensure", "numba_gil_release"),
    *("numba_runtime_build_excinfo_struct", "numba_unpickle"),
}
_loaded: list[llvm.ExecutionEngine] = []  # functions live as long as these


class Code(NamedTuple):
    """A compiled loop. entry: its function. symbols: those that it refers to. code: an object file."""

    entry: str
    symbols: list[str]
    code: bytes


def machine() -> llvm.TargetMachine:
    """This processor, as code is compiled for it."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_triple(llvm.get_process_triple())
    reloc = "static" if target.name.startswith("x86") else "default"
    host = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    return target.create_target_machine(*host, opt=3, reloc=reloc, codemodel="jitdefault", jit=True)


def load(code: Code) -> Entry:
    """The function that the code is of. Raises ImportError if something that it calls is not in this process."""
    for symbol in code.symbols:
        if llvm.address_of_symbol(symbol):
            continue
        if symbol not in UNUSED:
            raise ImportError(f"there is no {symbol}")
        llvm.add_symbol(symbol, ctypes.cast(ctypes.pythonapi.Py_FatalError, ctypes.c_void_p).value)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code.code))
    engine.finalize_object()
    _loaded.append(engine)
    return _ENTRY(engine.get_function_address(code.entry))


def kept(name: str) -> Code | None:
    """The code that keep() has kept under this name. None if there is none, or if it is damaged."""
    for file in (folder / name for folder in _folders()):
        with contextlib.suppress(OSError):
            checksum, _, content = (file.read_bytes() if file.is_file() else b"").partition(b"\n")
            if checksum == _checksum(content):
                header, _, code = content.partition(b"\n")
                return Code(**json.loads(header), code=code)
    return None


def keep(name: str, code: Code) -> None:
    """Keeps code for later processes, if there is a folder that can be written."""
    header = json.dumps({"entry": code.entry, "symbols": code.symbols}).encode()
    content = header + b"\n" + code.code
    for folder in _folders():
        with contextlib.suppress(OSError):
            if not folder.is_dir():
                _make_room(folder.parent)
                folder.mkdir(parents=True, exist_ok=True)
            atomic.write(folder / name, _checksum(content) + b"\n" + content)
            return


def _checksum(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _make_room(parent: Path) -> None:
    """Removes the folders that have got no code for longest, so that with a new one there are _FOLDERS."""
    folders = sorted(parent.glob(_PREFIX + "*"), key=lambda folder: folder.stat().st_mtime)
    for folder in folders[: max(0, len(folders) + 1 - _FOLDERS)]:
        shutil.rmtree(folder, ignore_errors=True)


@lru_cache(maxsize=None)
def _folders() -> list[Path]:
    """Where code may lie, in the order in which the places are tried. Empty if the sources cannot be read."""
    here = Path(__file__).parent
    try:
        sources = b"".join((here / name).read_bytes() for name in _SOURCES)
    except OSError:
        return []
    versions = [sys.version, version("numba"), version("llvmlite"), llvm.get_process_triple()]
    processor = [llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()]
    name = _PREFIX + _checksum("\n".join([*versions, *processor]).encode() + sources)[:16].decode()
    parents = [here / "__pycache__", cache_dir.cache_root()]
    return [parent / name for parent in parents if parent]
