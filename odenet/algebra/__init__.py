"""The algebra of linear maps: exact scalars, words of letters, their normal form, Jacobians, traces, spectra."""
