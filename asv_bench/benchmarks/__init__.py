"""asv's suite: one file for each public name, and `startup`, `machine` around them.

Importable against past versions of qd8: nothing of qd8 is imported before `setup`,
and what a version lacks makes its benchmark "not applicable" (NotImplementedError).
Each benchmark carries a `version`: raise it when what is measured changes, and asv
starts a new line. asv runs `setup` again before *every* timed call, so whatever takes
time there is kept for the life of the process (`functools.cache`).
"""
