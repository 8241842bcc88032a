"""Builds {{name}}.wasm. Needs Python 3.10; fetches the compiler into .tools/ the first time."""

import os
import subprocess
import sys

TOOLS = ".tools"


def run(name, *arguments, **environment):
    """Runs Python, and ends here if that fails: it has told why."""
    command = [sys.executable, *arguments]
    if subprocess.call(command, env={**os.environ, **environment}) != 0:
        sys.exit(f"{name} failed; nothing was built")


if sys.version_info < (3, 10):
    sys.exit("Python 3.10 or later is needed")
os.chdir(os.path.dirname(os.path.abspath(__file__)))
if not os.path.exists(f"{TOOLS}/componentize_py"):
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run("pip", *install, "--require-hashes", "--target", TOOLS, "--requirement", "requirements.txt")

# --stub-wasi: no WASI; what the host offers stands in wit/.
compiler = ["-c", "import componentize_py; componentize_py.script()"]
compiler += ["--wit-path", "wit", "--world", "bindings"]
compiler += ["componentize", "--stub-wasi", "plugin", "--output", "{{name}}.wasm"]
run("componentize-py", *compiler, PYTHONPATH=TOOLS)
