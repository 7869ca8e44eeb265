"""`odenet certify`: bounds of a trained module, as it runs, with the weights it has.

Start at `analysis.certificate`. A module is run once and its operations are written down (`tape`, `operations`,
`linear_maps`), cut into layers (`segments`), and bounded: constraints (`residuals`), Lipschitz constants (`constants`,
`refine`), rounding (`rounding`), answers (`accuracy`) beside attacks (`attack`). `enclosures` has the arithmetic that all
bounds rest on. Torch and scipy are imported by these modules, not by this one.
"""
