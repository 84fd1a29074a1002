"""`make bench-compare BASE=rev`: what got slower, and what changed bits, since then.

`cases` lists what is compared, `worker` runs them in a process that has one revision
of qd8, `turns` lets two workers alternate, `judge` decides.
"""
