"""Bad input ends in a clear diagnostic, quickly, with nothing written and nothing of it in any file."""
from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

HEAD = "model M\nstate q, p : R\n"
FIELD = HEAD + "field f { q' = p }\n"
BAD = {
    "unknown name": HEAD + "field f { q' = w }\n",
    "wrong shape": "model M\ndim n = 3, m = 2\nstate x : R[n]\nparam A : R[n, m]\nfield f { x' = A @ x }\n",
    "empty set": HEAD + "param k : R, in [2, 1]\n",
    "missing part": FIELD + "flow net = lie(f, g) over [0, 1] steps 2\n",
    "missing scheme": FIELD + "flow net = loe(f) over [0, 1] steps 2\n",
    "no exact flow": HEAD + "field f { q' = sin(q) * p }\nflow net = lie(f) over [0, 1] steps 2\n",
    "empty file": "",
    "only a comment": "# nothing\n",
    "10,000 nested parentheses": HEAD + "field f { q' = " + "(" * 10_000 + "p" + ")" * 10_000 + " }\n",
    "10,000 nested brackets": HEAD + "field f { q' = " + "[" * 10_000 + "}\n",
    "10,000 minus signs": HEAD + "field f { q' = " + "-" * 10_000 + "p }\n",
    "10,000 powers": HEAD + "field f { q' = p" + "^2" * 10_000 + " }\n",
    "a long sum": HEAD + "field f { q' = " + "+".join(["p"] * 50_000) + " }\n",
    "steps 10^9": FIELD + "flow net = lie(f) over [0, 1] steps 10^9\n",
    "steps 10^10^10": FIELD + "flow net = lie(f) over [0, 1] steps 10^10^10\n",
    "a huge power": HEAD + "field f { q' = p^(10^9) }\n",
    "a huge number": HEAD + "field f { q' = 1e999999999 * p }\n",
    "a growing def": HEAD + "".join(f"def d{i}(q) = {'q * q' if not i else f'd{i - 1}(d{i - 1}(q))'}\n" for i in range(17))
    + "field f { p' = d16(q) }\n",
    "a Python keyword": "model class\nstate q : R\n",
    "a keyword as a state": "model M\nstate lambda : R\n",
    "a dunder": "model __init__\nstate q : R\n",
    "a dunder param": HEAD + "param __class__ : R\n",
    "a module attribute": HEAD + "param forward : R\n",
    "code in a name": "model M; import os\nstate q : R\n",
    "code in a string": HEAD + "field f { q' = \"__import__('os').system('true')\" }\n",
    "a call of eval": HEAD + "field f { q' = eval(p) }\n",
    "a tripled quote": HEAD + 'field f { q\' = p """ }\n',
    "an attribute": HEAD + "field f { q' = p.__class__ }\n",
    "a zero divisor": HEAD + "const a = 1/0\nfield f { q' = a * p }\n",
}


def _run(folder, data, *command):
    path = folder / "bad.ode"
    path.write_bytes(data)
    began = time.perf_counter()
    target = ["-o", "out.py"] if "compile" in command else []
    done = subprocess.run([sys.executable, "-m", "odenet", *command, "bad.ode", *target], capture_output=True,
                          text=True, cwd=folder, timeout=60, env={**os.environ, "OMP_NUM_THREADS": "1"})
    return done, time.perf_counter() - began


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused(tmp_path, name):
    done, seconds = _run(tmp_path, BAD[name].encode(), "compile")
    assert done.returncode == 2, done.stdout + done.stderr[-2000:]
    assert "error[ODE" in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.ode"]
    assert seconds < 30  # only a guard against hanging


def test_bytes_that_are_not_text(tmp_path):
    done, _ = _run(tmp_path, b"model M\nstate q : R\n# \xff\xfe\x00", "verify")
    assert done.returncode == 2
    assert "error[ODE001]" in done.stderr


INJECTED = '''# """ import os; os.system("true") #
# \\" \\n \\u0022 {{evil}} <<<injected>>>
model Pendulum
state q, p : R # """injected"""
field a { q' = p }   # ''\'injected
field b { p' = -sin(q) }
flow net = lie(a, b) over [0, 1] steps 2
claim net : symplectic
'''


def test_comments_never_reach_the_module(tmp_path):
    done, _ = _run(tmp_path, INJECTED.encode(), "compile")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "out.py").read_text()
    assert "injected" not in text and "evil" not in text and "os.system" not in text


def test_a_hostile_file_name_never_reaches_the_module(tmp_path):
    path = tmp_path / 'x"""\nimport os  # evil.ode'
    path.write_text(INJECTED)
    done = subprocess.run([sys.executable, "-m", "odenet", "compile", str(path), "-o", str(tmp_path / "out.py")],
                          capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "out.py").read_text()
    assert "\nimport os" not in text
    compile(text, "out.py", "exec")
