"""A page for each fault code, `ODE###.md`; installs as `odenet.pages`."""
