"""Measurements: the asv suite, the peers, and one revision against another.

They share one room because they share layers, data and the way of taking turns:
`benchmarks` (asv imports it alone, so it imports nothing from beside itself), `peers`
(qd8 beside other engines in one process) and `compare` (qd8 beside an older qd8).
"""
