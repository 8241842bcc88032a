"""Builds {{name}}.wasm. Needs Python 3; fetches a C compiler into .tools/ the first time."""

import glob
import os
import subprocess
import sys

TOOLS = ".tools"


def run(*arguments, **environment):
    """Runs a module of Python, and ends here if it fails: it has told why."""
    command = [sys.executable, "-m", *arguments]
    if subprocess.call(command, env={**os.environ, **environment}) != 0:
        sys.exit(f"{arguments[0]} failed; nothing was built")


os.chdir(os.path.dirname(os.path.abspath(__file__)))
if not os.path.exists(f"{TOOLS}/ziglang"):
    install = ["pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    run(*install, "--target", TOOLS, "--requirement", "requirements.txt")

# A core module; the type that bindings/ puts into it is all the host needs.
compiler = ["ziglang", "cc", "-target", "wasm32-wasi", "-mexec-model=reactor"]
compiler += ["-Oz", "-Wall", "-Ibindings", "-o", "{{name}}.wasm"]
# Assertions hold here too (see plugin.c), and a stack has not 16 MiB, which zig would give it.
compiler += ["-UNDEBUG", "-Wl,-z,stack-size=131072"]
compiler += glob.glob("*.c") + glob.glob("bindings/*.c") + glob.glob("bindings/*.o")
run(*compiler, PYTHONPATH=TOOLS)
