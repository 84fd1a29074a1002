"""Counts too large for a test run: ``python -m tests.deep --help``.

``judged.py`` counts problems of every family against LiteRT and the reference,
``paths.py`` names the ways in which a kernel may compute, each forced in turn.
"""
