"""PL/pgSQL: its grammar with exact places, its names, the analysis of bodies, and their execution over the simulated catalog."""
