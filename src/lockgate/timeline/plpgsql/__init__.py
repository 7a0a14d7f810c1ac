"""PL/pgSQL: its names, the analysis of bodies, and their execution over the simulated catalog."""
