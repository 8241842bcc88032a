"""Builds {{name}}.wasm. Needs Python 3.10; fetches the compiler into .tools/ the first time."""

import os
import subprocess
import sys

os.chdir(os.path.dirname(os.path.abspath(__file__)))
TOOLS = ".tools"
if not os.path.exists(f"{TOOLS}/componentize_py"):
    install = ["pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    install += ["--target", TOOLS, "--requirement", "requirements.txt"]
    subprocess.check_call([sys.executable, "-m", *install])

# --stub-wasi: no WASI; what the host offers stands in wit/.
compiler = [sys.executable, "-c", "import componentize_py; componentize_py.script()"]
compiler += ["--wit-path", "wit", "--world", "bindings"]
compiler += ["componentize", "--stub-wasi", "plugin", "--output", "{{name}}.wasm"]
subprocess.check_call(compiler, env={**os.environ, "PYTHONPATH": TOOLS})
