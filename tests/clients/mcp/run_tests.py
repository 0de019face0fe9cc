"""Runs the tests and closes with a line `N passed, N failed`. Started by `run.sh`.

Arguments: names of tests (`test_servers.Time`), all of them when there are none.
"""

import os
import sys
import unittest
from pathlib import Path

# The scripted model is that of the tests of the Python SDK.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "python_sdk"))

# Keys of the person at the keyboard are no business of a test.
for name in ("OPENAI_API_KEY", "CODEX_API_KEY", "CODEX_HOME", "RUST_LOG", "LOG_FORMAT"):
    os.environ.pop(name, None)

suite = unittest.defaultTestLoader.loadTestsFromNames(sys.argv[1:] or ["test_servers"])
result = unittest.TextTestRunner(verbosity=2).run(suite)
# A test can fail in its body and in the checks after it; it is one test all the same.
failed = {test.id() for test, _ in result.failures + result.errors}
sys.stderr.flush()
print(f"{result.testsRun - len(failed)} passed, {len(failed)} failed", flush=True)
sys.exit(1 if failed or not result.testsRun else 0)
