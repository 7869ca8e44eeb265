"""Emitted modules against peers, side by side: time, memory, gradients, growth. `python -m benchmarks.speed --help`.

| file | what |
| --- | --- |
| `specs` | the texts in the language, and the classes compiled from them |
| `subject` | what is measured: `Data` that all rows of a case begin with, `Trained` that runs |
| `cases/` | one file for each kind of work: its rows, and the data they share |
| `peers/` | one file for each library, and the loops written by hand |
| `timing`, `memory`, `gradients`, `growth` | one measurement each |
| `goals` | the ratios that are aimed at |
| `measure` | a case measured in all these ways |
| `page`, `plot`, `machine` | what is written |
"""
import os

# Read when torch starts: its profiler, which counts bytes here, else says so on stderr each time.
os.environ.setdefault("KINETO_LOG_LEVEL", "99")
os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
