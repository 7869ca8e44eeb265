"""Real, tested torch functions whose source text is copied into the modules that need them.

Nothing in the compiler imports these files: `odenet.emit.library` reads them as text. Each function stands alone but
for other functions of this package, `math`, `torch`, `F` and `Tensor`.
"""
