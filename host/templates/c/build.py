"""Builds {{name}}.wasm. Needs Python 3; fetches a C compiler into .tools/ the first time."""

import glob
import os
import subprocess
import sys

os.chdir(os.path.dirname(os.path.abspath(__file__)))
TOOLS = ".tools"
if not os.path.exists(f"{TOOLS}/ziglang"):
    install = ["pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    install += ["--target", TOOLS, "--requirement", "requirements.txt"]
    subprocess.check_call([sys.executable, "-m", *install])

# A core module; the type that bindings/ puts into it is all the host needs.
compiler = [sys.executable, "-m", "ziglang", "cc", "-target", "wasm32-wasi", "-mexec-model=reactor"]
compiler += ["-Oz", "-Wall", "-Ibindings", "-o", "{{name}}.wasm"]
compiler += glob.glob("*.c") + glob.glob("bindings/*.c") + glob.glob("bindings/*.o")
subprocess.check_call(compiler, env={**os.environ, "PYTHONPATH": TOOLS})
