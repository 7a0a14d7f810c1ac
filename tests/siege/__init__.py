"""Attacks, played as a pull request would play them: nothing gets out, hangs, or learns a secret."""
